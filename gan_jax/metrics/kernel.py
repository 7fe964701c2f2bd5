"""The kernel distance of features: KID."""

import numpy as np

from gan_jax.metrics.estimate import Estimate, estimate_mean
from gan_jax.metrics.features import as_features
from gan_jax.types import UserError


def kernel_distance(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int = 1_000,
    seed: int = 0,
) -> Estimate:
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
      The mean over the subsets, below 0 at times where the true distance is about 0, and its
      standard error: their standard deviation, which others report in its place, over
      `sqrt(subsets)`. Subsets share examples, so for the error of a repetition with new examples it
      is too small, and it vanishes where a subset is the whole of both sets.

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

    return estimate_mean(np.array([_squared_mmd(draw(fake), draw(real)) for _ in range(subsets)]))


def _squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Of points `(x / √D, 1)`, whose inner products need but be cubed, `[n, D + 1]` each."""

    def total(x: np.ndarray, y: np.ndarray) -> float:
        products = x @ y.T
        return np.vdot(products * products, products)

    def diagonal(x: np.ndarray) -> float:
        return np.sum(np.sum(x * x, axis=1) ** 3)

    n = len(x)
    within = total(x, x) - diagonal(x) + total(y, y) - diagonal(y)
    return within / (n * (n - 1)) - 2 * total(x, y) / n**2
