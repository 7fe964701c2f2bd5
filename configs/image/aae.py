"""AAE: an autoencoder with a class and a style, most of whose examples have no label.

Makhzani et al., 2016, arXiv:1511.05644, section 5: two hidden layers of 1000 ReLU units on every
side, a style of 10 normal numbers, Adam in place of momentum. The first `labels` / 10 examples of
each class have a label, and take turns of their own; `held_out/accuracy` is that of the encoder's
class on the test set. `--config.labels=0` is the paper's section 2: no classes, no labels.

    python -m experiments.train --config=configs/image/aae.py:mnist
"""

from dataclasses import replace

import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings
from gan_jax.types import UserError

VARIANTS = {"digits": 6_000, "mnist": 20_000, "fashion_mnist": 20_000, "cifar10": 20_000}
TINY = {"net.hidden": (16,)}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], batch_size=100, sample_every=500, evaluate_every=1_000)
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, autoencoder=adam, discriminator=adam))
    config.net = {"latent_dim": 10, "hidden": (1000, 1000)}
    config.labels = 100
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    """All examples beside those with a label; of what is not trained on, all have theirs."""
    examples = data.materialise(data.Source(**config.data).load(split))
    if not config.labels:
        return examples
    labelled = examples
    if split == config.data.split:
        if config.labels % config.data.num_classes:
            raise UserError(f"labels={config.labels} cannot be dealt out to the classes evenly")
        classes, label = config.data.num_classes, examples.columns["label"]
        rows = [np.flatnonzero(label == k)[: config.labels // classes] for k in range(classes)]
        columns = {n: c[np.concatenate(rows)] for n, c in examples.columns.items()}
        labelled = replace(examples, columns=columns)
    return data.unpaired(x=examples, labelled=labelled)


def make_game(config: ConfigDict) -> Game:
    side, latent_dim, hidden = config.data.resolution, config.net.latent_dim, config.net.hidden
    shape, dtype = (side, side, config.data.channels), config.dtype
    classes = config.data.num_classes if config.labels else 0
    return algorithms.aae(
        nets.mlp.Encoder(classes + latent_dim, hidden, nn.relu, dtype=dtype),
        nets.mlp.Generator(shape, hidden, nn.relu, dtype=dtype),
        nets.mlp.Discriminator(hidden, nn.relu, dtype=dtype),
        prior=priors.normal(latent_dim),
        classes=classes,
    )
