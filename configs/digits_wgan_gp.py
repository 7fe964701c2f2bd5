"""WGAN-GP on scikit-learn's handwritten digits: five critic steps a generator step.

Gulrajani et al., 2017, arXiv:1704.00028: the Wasserstein loss under a gradient penalty of 10, Adam
1e-4 with moments (0, 0.9), no batch normalisation in the critic.

    python -m experiments.train --config=configs/digits_wgan_gp.py
"""

from dataclasses import asdict

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, penalties
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan


def get_config(variant: str = "") -> ConfigDict:
    plan = Plan(steps=4_000, sample_every=500, evaluate_every=2_000)
    config = ConfigDict(asdict(plan))
    config.data = asdict(
        data.Source("digits", test_split="test", resolution=16, channels=1, num_classes=10)
    )
    config.generator = asdict(Adam(learning_rate=1e-4, beta1=0.0, beta2=0.9))
    config.discriminator = asdict(Adam(learning_rate=1e-4, beta1=0.0, beta2=0.9))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.gradient_penalty = 10.0
    config.discriminator_repeats = 5
    config.dtype = "float32"
    config.evaluation = {"by": "classifier", "count": 2_000}
    if variant == "tiny":
        config.net.width = 4
        config.evaluation.count = 200
        config.discriminator_repeats = 2
    return config


def make_game(config: ConfigDict) -> Game:
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        config.net.width,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    critic = nets.dcgan.Discriminator(config.net.width, batch_norm=False, dtype=config.dtype)
    weight = config.gradient_penalty
    return algorithms.gan(
        generator,
        critic,
        latent_dim=config.net.latent_dim,
        loss=losses.WASSERSTEIN,
        penalties=[lambda *arguments: weight * penalties.gradient_penalty(*arguments)],
        discriminator_repeats=config.discriminator_repeats,
    )
