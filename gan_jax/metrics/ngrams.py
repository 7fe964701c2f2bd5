"""Texts by their n-grams."""

import numpy as np
from scipy.special import rel_entr

from gan_jax.types import UserError


def ngram_divergence(real: np.ndarray, fake: np.ndarray, order: int) -> float:
    """The Jensen-Shannon divergence of the n-grams of two sets of texts, in bits.

    `½ KL(p ‖ m) + ½ KL(q ‖ m)`, `m = ½ (p + q)`, of the frequencies p and q of all runs of n
    tokens within a text; tokens that fill texts up count as any others. It compares what is
    written, not what could be: few texts of one language are far from each other too, the more so
    the larger n is, so look at the figure of held-out texts, as many as the samples.

    The measure of the character models of Improved Training of Wasserstein GANs, Gulrajani et al.,
    2017, arXiv:1704.00028, as GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium, Heusel et al., 2017, arXiv:1706.08500, reports it.

    Args:
      real: `[N, L]`, integers.
      fake: `[M, L']`, integers of the same vocabulary.
      order: n, at least 1.

    Returns:
      In [0, 1]; 0 for equal frequencies, 1 where no n-gram is in both.

    Raises:
      UserError: if texts are no rows of integers, there are none, or they are shorter than n.
    """
    sets = [_checked(part, order) for part in (real, fake)]
    number, counts = _numbered(
        [np.lib.stride_tricks.sliding_window_view(x, order, 1) for x in sets]
    )
    p, q = (np.bincount(ids, minlength=number) / len(ids) for ids in counts)
    middle = (p + q) / 2
    return float((rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / (2 * np.log(2)))


def distinct_share(x: np.ndarray) -> float:
    """The number of different texts over that of all, in (0, 1]: 1 / N where all are the same.

    Args:
      x: `[N, L]`, integers.

    Raises:
      UserError: as `ngram_divergence` does.
    """
    x = _checked(x, 1)
    return len(np.unique(x, axis=0)) / len(x)


def _checked(x: np.ndarray, order: int) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype.kind not in "iu" or not x.size:
        raise UserError(f"texts are integers [N, L], at least one; got {x.dtype} {list(x.shape)}")
    if not 1 <= order <= x.shape[1]:
        raise UserError(f"texts of {x.shape[1]} tokens have no {order}-grams")
    return x


def _numbered(grams: list[np.ndarray]) -> tuple[int, list[np.ndarray]]:
    """How many n-grams there are, and which each is; of sets of them, `[..., n]` each."""
    sizes = [part[..., 0].size for part in grams]
    columns = np.concatenate([part.reshape(-1, part.shape[-1]) for part in grams]).T
    ids = np.zeros(sum(sizes), np.int64)
    for column in columns:  # numbered anew each time: at most the number of tokens, squared
        tokens, token = np.unique(column, return_inverse=True)
        _, ids = np.unique(ids * len(tokens) + token, return_inverse=True)
    return int(ids.max()) + 1, np.split(ids, np.cumsum(sizes)[:-1])
