"""LSGAN: least squares in place of cross-entropy.

Mao et al., 2017, arXiv:1611.04076: DCGAN's nets, batch normalisation in both, targets 0 and 1 for
the discriminator and 1 for the generator. `loss` chooses another coding: `LEAST_SQUARES_PEARSON`
(-1, 1 and 0, which minimises Pearson's χ²) or `LEAST_SQUARES_SIGNED` (-1, 1 and 1).

    python -m experiments.train --config=configs/image/lsgan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, named, settings

VARIANTS = {"digits": 6_000, "mnist": 12_000, "fashion_mnist": 12_000, "cifar10": 20_000}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.loss = "LEAST_SQUARES"
    return config


def make_game(config: ConfigDict) -> Game:
    width, axis = config.net.width, AXIS if config.net.sync_batch_norm else None
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        axis_name=axis,
        dtype=config.dtype,
    )
    return algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, axis_name=axis, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=named(losses, config.loss, losses.AdversarialLoss),
    )
