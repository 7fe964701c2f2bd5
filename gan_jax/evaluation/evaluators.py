"""Evaluation: draws samples and hands them, or features of them, to metrics.

An evaluator is a function `players -> {name: value}`; the ones here are made once for a run and
called at intervals, on the same inputs every time, so that their figures are comparable.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import keys as per_example
from gan_jax import metrics, parallel
from gan_jax.data import ArrayDataset, Mixture, to_float
from gan_jax.game import Game, Players
from gan_jax.types import Array, Batch, PRNGKey

DRAW_SIZE = 256
"""Samples drawn at once, over all devices of a process together."""

Evaluator = Callable[[Players], dict[str, float]]
Classifier = Callable[[np.ndarray], np.ndarray]


def draw_inputs(game: Game, key: PRNGKey, count: int, conditions: Batch) -> Mapping[str, Any]:
    """What `count` samples are made from: latents and, where asked for, labels or examples.

    Args:
      game: the game.
      key: a scalar key; the same key, the same inputs, and fewer are the first of more.
      count: how many.
      conditions: the entries `game.conditions`, leaves `[count, ...]`.
    """
    return game.prior(per_example.per_example(key, count), conditions)


def interpolate(start: Array, end: Array, count: int) -> Array:
    """Latents on great arcs from `start` to `end`, where a Gaussian's samples keep their length.

    Sampling Generative Networks, White, 2016, arXiv:1609.04468.

    Args:
      start: `[N, Z]`.
      end: `[N, Z]`.
      count: points on each arc, both ends included.

    Returns:
      `[N, count, Z]`.
    """
    unit = [v / jnp.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end)]
    cosine = jnp.clip(jnp.sum(unit[0] * unit[1], axis=-1), -1 + 1e-6, 1 - 1e-6)
    angle = jnp.arccos(cosine)[:, None, None]
    t = jnp.linspace(0.0, 1.0, count)[None, :, None]
    weights = jnp.sin((1 - t) * angle), jnp.sin(t * angle)
    return (weights[0] * start[:, None] + weights[1] * end[:, None]) / jnp.sin(angle)


def fit_classifier(dataset: ArrayDataset, limit: int = 5_000) -> Classifier:
    """Logistic regression, as scikit-learn has it, on the first `limit` labelled examples' pixels.

    Returns:
      `x [N, ...] -> probabilities [N, K]`, for uint8 images or floats in [-1, 1].
    """
    from sklearn.linear_model import LogisticRegression

    def features(x: np.ndarray) -> np.ndarray:
        return np.asarray(to_float(x)).reshape(len(x), -1)

    model = LogisticRegression(max_iter=1_000)
    model.fit(features(dataset.columns["x"][:limit]), dataset.columns["label"][:limit])
    return lambda x: model.predict_proba(features(x))


def by_classifier(game: Game, inputs: Mapping[str, Any], classify: Classifier) -> Evaluator:
    """Scores samples by a classifier of real data; see `metrics.classification_scores`.

    Inputs that carry a `label` are also scored by whether the samples obey it.
    """
    draw = parallel.spread(game.sample, DRAW_SIZE)
    label = np.asarray(inputs["label"]) if "label" in inputs else None

    def evaluate(players: Players) -> dict[str, float]:
        scores = metrics.classification_scores(classify(draw(players, inputs)), label)
        return {f"samples/{name}": value for name, value in scores.items()}

    return evaluate


def by_modes(game: Game, inputs: Mapping[str, Any], mixture: Mixture) -> Evaluator:
    """Scores points by the modes they reach; see `metrics.mode_scores`."""
    draw = parallel.spread(game.sample, DRAW_SIZE)

    def evaluate(players: Players) -> dict[str, float]:
        scores = metrics.mode_scores(draw(players, inputs), mixture.centres, mixture.std)
        return {f"samples/{name}": value for name, value in scores.items()}

    return evaluate


def on_held_out(game: Game, batch: Batch, key: PRNGKey) -> Evaluator:
    """The game's own figures on one batch that it was not trained on."""
    count = jax.tree.leaves(batch)[0].shape[0]
    if game.held_out is None:
        raise ValueError("the game has no figures on held-out data")
    held_out = jax.jit(game.held_out)
    keys = per_example.per_example(key, count)

    def evaluate(players: Players) -> dict[str, float]:
        return {f"held_out/{n}": float(v) for n, v in held_out(players, batch, keys).items()}

    return evaluate
