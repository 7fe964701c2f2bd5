"""VAE: what the GANs are compared with.

Kingma & Welling, 2013, arXiv:1312.6114: two hidden layers of 256 on either side, Bernoulli pixels.
The run prints the evidence lower bound on held-out digits; its pictures show held-out
reconstructions and samples.

    python -m experiments.train --config=configs/image/vae.py
"""

from flax import linen as nn
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 6_000, "mnist": 20_000, "fashion_mnist": 20_000, "cifar10": 20_000}
TINY = {"net.hidden": (16,)}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant], sample_every=1_000, evaluate_every=1_000, best="held_out/elbo"
    )
    adam = Adam(learning_rate=1e-3, beta1=0.9)
    config = ConfigDict(settings(plan, data.SOURCES[variant], vae=adam))
    config.net = {"latent_dim": 16, "hidden": (256, 256)}
    config.beta = 1.0
    return config


def make_game(config: ConfigDict) -> Game:
    side, latent_dim, hidden = config.data.resolution, config.net.latent_dim, config.net.hidden
    shape = (side, side, config.data.channels)
    encoder = nets.mlp.Encoder(2 * latent_dim, hidden, nn.relu, dtype=config.dtype)
    decoder = nets.mlp.Generator(shape, hidden, nn.relu, None, dtype=config.dtype)
    return algorithms.vae(encoder, decoder, latent_dim=latent_dim, beta=config.beta)
