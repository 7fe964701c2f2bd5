"""GMAN: a generator against several discriminators.

Durugkar et al., 2017, arXiv:1611.01673: `sharpness` 0 has the generator answer to their mean, a
greater one more to the strictest, and infinity to it alone. R1 as in `image/dcgan.py`.

    python -m experiments.train --config=configs/image/gman.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 6_000, "mnist": 12_000, "fashion_mnist": 12_000, "cifar10": 20_000}
TINY = {"data.resolution": 8, "net.width": 4, "net.discriminators": 2}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "discriminators": 3, "sync_batch_norm": False}
    config.sharpness = 1.0
    config.r1 = 1.0
    return config


def make_game(config: ConfigDict) -> Game:
    width = config.net.width
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    return algorithms.gman(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, dtype=config.dtype),
        count=config.net.discriminators,
        sharpness=config.sharpness,
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
    )
