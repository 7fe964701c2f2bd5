"""How far apart the columns of two sets of numbers are, each by itself."""

from typing import NamedTuple

import numpy as np

from gan_jax.metrics.features import as_features


class MarginalDistances(NamedTuple):
    """Distances of columns, `[D]` each.

    Attributes:
      wasserstein: the first Wasserstein distance in standard deviations of the real column, in its
        own unit where that is constant; at least 0.
      kolmogorov_smirnov: the largest difference of the distribution functions, in [0, 1].
    """

    wasserstein: np.ndarray
    kolmogorov_smirnov: np.ndarray


def marginal_distances(real: np.ndarray, fake: np.ndarray) -> MarginalDistances:
    """Distances of each column's distribution; what columns have to do with each other is not seen.

    Args:
      real: `[N, D]`.
      fake: `[M, D]`.

    Raises:
      UserError: if there are none, some are not finite, or D differs.
    """
    from scipy import stats  # half a second, spared where it is not asked for

    real, fake = (part.astype(np.float64) for part in as_features(real, fake))
    scale = real.std(axis=0)
    pairs = list(zip(real.T, fake.T, strict=True))
    return MarginalDistances(
        np.array([stats.wasserstein_distance(*pair) for pair in pairs])
        / np.where(scale > 0, scale, 1),
        np.array([stats.ks_2samp(*pair, method="asymp").statistic for pair in pairs]),
    )
