"""SN-GAN: residual nets, the discriminator's kernels divided by their largest singular values.

Miyato et al., 2018, arXiv:1802.05957: the nets of tables 3 and 4, the hinge loss, Adam 2e-4 with
moments (0, 0.9), five discriminator steps a generator step, the learning rate falling to 0. The
paper's width is 256 against 128 on CIFAR-10 (`net.width` and `net.discriminator_width`).

    python -m experiments.train --config=configs/image/sngan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 3_000, "mnist": 5_000, "fashion_mnist": 5_000, "cifar10": 10_000}
TINY = {
    "data.resolution": 8,
    "net.width": 4,
    "net.discriminator_width": 4,
    "discriminator_repeats": 2,
}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=1_000)
    adam = Adam(learning_rate=2e-4, beta1=0.0, beta2=0.9, decay="linear")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "latent_dim": 128,
        "width": 32,
        "discriminator_width": 32,
        "sync_batch_norm": False,
    }
    config.discriminator_repeats = 5
    return config


def make_game(config: ConfigDict) -> Game:
    generator = nets.resnet.Generator(
        config.data.resolution,
        config.data.channels,
        config.net.width,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    return algorithms.gan(
        generator,
        nets.resnet.Discriminator(config.net.discriminator_width, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=losses.HINGE,
        discriminator_repeats=config.discriminator_repeats,
    )
