"""BEGAN: the discriminator is an autoencoder, and a controller keeps its two errors in balance.

Berthelot et al., 2017, arXiv:1703.10717. The paper draws faces with γ from 0.3 to 0.7. On strokes
of high contrast a plain grey is so easy to reconstruct that its error is in that balance at once,
and the controller never lets the discriminator act. So here γ = 1, the code is too narrow for what
is not a digit, and for a short run the gain and the generator's rate are larger than the paper's.
In 3,000 steps in place of 1,000 digits get crisper, and their classes fewer: entropy 1.48 of 2.30.
`discriminator/convergence` is the paper's measure.

    python -m experiments.train --config=configs/image/began.py
"""

from dataclasses import replace

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = {  # steps, numbers of the code
    "digits": (1_000, 16),
    "mnist": (10_000, 32),
    "fashion_mnist": (10_000, 32),
    "cifar10": (20_000, 64),
}
TINY = {"data.resolution": 8, "net.width": 4, "net.code": 8}


def get_config(variant: str = "digits") -> ConfigDict:
    steps, code = VARIANTS[variant]
    plan = Plan(steps=steps, sample_every=200, evaluate_every=500)
    slow = Adam(learning_rate=5e-4, beta1=0.5, decay="linear", final_scale=0.1)
    fast = replace(slow, learning_rate=1e-3)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=fast, discriminator=slow))
    config.net = {"latent_dim": 64, "code": code, "width": 16}
    config.balance = 1.0
    config.gain = 0.05
    return config


def make_game(config: ConfigDict) -> Game:
    return algorithms.began(
        nets.began.Generator(
            config.data.resolution, config.data.channels, config.net.width, dtype=config.dtype
        ),
        nets.began.Autoencoder(config.net.code, config.net.width, dtype=config.dtype),
        prior=priors.uniform(config.net.latent_dim),
        balance=config.balance,
        gain=config.gain,
    )
