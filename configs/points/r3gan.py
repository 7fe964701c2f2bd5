"""R3GAN's loss on a ring of eight Gaussians, or a grid of twenty-five.

Huang et al., 2024, arXiv:2501.05441: the relativistic loss over pairs with R1 on data and R2 on
samples.

    python -m experiments.train --config=configs/points/r3gan.py:grid
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import R1, R2
from gan_jax.train import points_plan, settings

VARIANTS = {"ring": 0.003, "grid": 0.03}  # γ: the ring's modes are narrower
TINY = {"net.hidden": (8,)}


def get_config(variant: str = "ring") -> ConfigDict:
    plan = points_plan(10_000)
    adam = Adam(learning_rate=2e-3, beta1=0.0, decay="cosine")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 2, "hidden": (128, 128)}
    config.gamma = VARIANTS[variant]
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, dtype = config.net.hidden, config.dtype
    return algorithms.gan(
        nets.mlp.Generator((2,), hidden, final=None, dtype=dtype),
        nets.mlp.Discriminator(hidden, dtype=dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=losses.RELATIVISTIC,
        penalties=[R1(config.gamma), R2(config.gamma)],
    )
