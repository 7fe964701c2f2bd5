"""Metrics of nearest neighbours in features: fidelity, diversity and memorisation.

Distances are Euclidean and in float64, by matrix products of centred points, a block at a time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gan_jax.metrics.features import as_features
from gan_jax.types import UserError

_BLOCK = 2**22  # entries held at once, 32 MiB


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1].

    Attributes:
      precision: of the samples that lie among real examples: fidelity.
      recall: of the real examples that lie among samples: diversity.
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Two measures that an outlier moves little.

    Attributes:
      density: real neighbourhoods that a sample lies in, on average, over k: fidelity. At least 0,
        about 1 for samples of the real distribution, above 1 where they crowd in dense places.
      coverage: share of the real examples that have a sample in their neighbourhood: diversity. In
        [0, 1].
    """

    density: float
    coverage: float


class Memorisation(NamedTuple):
    """How near samples are to the training set, beside fresh real examples.

    Attributes:
      share: of the samples as near as a real example is with probability alpha: about alpha
        without memorisation, 1 where all are copies.
      z: standard normal without memorisation; far below 0 where samples are nearer to the training
        set than fresh real examples are, far above where they are farther off: underfitting.
    """

    share: float
    z: float


def nearest_neighbours(
    queries: np.ndarray, references: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest k references to each query.

    Args:
      queries: `[N, D]`.
      references: `[M, D]`.
      k: from 1 to M.

    Returns:
      Distances `[N, k]` float64, rising, exactly 0 between equal points, and the indices `[N, k]`
      of the references.

    Raises:
      UserError: if k is more than there are references.
    """
    queries, references = as_features(queries, references)
    _check_neighbours(k, len(references))
    distances, indices = [], []
    for start, squared in _squared_distances(queries, references):
        nearest = np.argpartition(squared, k - 1, axis=1)[:, :k]
        # Differences lose no digits; products do where points are close.
        rows = queries[start : start + len(nearest)].astype(np.float64)
        exact = [np.linalg.norm(rows - references[column], axis=1) for column in nearest.T]
        distance = np.stack(exact, axis=1)
        order = np.argsort(distance, axis=1, kind="stable")
        distances.append(np.take_along_axis(distance, order, axis=1))
        indices.append(np.take_along_axis(nearest, order, axis=1))
    return np.concatenate(distances), np.concatenate(indices)


def precision_recall(real: np.ndarray, fake: np.ndarray, *, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    A set's support is the union of closed balls around its points, each of the distance to the
    point's k-th nearest neighbour in the set.

    Improved Precision and Recall Metric for Assessing Generative Models, Kynkäänniemi et al., 2019,
    arXiv:1904.06991.

    Args:
      real: `[N, D]`.
      fake: `[M, D]`. Both measures depend on N and M: state them.
      k: neighbours, from 1; a point is not its own.

    Raises:
      UserError: if a set has no k neighbours for a point.
    """
    real, fake = as_features(real, fake)

    def supported(points: np.ndarray, centres: np.ndarray) -> float:
        blocks = _in_balls(points, centres, k, closed=True)
        return float(np.concatenate([inside.any(axis=1) for inside in blocks]).mean())

    return PrecisionRecall(precision=supported(fake, real), recall=supported(real, fake))


def density_coverage(real: np.ndarray, fake: np.ndarray, *, k: int = 5) -> DensityCoverage:
    """Density and coverage.

    The neighbourhood of a real example is the ball of the distance to its k-th nearest real
    neighbour; open, as in the authors' code, so that a set has density 1 with respect to itself.

    Reliable Fidelity and Diversity Metrics for Generative Models, Naeem et al., 2020,
    arXiv:2002.09797.

    Args:
      real: `[N, D]`.
      fake: `[M, D]`.
      k: neighbours, from 1; a point is not its own.

    Raises:
      UserError: if a real example has no k neighbours.
    """
    real, fake = as_features(real, fake)
    count, reached = 0, np.zeros(len(real), bool)
    for inside in _in_balls(fake, real, k, closed=False):
        count += int(inside.sum())
        reached |= inside.any(axis=0)
    return DensityCoverage(density=count / (k * len(fake)), coverage=float(reached.mean()))


def memorisation(
    train: np.ndarray, test: np.ndarray, fake: np.ndarray, *, alpha: float = 0.05
) -> Memorisation:
    """Whether samples are nearer to the training set than fresh real examples are.

    The z score is the global C_T of A Non-Parametric Test to Detect Data-Copying in Generative
    Models, Meehan et al., 2020, arXiv:2004.05675: Mann and Whitney's U of the distances to the
    nearest training examples, over pairs of a sample and a test example, standardised.

    Args:
      train: `[T, D]`, features of all that the generator was trained on: copies of what is left
        out go unseen.
      test: `[N, D]`, of real examples that it was not trained on.
      fake: `[M, D]`.
      alpha: the share of test examples that count as near.
    """
    near = nearest_neighbours(test, train, 1)[0][:, 0]
    distance = nearest_neighbours(fake, train, 1)[0][:, 0]
    n, m = len(near), len(distance)
    from scipy.stats import rankdata  # half a second, spared where it is not asked for

    ranks = rankdata(np.concatenate([distance, near]))[:m]
    u = ranks.sum() - m * (m + 1) / 2
    return Memorisation(
        share=float(np.mean(distance <= np.quantile(near, alpha))),
        z=float((u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12)),
    )


def _in_balls(
    points: np.ndarray, centres: np.ndarray, k: int, *, closed: bool
) -> Iterator[np.ndarray]:
    """Blocks of a `[points, centres]` mask: who lies in whose ball to the k-th nearest centre.

    Distances that differ by rounding alone are equal: inside a closed ball, outside an open one.
    """
    _check_neighbours(k, len(centres) - 1)
    radii = []
    for start, squared in _squared_distances(centres, centres):
        rows = np.arange(len(squared))
        squared[rows, start + rows] = np.inf  # a point is not its own neighbour
        squared.partition(k - 1, axis=1)
        radii.append(squared[:, k - 1].copy())
    squared_radii = np.concatenate(radii)
    rounding = 4 * (centres.shape[1] + 2) * np.finfo(np.float64).eps
    compare = np.less_equal if closed else np.less
    for _, squared in _squared_distances(points, centres, -rounding if closed else rounding):
        yield compare(squared, squared_radii)


def _squared_distances(
    queries: np.ndarray, references: np.ndarray, margin: float = 0.0
) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks of `‖q - r‖² + margin (‖q‖² + ‖r‖²)` and the first query of each, q and r centred."""
    centre = references.mean(axis=0, dtype=np.float64)
    references = references - centre
    squares = (1 + margin) * np.sum(references**2, axis=1)
    rows = max(_BLOCK // max(references.shape), 1)
    for start in range(0, len(queries), rows):
        block = queries[start : start + rows] - centre
        squared = -2 * block @ references.T
        squared += squares
        squared += (1 + margin) * np.sum(block**2, axis=1, keepdims=True)
        yield start, squared


def _check_neighbours(k: int, available: int) -> None:
    if not 1 <= k <= available:
        raise UserError(f"asked for {k} nearest neighbours of {available}: draw more or change k")
