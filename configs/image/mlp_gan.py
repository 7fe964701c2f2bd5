"""Two MLP GANs, as the textbooks train them on MNIST; `net.size` chooses.

- `large`: 100 → 1024 → 1024 → 1024 → 784 against 784 → 1024 → 1024 → 1024 → 1, leaky ReLU.
- `small`: 100 → 128 → 784 against 784 → 128 → 1, ReLU.

Both end in a sigmoid; on images in [-1, 1] that is `2 σ(x) - 1 = tanh(x / 2)`, so `tanh` here.
The loss is the non-saturating one (binary cross-entropy with the generator's labels flipped).
Goodfellow et al., 2014, arXiv:1406.2661.

    python -m experiments.train --config=configs/image/mlp_gan.py:mnist --config.net.size=small
"""

from flax import linen as nn
from ml_collections import ConfigDict

from gan_jax import algorithms, data, layers, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

SIZES = {"large": ((1024, 1024, 1024), layers.leaky_relu), "small": ((128,), nn.relu)}
VARIANTS = ("digits", "mnist", "fashion_mnist", "cifar10")
TINY = {"net.size": "small"}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=20_000, sample_every=1_000, evaluate_every=5_000)
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 100, "size": "large"}
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, activation = SIZES[config.net.size]
    side = config.data.resolution
    shape = (side, side, config.data.channels)
    return algorithms.gan(
        nets.mlp.Generator(shape, hidden, activation, dtype=config.dtype),
        nets.mlp.Discriminator(hidden, activation, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
    )
