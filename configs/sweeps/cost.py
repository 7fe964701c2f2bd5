"""What it costs to bring the FID of digits down to 5: ten methods, on this machine.

Steps and seconds of training alone, without compiling, pictures and evaluations, which are every
250 steps, of 5,000 samples. Recipes are as they are, but for schedules that end with a run, here
after 4,000 steps; where none is named it is DCGAN's.

    python -m experiments.ablate --sweep=configs/sweeps/cost.py --workdir=runs/cost
"""

BASE = "configs/image/dcgan.py:digits"
SEEDS = (0, 1, 2)
OVERRIDES = {
    "steps": 4_000,
    "evaluate_every": 250,
    "evaluate_count": 5_000,
    "sample_every": 4_000,
    "checkpoint_every": 4_000,
}
COST = ("samples/fid", 5.0)
SETTINGS = {
    "non-saturating, R1": {},
    "R1 every 16th step": {"r1_every": 16},
    "no penalty": {"r1": 0.0},
    "relativistic, R1 and R2": {"loss": "RELATIVISTIC", "r1": 0.5, "r2": 0.5},
    "conditional, R1": {"BASE": "configs/image/cgan.py:digits"},
    "spectral normalisation": {"BASE": "configs/image/sngan.py:digits"},
    "self-attention": {"BASE": "configs/image/sagan.py:digits"},
    "WGAN-GP": {"BASE": "configs/image/wgan_gp.py:digits"},
    "StyleGAN2": {"BASE": "configs/image/stylegan2.py:digits"},
    "R3GAN": {"BASE": "configs/image/r3gan.py:digits"},
}
