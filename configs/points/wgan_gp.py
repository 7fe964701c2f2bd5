"""WGAN-GP on a ring of eight Gaussians, or a grid of twenty-five: five critic steps a step.

Gulrajani et al., 2017, arXiv:1704.00028: the Wasserstein loss under a gradient penalty, here of
0.1, as the authors' code has it for points.

    python -m experiments.train --config=configs/points/wgan_gp.py:grid
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import GradientPenalty
from gan_jax.train import points_plan, settings

VARIANTS = ("ring", "grid")
TINY = {"net.hidden": (8,), "discriminator_repeats": 2}


def get_config(variant: str = "ring") -> ConfigDict:
    plan = points_plan(5_000)
    adam = Adam(learning_rate=2e-3, beta1=0.0, beta2=0.9, decay="cosine")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 2, "hidden": (128, 128)}
    config.gradient_penalty = 0.1
    config.discriminator_repeats = 5
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, dtype = config.net.hidden, config.dtype
    return algorithms.gan(
        nets.mlp.Generator((2,), hidden, final=None, dtype=dtype),
        nets.mlp.Discriminator(hidden, dtype=dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=losses.WASSERSTEIN,
        penalties=[GradientPenalty(config.gradient_penalty)],
        discriminator_repeats=config.discriminator_repeats,
    )
