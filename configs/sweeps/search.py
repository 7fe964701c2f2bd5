"""A grid of 25 Gaussians: how strong R1, how fast either player, of which width.

python -m experiments.search --sweep=configs/sweeps/search.py --trials=20 --workdir=runs/search

With `DRAWS` it is a sweep of random settings too, for `experiments.ablate`.
"""

from gan_jax.ranges import Range

BASE = "configs/points/gan.py:grid"
SEEDS = (0, 1)
OVERRIDES = {"steps": 4_000, "sample_every": 4_000, "evaluate_every": 4_000}
AXES = {
    "r1": Range(0.01, 10.0, log=True),
    "generator.learning_rate": Range(1e-4, 1e-2, log=True),
    "discriminator.learning_rate": Range(1e-4, 1e-2, log=True),
    "net.hidden": ((64, 64), (128, 128, 128)),
}
DRAWS = 20
FIGURES = ("samples/reverse_kl", "samples/modes", "samples/high_quality")
OBJECTIVE, DIRECTION = "samples/reverse_kl", "minimize"
