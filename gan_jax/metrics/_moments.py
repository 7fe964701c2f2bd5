"""Mean and covariance of features that come in batches."""

import functools
from typing import NamedTuple

import numpy as np

from gan_jax.metrics.features import as_features
from gan_jax.types import UserError

_CHUNK = 4_096  # rows held in float64 at once


class Moments(NamedTuple):
    """The first two moments of a set of features, which add up over its parts by `merge`.

    Attributes:
      count: N.
      mean: `[D]` float64.
      scatter: `[D, D]` float64, `Σ (x - mean)(x - mean)ᵀ`.
    """

    count: int  # type: ignore[assignment]  # a name that tuples use, and the field too
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """`[D, D]`, `scatter / (N - 1)`: without bias.

        Raises:
          UserError: for a single example.
        """
        if self.count < 2:
            raise UserError("a covariance needs 2 examples or more, got 1: draw more")
        return self.scatter / (self.count - 1)


def moments(features: np.ndarray) -> Moments:
    """The moments of a batch.

    Deviations are from the mean of a few thousand examples, in float64, so that a mean far from 0
    costs no digits.

    Args:
      features: `[N, D]`.

    Raises:
      UserError: if there are no features, or some are not finite.
    """
    (features,) = as_features(features)
    chunks = (features[start : start + _CHUNK] for start in range(0, len(features), _CHUNK))
    return functools.reduce(merge, map(_of_chunk, chunks))


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two sets together; the order of merging matters to rounding alone.

    Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, Chan, Golub &
    LeVeque, 1979, Stanford STAN-CS-79-773.
    """
    count = a.count + b.count
    difference = b.mean - a.mean
    between = np.outer(difference, (a.count * b.count / count) * difference)
    return Moments(count, a.mean + (b.count / count) * difference, a.scatter + b.scatter + between)


def _of_chunk(features: np.ndarray) -> Moments:
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features - mean
    return Moments(len(features), mean, deviation.T @ deviation)
