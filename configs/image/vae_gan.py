"""VAE/GAN: a VAE that compares images by a discriminator's features, and draws as a GAN does.

Larsen et al., 2016, arXiv:1512.09300, with the nets of DCGAN, whose last map is what images are
compared in. `similarity_weight` is the paper's γ: how much the generator cares for likeness, beside
looking real. Pictures show held-out inputs, their reconstructions and samples.

    python -m experiments.train --config=configs/image/vae_gan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 6_000, "mnist": 12_000, "fashion_mnist": 12_000, "cifar10": 20_000}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=5e-4, beta1=0.5)
    players = dict.fromkeys(("encoder", "generator", "discriminator"), adam)
    config = ConfigDict(settings(plan, data.SOURCES[variant], **players))
    config.net = {"latent_dim": 32, "width": 32, "sync_batch_norm": False}
    config.similarity_weight = 0.01
    return config


def make_game(config: ConfigDict) -> Game:
    width, latent_dim, dtype = config.net.width, config.net.latent_dim, config.dtype
    axis_name = AXIS if config.net.sync_batch_norm else None
    return algorithms.vae_gan(
        nets.dcgan.Encoder(2 * latent_dim, width, axis_name=axis_name, dtype=dtype),
        nets.dcgan.Generator(
            config.data.resolution,
            config.data.channels,
            width,
            axis_name=axis_name,
            dtype=dtype,
        ),
        nets.dcgan.Discriminator(width, features=True, axis_name=axis_name, dtype=dtype),
        latent_dim=latent_dim,
        similarity_weight=config.similarity_weight,
    )
