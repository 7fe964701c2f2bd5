"""A classifier of rows: three species of iris from four lengths (Fisher, 1936).

An MLP under cross-entropy, as a game of one player; a fixed 15 % of each species is held out, and
inputs are normalised by the mean and the standard deviation of the rest. Pictures are confusion
matrices of the rows held out, true classes by row; `samples/accuracy` is of these rows too.

    python -m experiments.train --config=configs/table/classifier.py:iris
"""

import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game, Players
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings
from gan_jax.types import Array, Batch

VARIANTS = ("iris",)
TINY = {"net.hidden": (8,)}


def get_config(variant: str = "iris") -> ConfigDict:
    plan = Plan(steps=500, batch_size=32, sample_every=250, evaluate_every=250)
    source = data.Source(variant, test_split="test", num_classes=3)
    config = ConfigDict(settings(plan, source, adam=Adam(learning_rate=3e-3, beta1=0.9)))
    config.evaluate_split = "test"
    config.net = {"hidden": (32, 32)}
    return config


def make_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
    """By a section of another name than the player's, which is that of classifiers of samples."""
    return {"classifier": Adam(**config.adam).build(config.steps)}


def make_game(config: ConfigDict) -> Game:
    net = nets.mlp.Classifier(config.data.num_classes, config.net.hidden, dtype=config.dtype)
    game = algorithms.classifier(net)

    def told(players: Players, inputs: Batch) -> Array:
        return jnp.argmax(game.sample(players, inputs), axis=-1)

    return game._replace(sample=told, target="label")
