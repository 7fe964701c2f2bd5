"""Whether examples that a model was trained on can be told from others."""

from typing import NamedTuple

import numpy as np

from gan_jax.metrics.estimate import Estimate, share_below
from gan_jax.types import UserError


class Membership(NamedTuple):
    """What an attack by a score finds out.

    Attributes:
      auc: the probability that a member's score is above another's, 0.5 by chance; its error is
        DeLong's, of members and others alike.
      true_positive_rate: the share of members above a threshold that few others are above; its
        error is binomial, the threshold taken as given.
    """

    auc: Estimate
    true_positive_rate: Estimate


def membership(
    members: np.ndarray, others: np.ndarray, *, false_positive_rate: float = 0.01
) -> Membership:
    """How well a score tells members of the training data from others like them.

    At few false positives an attack says what it does to those whom it is sure of: Membership
    Inference Attacks From First Principles, Carlini et al., 2022, arXiv:2112.03570. The error of
    the area is that of DeLong, DeLong & Clarke-Pearson, 1988, Biometrics.

    Args:
      members: `[N]` scores, N at least 2; higher is more like a member.
      others: `[M]` scores of examples from the same source that were not trained on, M at least 2.
      false_positive_rate: at most this share of the others is above the threshold; where it is
        less than one of them, none. In [0, 1).

    Raises:
      UserError: there are fewer than two of either, or there is no such rate.
    """
    members, others = (np.asarray(scores, np.float64) for scores in (members, others))
    if min(len(members), len(others)) < 2:
        raise UserError("an attack is measured on two members and two others at least")
    above, below = share_below(members, others), 1 - share_below(others, members)
    error = np.sqrt(np.var(above, ddof=1) / len(above) + np.var(below, ddof=1) / len(below))
    if not 0 <= false_positive_rate < 1:
        raise UserError(f"a false positive rate of {false_positive_rate} is not in [0, 1)")
    threshold = np.sort(others)[-1 - int(false_positive_rate * len(others))]
    found = float(np.mean(members > threshold))
    return Membership(
        Estimate(float(np.mean(above)), float(error)),
        Estimate(found, float(np.sqrt(found * (1 - found) / len(members)))),
    )
