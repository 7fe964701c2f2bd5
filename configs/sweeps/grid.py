"""A grid of 25 Gaussians: how strong R1 and how fast the discriminator, three seeds of each.

python -m experiments.ablate --sweep=configs/sweeps/grid.py --workdir=runs/grid
"""

BASE = "configs/points/gan.py:grid"
SEEDS = (0, 1, 2)
OVERRIDES = {
    "steps": 4_000,
    "sample_every": 4_000,
    "evaluate_every": 4_000,
    "generator.learning_rate": 1e-3,
}
AXES = {"r1": (0.0, 0.1, 1.0), "discriminator.learning_rate": (5e-4, 1e-3, 2e-3)}
FIGURES = ("samples/modes", "samples/high_quality", "samples/reverse_kl")
