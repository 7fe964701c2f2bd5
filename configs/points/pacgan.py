"""PacGAN on a ring of eight Gaussians, or a grid of twenty-five, the mixtures of its paper.

Lin et al., 2018, arXiv:1712.04086: the discriminator judges packs of points side by side, so that a
lack of variety shows. There is no penalty, as in the paper, whose nets are wider and runs longer.

    python -m experiments.train --config=configs/points/pacgan.py:grid
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
    config.net = {"latent_dim": 2, "hidden": (128, 128)}
    config.pack = 2
    config.r1 = 0.0
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, dtype = config.net.hidden, config.dtype
    return algorithms.gan(
        nets.mlp.Generator((2,), hidden, final=None, dtype=dtype),
        nets.several.Packed(nets.mlp.Discriminator(hidden, dtype=dtype), config.pack),
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
        group=config.pack,
    )
