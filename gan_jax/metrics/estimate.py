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
