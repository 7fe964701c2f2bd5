"""BEGAN: the discriminator is an autoencoder, and a controller keeps its two errors in balance.

Berthelot et al., 2017, arXiv:1703.10717: Adam 1e-4, latents uniform on [-1, 1]^64, controller's
gain 0.001, γ = 0.7 (lower draws cleaner and fewer kinds of samples).
`discriminator/convergence` is the paper's measure.

    python -m experiments.train --config=configs/image/began.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 3_000, "mnist": 10_000, "fashion_mnist": 10_000, "cifar10": 20_000}
TINY = {"net.width": 4, "net.code": 8}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=1e-4, beta1=0.5, decay="linear", final_scale=0.1)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "code": 64, "width": 32}
    config.balance = 0.7
    config.gain = 0.001
    return config


def make_game(config: ConfigDict) -> Game:
    return algorithms.began(
        nets.began.Generator(
            config.data.resolution, config.data.channels, config.net.width, dtype=config.dtype
        ),
        nets.began.Autoencoder(config.net.code, config.net.width, dtype=config.dtype),
        prior=priors.uniform(config.net.latent_dim),
        balance=config.balance,
        gain=config.gain,
    )
