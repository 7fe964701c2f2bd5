"""Mode coverage of mixtures whose modes are known."""

import numpy as np
from scipy.spatial import KDTree


def mode_scores(points: np.ndarray, centres: np.ndarray, std: float) -> dict[str, float]:
    """Which modes of a mixture of isotropic Gaussians the points reach.

    A point is of high quality within three standard deviations of its nearest centre; a mode is
    captured when such a point lies there.

    VEEGAN, Srivastava et al., 2017, arXiv:1705.07761; with the reverse KL of PacGAN, Lin et al.,
    2018, arXiv:1712.04086.

    Args:
      points: `[N, D]`.
      centres: `[K, D]`; the mixture's weights are equal.
      std: of every mode, positive.

    Returns:
      `modes`, captured, in 0..K; `high_quality`, share of the points in [0, 1]; `reverse_kl`,
      `KL(generated || real)` over the modes that points are nearest to, in nats, in [0, log K].
    """
    distance, nearest = KDTree(centres).query(points)
    close = distance <= 3 * std
    shares = np.bincount(nearest, minlength=len(centres)) / len(points)
    present = shares[shares > 0]
    return {
        "modes": float(np.unique(nearest[close]).size),
        "high_quality": float(close.mean()),
        "reverse_kl": float((present * np.log(present * len(centres))).sum()),
    }
