"""A figure with its uncertainty."""

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A figure estimated from samples.

    Attributes:
      value: the figure.
      error: its standard error, in the same unit.
    """

    value: float
    error: float


def estimate_mean(values: np.ndarray) -> Estimate:
    """The mean of independent values `[N]`, N at least 2."""
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def share_below(scores: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The share of references below each score, equal ones counted half."""
    ranked = np.sort(references)
    twice = np.searchsorted(ranked, scores, "left") + np.searchsorted(ranked, scores, "right")
    return twice / (2 * len(ranked))
