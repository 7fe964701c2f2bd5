"""Unrolled GAN: the generator foresees how the discriminator will answer.

Metz et al., 2017, arXiv:1611.02163: the generator differentiates through `unroll` steps of the
discriminator's descent, of SGD with `unroll_rate` here; with ten times that rate no digits come
about. R1 as in `image/dcgan.py`.

    python -m experiments.train --config=configs/image/unrolled.py
"""

import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 3_000, "mnist": 6_000, "fashion_mnist": 6_000, "cifar10": 10_000}
TINY = {"net.width": 4, "unroll": 2}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=1_000)
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.unroll = 5
    config.unroll_rate = 0.001
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
    game = algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
    )
    return algorithms.unrolled(game, steps=config.unroll, optimizer=optax.sgd(config.unroll_rate))
