"""EBGAN: the discriminator is an autoencoder, and its error the energy of an image.

Zhao et al., 2017, arXiv:1609.03126: samples are pushed to energies above `margin`, and
`pulling_away` keeps the codes of samples apart. The nets are those of BEGAN.

    python -m experiments.train --config=configs/image/ebgan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.algorithms import terms
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = {  # steps, numbers of the code
    "digits": (1_000, 16),
    "mnist": (10_000, 32),
    "fashion_mnist": (10_000, 32),
    "cifar10": (20_000, 64),
}
TINY = {"data.resolution": 8, "net.width": 4, "net.code": 8}


def get_config(variant: str = "digits") -> ConfigDict:
    steps, code = VARIANTS[variant]
    plan = Plan(steps=steps, sample_every=200, evaluate_every=500)
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "code": code, "width": 16}
    config.margin = 0.2
    config.pulling_away = 0.1
    return config


def make_game(config: ConfigDict) -> Game:
    width, dtype = config.net.width, config.dtype
    return algorithms.gan(
        nets.began.Generator(config.data.resolution, config.data.channels, width, dtype=dtype),
        nets.began.Energy(config.net.code, width, dtype=dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=losses.energy_margin(config.margin),
        terms=[terms.pulling_away(config.pulling_away)],
    )
