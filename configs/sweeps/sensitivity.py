"""How many settings of a GAN on a ring of Gaussians succeed: rates, momentum, batch, loss, penalty.

Sixty settings at random, the same for anyone. A success reaches all eight modes in like shares,
with seven samples of ten within three standard deviations of one.

python -m experiments.ablate --sweep=configs/sweeps/sensitivity.py --workdir=runs/sensitivity
"""

from gan_jax.ranges import Range

BASE = "configs/points/gan.py:ring"
SEEDS = (0,)
OVERRIDES = {
    "steps": 10_000,
    "sample_every": 10_000,
    "evaluate_every": 10_000,
    "evaluate_count": 20_000,
    "checkpoint_every": 10_000,
}
AXES = {
    "generator.learning_rate": Range(1e-4, 1e-2, log=True),
    "discriminator.learning_rate": Range(1e-4, 1e-2, log=True),
    "generator.beta1": (0.0, 0.5, 0.9),
    "batch_size": (64, 256),
    "loss": ("NON_SATURATING", "HINGE", "WASSERSTEIN", "RELATIVISTIC"),
    "r1": (0.0, 0.1, 1.0),
}
DRAWS = 60
FIGURES = ("samples/modes", "samples/high_quality", "samples/reverse_kl")
SUCCESS = {
    "samples/modes": (8, 8),
    "samples/high_quality": (0.7, 1),
    "samples/reverse_kl": (0, 0.01),
}
