"""VAE on scikit-learn's handwritten digits: what the GANs are compared with.

Kingma & Welling, 2013, arXiv:1312.6114: two hidden layers of 256 on either side, Bernoulli pixels.
The run prints the evidence lower bound on held-out digits; its pictures show held-out
reconstructions and samples.

    python -m experiments.train --config=configs/digits_vae.py
"""

from dataclasses import asdict

from flax import linen as nn
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan


def get_config(variant: str = "") -> ConfigDict:
    plan = Plan(
        steps=6_000,
        sample_every=1_000,
        evaluate_every=1_000,
        best="held_out/elbo",
    )
    config = ConfigDict(asdict(plan))
    config.data = asdict(
        data.Source("digits", test_split="test", resolution=16, channels=1, num_classes=10)
    )
    config.vae = asdict(Adam(learning_rate=1e-3, beta1=0.9))
    config.net = {"latent_dim": 16, "hidden": (256, 256)}
    config.beta = 1.0
    config.dtype = "float32"
    config.evaluation = {"by": "classifier", "count": 2_000}
    if variant == "tiny":
        config.net.hidden = (16,)
        config.evaluation.count = 200
    return config


def make_game(config: ConfigDict) -> Game:
    side = config.data.resolution
    encoder = nets.mlp.Encoder(
        2 * config.net.latent_dim, config.net.hidden, nn.relu, dtype=config.dtype
    )
    decoder = nets.mlp.Generator(
        (side, side, config.data.channels), config.net.hidden, nn.relu, None, dtype=config.dtype
    )
    return algorithms.vae(encoder, decoder, latent_dim=config.net.latent_dim, beta=config.beta)
