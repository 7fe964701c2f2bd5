"""GMAN on a ring of eight Gaussians, or a grid of twenty-five: several discriminators.

Durugkar et al., 2017, arXiv:1611.01673; `sharpness` as in `image/gman.py`, without a penalty.

    python -m experiments.train --config=configs/points/gman.py:grid
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import R1
from gan_jax.train import points_plan, settings

VARIANTS = ("ring", "grid")
TINY = {"net.hidden": (8,)}


def get_config(variant: str = "ring") -> ConfigDict:
    plan = points_plan(10_000)
    adam = Adam(learning_rate=2e-3, beta1=0.0, decay="cosine")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 2, "hidden": (128, 128), "discriminators": 3}
    config.sharpness = 1.0
    config.r1 = 0.0
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, dtype = config.net.hidden, config.dtype
    return algorithms.gman(
        nets.mlp.Generator((2,), hidden, final=None, dtype=dtype),
        nets.mlp.Discriminator(hidden, dtype=dtype),
        count=config.net.discriminators,
        sharpness=config.sharpness,
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
    )
