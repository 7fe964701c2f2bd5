"""SAGAN: residual nets in which distant parts of an image attend to one another.

Zhang et al., 2019, arXiv:1805.08318: self-attention at maps of side `net.attention`, spectral
normalisation in both nets, the hinge loss, labels by conditional batch normalisation and by
projection, Adam with moments (0, 0.9) and two time-scales, 1e-4 for the generator and 4e-4 for the
discriminator. The paper's width is 64, at 128×128.

    python -m experiments.train --config=configs/image/sagan.py
"""

from dataclasses import replace

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 6_000, "mnist": 6_000, "fashion_mnist": 6_000, "cifar10": 12_000}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=1_000)
    slow = Adam(learning_rate=1e-4, beta1=0.0, beta2=0.9)
    source = data.SOURCES[variant]
    players = {"generator": slow, "discriminator": replace(slow, learning_rate=4e-4)}
    config = ConfigDict(settings(plan, source, **players))
    config.net = {
        "latent_dim": 128,
        "width": 32,
        "attention": source.resolution // 2,
        "sync_batch_norm": False,
    }
    return config


def make_game(config: ConfigDict) -> Game:
    width, classes, attention = config.net.width, config.data.num_classes, config.net.attention
    generator = nets.resnet.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        num_classes=classes,
        attention=attention,
        spectral=True,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    return algorithms.gan(
        generator,
        nets.resnet.Discriminator(width, classes, attention, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=losses.HINGE,
        conditional=True,
    )
