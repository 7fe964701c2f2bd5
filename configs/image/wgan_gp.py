"""WGAN-GP: five critic steps a generator step.

Gulrajani et al., 2017, arXiv:1704.00028: the Wasserstein loss under a gradient penalty of 10, Adam
1e-4 with moments (0, 0.9), no batch normalisation in the critic.

    python -m experiments.train --config=configs/image/wgan_gp.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import GradientPenalty
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 4_000, "mnist": 10_000, "fashion_mnist": 10_000, "cifar10": 20_000}
TINY = {"net.width": 4, "discriminator_repeats": 2}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=1e-4, beta1=0.0, beta2=0.9)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.gradient_penalty = 10.0
    config.discriminator_repeats = 5
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
    return algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=losses.WASSERSTEIN,
        penalties=[GradientPenalty(config.gradient_penalty)],
        discriminator_repeats=config.discriminator_repeats,
    )
