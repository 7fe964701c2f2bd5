"""WGAN: the Wasserstein loss, its critic kept Lipschitz by clipping weights.

Arjovsky et al., 2017, arXiv:1701.07875, algorithm 1: RMSProp, weights in [-0.01, 0.01], five critic
steps a generator step. The learning rate is above the paper's 5e-5, for a run of minutes.

    python -m experiments.train --config=configs/image/wgan.py
"""

import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import clip_weights
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 4_000, "mnist": 10_000, "fashion_mnist": 10_000, "cifar10": 20_000}
TINY = {"net.width": 4, "discriminator_repeats": 2}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    config = ConfigDict(settings(plan, data.SOURCES[variant]))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.learning_rate = 3e-4
    config.clip = 0.01
    config.discriminator_repeats = 5
    return config


def make_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
    descent = optax.rmsprop(config.learning_rate)
    return {
        "generator": descent,
        "discriminator": optax.chain(descent, clip_weights(config.clip)),
    }


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
        loss=losses.WASSERSTEIN,
        discriminator_repeats=config.discriminator_repeats,
    )
