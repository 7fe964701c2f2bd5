"""DCGAN on MNIST, at 28×28.

The generator and discriminator of Radford et al., 2015 (arXiv:1511.06434), trained with the
non-saturating loss and R1 (Mescheder et al., 2018, arXiv:1801.04406) in place of batch
normalisation in the discriminator.

    python -m experiments.train --config=configs/mnist_dcgan.py
"""

from dataclasses import asdict

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, penalties
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan


def get_config(variant: str = "") -> ConfigDict:
    plan = Plan(steps=12_000, sample_every=500, evaluate_every=2_000)
    config = ConfigDict(asdict(plan))
    config.data = asdict(
        data.Source("mnist", test_split="test", resolution=28, channels=1, num_classes=10)
    )
    config.generator = asdict(Adam(learning_rate=5e-4, beta1=0.0))
    config.discriminator = asdict(Adam(learning_rate=5e-4, beta1=0.0))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.r1 = 1.0
    config.dtype = "float32"
    config.evaluation = {"by": "classifier", "count": 2_000}
    if variant == "tiny":
        config.data.split = "train[:500]"
        config.data.test_split = "test[:100]"
        config.net.width = 4
        config.evaluation.count = 200
    return config


def make_game(config: ConfigDict) -> Game:
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        config.net.width,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    discriminator = nets.dcgan.Discriminator(config.net.width, batch_norm=False, dtype=config.dtype)
    r1 = lambda critic, real, fake, keys: config.r1 * penalties.r1(critic, real)
    return algorithms.gan(
        generator,
        discriminator,
        latent_dim=config.net.latent_dim,
        penalties=[r1] if config.r1 else [],
    )
