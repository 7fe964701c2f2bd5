"""Ranges of numbers that sweeps draw settings from."""

import math
from typing import NamedTuple

import numpy as np


class Range(NamedTuple):
    """Numbers between two, of which random draws are even, or even in their logarithms."""

    low: float
    high: float
    log: bool = False

    def draw(self, random: np.random.Generator) -> float:
        """One of them, to four digits."""
        if self.log:
            value = math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = random.uniform(self.low, self.high)
        return rounded(value)


def rounded(value: float) -> float:
    """To four digits."""
    return float(f"{value:.4g}")
