"""Two MLP GANs on MNIST, as the textbooks train them; `net.size` chooses.

- `large`: 100 → 1024 → 1024 → 1024 → 784 against 784 → 1024 → 1024 → 1024 → 1, leaky ReLU.
- `small`: 100 → 128 → 784 against 784 → 128 → 1, ReLU.

Both end in a sigmoid; on images in [-1, 1] that is `2 σ(x) - 1 = tanh(x / 2)`, so `tanh` here.
The loss is the non-saturating one (binary cross-entropy with the generator's labels flipped).
Goodfellow et al., 2014, arXiv:1406.2661.

    python -m experiments.train --config=configs/mnist_mlp.py --config.net.size=small
"""

from dataclasses import asdict

from flax import linen as nn
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan


def get_config(variant: str = "") -> ConfigDict:
    plan = Plan(steps=20_000, sample_every=1_000, evaluate_every=5_000)
    config = ConfigDict(asdict(plan))
    config.data = asdict(
        data.Source("mnist", test_split="test", resolution=28, channels=1, num_classes=10)
    )
    config.generator = asdict(Adam(learning_rate=2e-4, beta1=0.5))
    config.discriminator = asdict(Adam(learning_rate=2e-4, beta1=0.5))
    config.net = {"latent_dim": 100, "size": "large"}
    config.dtype = "float32"
    config.evaluation = {"by": "classifier", "count": 2_000}
    if variant == "tiny":
        config.data.split = "train[:500]"
        config.data.test_split = "test[:100]"
        config.net.size = "small"
        config.evaluation.count = 200
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, activation = {
        "large": ((1024, 1024, 1024), nets.mlp.leaky_relu),
        "small": ((128,), nn.relu),
    }[config.net.size]
    side = config.data.resolution
    return algorithms.gan(
        nets.mlp.Generator(
            (side, side, config.data.channels), hidden, activation, dtype=config.dtype
        ),
        nets.mlp.Discriminator(hidden, activation, dtype=config.dtype),
        latent_dim=config.net.latent_dim,
    )
