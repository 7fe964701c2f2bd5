"""The kernel distance of features: KID."""

from typing import NamedTuple

import numpy as np

from gan_jax.metrics.features import as_features
from gan_jax.types import UserError


class KernelDistance(NamedTuple):
    """A kernel distance over random subsets.

    Attributes:
      value: the mean over the subsets; below 0 at times where the true distance is about 0.
      error: its standard error over fresh samples, to the first order, with the real examples given
        (A Kernel Two-Sample Test, Gretton et al., 2012, section 6; Bounliphone et al., 2016,
        arXiv:1511.04581), and that of the choice of subsets; too large for distances near 0.
      spread: the standard deviation over the subsets, which papers report. It is no error of the
        value: subsets share examples, and it vanishes where one is the whole of both sets.
    """

    value: float
    error: float
    spread: float


def kernel_distance(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int = 1_000,
    seed: int = 0,
) -> KernelDistance:
    """The squared maximum mean discrepancy with a cubic kernel; of Inception features, the KID.

    `E k(x, x') + E k(y, y') - 2 E k(x, y)` with `k(x, y) = (xᵀy / D + 1)³`, without bias, averaged
    over random subsets.

    Demystifying MMD GANs, Bińkowski et al., 2018, arXiv:1801.01401.

    Args:
      real: `[N, D]`.
      fake: `[M, D]`.
      subsets: how many, at least 2.
      subset_size: examples of each side in a subset, without replacement; N or M where that is
        less.
      seed: of the subsets, which are those of torch-fidelity with the fakes as its first input, and
        of clean-fid after `numpy.random.seed(seed)`.

    Returns:
      The mean over the subsets, with its error and their standard deviation.

    Raises:
      UserError: if there are fewer than 2 subsets or 2 examples.
    """
    real, fake = as_features(real, fake)
    size = min(len(real), len(fake), subset_size)
    if min(size, subsets) < 2:
        raise UserError(
            f"a kernel distance needs 2 subsets of 2 examples or more, got {subsets} of {size}"
        )
    random = np.random.RandomState(seed)  # torch-fidelity's generator

    def draw(features: np.ndarray) -> np.ndarray:
        chosen = features[random.choice(len(features), size, replace=False)]
        return np.column_stack([chosen / np.sqrt(chosen.shape[1]), np.ones(size)])

    pairs = [_squared_mmd(draw(fake), draw(real)) for _ in range(subsets)]
    values, variances = np.array(pairs).T
    spread = float(values.std())
    error = np.sqrt(variances.mean() / len(fake) + spread**2 / subsets)
    return KernelDistance(float(values.mean()), float(error), spread)


def _squared_mmd(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The distance, and the variance of what one of `x` adds to it.

    Points are `(x / √D, 1)`, `[n, D + 1]`, whose inner products need but be cubed.
    """

    def sums(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        products = x @ y.T
        return np.einsum("ij,ij->i", products * products, products)

    def within(x: np.ndarray) -> np.ndarray:
        return (sums(x, x) - np.sum(x * x, axis=1) ** 3) / (len(x) - 1)

    alike, across = within(x), sums(x, y) / len(y)
    value = alike.mean() + within(y).mean() - 2 * across.mean()
    return float(value), float(np.var(2 * (alike - across), ddof=1))
