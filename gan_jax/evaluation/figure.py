"""A figure: a value, and what a reader must know of it."""

from typing import Any, NamedTuple

import numpy as np


class Figure(NamedTuple):
    """A value and what a reader must know of it.

    Attributes:
      value: of the metric.
      error: its standard error, where there is an estimate of it.
      better: "lower" or "higher", or None where neither is.
      how: the metric's own settings, and where the error comes from.
    """

    value: float
    error: float | None
    better: str | None
    how: str


def standard_error(values: Any) -> float:
    """Of the mean of independent values."""
    from scipy.stats import sem  # half a second, spared where nothing is evaluated

    return float(sem(values))


def binomial(value: float, count: int, better: str | None, how: str) -> Figure:
    """A share of `count` examples with its binomial error."""
    return Figure(value, float(np.sqrt(value * (1 - value) / count)), better, how)
