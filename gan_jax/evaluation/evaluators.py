"""Evaluation at intervals of a run: functions `players -> {name: value}`.

They are made once for a run and look at the same inputs every time, so that their figures compare.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gan_jax import keys as per_example
from gan_jax import metrics, parallel
from gan_jax.data import Mixture, to_float
from gan_jax.evaluation.draw import DRAW_SIZE
from gan_jax.evaluation.observed import Observed, observe
from gan_jax.evaluation.scores import Sets, score
from gan_jax.extractors import Extractor
from gan_jax.game import Game, Players
from gan_jax.types import Batch, PRNGKey

CLUSTERS = 20
"""Of the data, that samples are counted in."""

Evaluator = Callable[[Players], dict[str, float]]

Judge = Callable[[np.ndarray], Mapping[str, float]]
"""From samples [N, ...] to figures by name."""


def on_samples(game: Game, inputs: Mapping[str, Any], judges: Sequence[Judge]) -> Evaluator:
    """What judges say of the samples that `inputs` give, as `samples/NAME`."""
    draw = parallel.spread(game.sample, DRAW_SIZE)

    def evaluate(players: Players) -> dict[str, float]:
        samples = draw(players, inputs)
        return {f"samples/{n}": v for judge in judges for n, v in judge(samples).items()}

    return evaluate


def beside(
    real: Observed, extractor: Extractor, names: Sequence[str], label: np.ndarray | None = None
) -> Judge:
    """Judges samples beside real data; see `score`.

    Args:
      real: the data as the extractor sees them.
      extractor: the same.
      names: of metrics.
      label: `[N]`, the class that each sample is asked to be of, where it is.
    """

    def judge(samples: np.ndarray) -> dict[str, float]:
        fake = observe([(samples, label)], extractor, title="samples", count=len(samples))
        figures = score(Sets(real, fake), names)
        return {name: figure.value for name, figure in figures.items()}

    return judge


def in_clusters(real: np.ndarray, limit: int = 5_000) -> Judge:
    """Judges by the share of the data's clusters that samples in effect reach, labels or none.

    It is `exp(-KL(samples || data))` of their histograms over `CLUSTERS` k-means clusters of the
    first `limit` examples' pixels, so 0.5 where half of equal clusters is left out; it does not see
    samples alike within a cluster. On GANs and GMMs, Richardson & Weiss, 2018, arXiv:1805.12462,
    counts samples in such clusters.

    Args:
      real: `[N, ...]`, uint8 images or floats.
      limit: examples that are clustered.

    Returns:
      A judge that says `diversity`, in (0, 1].
    """
    from sklearn.cluster import KMeans

    pixels = _pixels(real[:limit])
    model = KMeans(min(CLUSTERS, len(pixels)), random_state=0).fit(pixels)
    shares = np.bincount(model.labels_, minlength=model.n_clusters) / len(pixels)

    def judge(samples: np.ndarray) -> dict[str, float]:
        cluster = model.predict(_pixels(samples))
        scores = metrics.class_mode_scores(cluster, model.n_clusters, shares)
        return {"diversity": float(np.exp(-scores["reverse_kl"]))}

    return judge


def _pixels(x: np.ndarray) -> np.ndarray:
    return np.asarray(to_float(x)).reshape(len(x), -1)


def at_modes(mixture: Mixture) -> Judge:
    """Judges points by the modes they reach; see `metrics.mode_scores`."""
    return lambda points: metrics.mode_scores(points, mixture.centres, mixture.std)


def on_held_out(game: Game, batch: Batch, key: PRNGKey, name: str = "held_out") -> Evaluator:
    """The game's own figures on one batch that it was not trained on.

    Or, to compare with, on one that it was: then by another name.
    """
    count = jax.tree.leaves(batch)[0].shape[0]
    if game.held_out is None:
        raise ValueError("the game has no figures on held-out data")
    held_out = jax.jit(game.held_out)
    keys = per_example.per_example(key, count)

    def evaluate(players: Players) -> dict[str, float]:
        return {f"{name}/{n}": float(v) for n, v in held_out(players, batch, keys).items()}

    return evaluate
