"""The Inception Score."""

import numpy as np
from scipy.special import rel_entr, softmax

from gan_jax.metrics.estimate import Estimate, estimate_mean
from gan_jax.metrics.features import as_features
from gan_jax.types import UserError


def inception_score(logits: np.ndarray, *, splits: int = 10, seed: int | None = 0) -> Estimate:
    """`exp E KL(p(y | x) ‖ p(y))`: samples that are each of a sure class, and of all classes.

    Improved Techniques for Training GANs, Salimans et al., 2016, arXiv:1606.03498.

    Args:
      logits: `[N, K]`, a classifier's of samples; logarithms of probabilities do as well, `-inf`
        excepted.
      splits: parts of equal size to average over, at least 2. The score rises with the size of a
        part: state N and the splits.
      seed: of the permutation before splitting, which is that of torch-fidelity; None leaves the
        order as it is. Samples in the order of their classes need one: their splits would hold few
        classes each.

    Returns:
      The mean over the splits, in [1, K], and its standard error: their standard deviation, which
      others report in its place, over `sqrt(splits)`.

    Raises:
      UserError: if there are fewer than 2 splits, or fewer samples than splits.
    """
    (logits,) = as_features(logits)
    if not 2 <= splits <= len(logits):
        raise UserError(
            f"an Inception Score needs 2 splits or more and a sample for each, got {splits} splits "
            f"of {len(logits)} samples"
        )
    if seed is not None:
        random = np.random.RandomState(seed)  # torch-fidelity's generator
        logits = logits[random.permutation(len(logits))]
    probabilities = softmax(logits.astype(np.float64), axis=1)
    bounds = np.arange(1, splits) * len(logits) // splits
    return estimate_mean(np.array([_score(part) for part in np.split(probabilities, bounds)]))


def _score(probabilities: np.ndarray) -> float:
    marginal = probabilities.mean(axis=0, keepdims=True)
    return np.exp(rel_entr(probabilities, marginal).sum(axis=1).mean())
