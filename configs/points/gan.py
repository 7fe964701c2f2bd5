"""A GAN on a ring of eight Gaussians, or a grid of twenty-five: the classic tests of mode collapse.

The mixtures of PacGAN (Lin et al., 2018, arXiv:1712.04086): a mode is captured when a sample lies
within three standard deviations of its centre. R1 (Mescheder et al., 2018, arXiv:1801.04406) keeps
the modes; `--config.r1=0` shows what happens without.

    python -m experiments.train --config=configs/points/gan.py:grid
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings

VARIANTS = ("ring", "grid")
TINY = {"net.hidden": (8,)}


def get_config(variant: str = "ring") -> ConfigDict:
    plan = Plan(
        steps=20_000,
        batch_size=256,
        steps_per_call=100,
        sample_every=2_000,
        evaluate_every=4_000,
        evaluate_count=10_000,
        checkpoint_every=4_000,
    )
    adam = Adam(learning_rate=1e-3, beta1=0.0, decay="cosine")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 2, "hidden": (128, 128)}
    config.r1 = 0.1
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, dtype = config.net.hidden, config.dtype
    return algorithms.gan(
        nets.mlp.Generator((2,), hidden, final=None, dtype=dtype),
        nets.mlp.Discriminator(hidden, dtype=dtype),
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
    )
