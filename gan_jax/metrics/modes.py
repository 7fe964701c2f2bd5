"""Mode coverage, where the modes of the data are known."""

import numpy as np
from scipy.spatial import KDTree
from scipy.special import rel_entr


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
    return {
        "modes": float(np.unique(nearest[close]).size),
        "high_quality": float(close.mean()),
        "reverse_kl": class_mode_scores(nearest, len(centres))["reverse_kl"],
    }


def class_mode_scores(
    label: np.ndarray, num_classes: int, real_shares: np.ndarray | None = None
) -> dict[str, float]:
    """Which classes the samples reach, as a classifier reads them: the modes of Stacked MNIST.

    VEEGAN and PacGAN, as above. Even N samples of the data have a reverse KL of `(K - 1) / 2N`,
    where N is much larger than K.

    Args:
      label: `[N]`, integers in 0..K - 1.
      num_classes: K.
      real_shares: `[K]`, of the real examples, summing to 1; by default all equal.

    Returns:
      `modes`, classes that any sample is of, in 0..K; `reverse_kl`, `KL(generated || real)` over
      classes in nats, at least 0, infinite where samples are of a class that has no share.
    """
    shares = np.bincount(label, minlength=num_classes) / len(label)
    real = np.full(num_classes, 1 / num_classes) if real_shares is None else real_shares
    return {
        "modes": float(np.count_nonzero(shares)),
        "reverse_kl": float(rel_entr(shares, real).sum()),
    }
