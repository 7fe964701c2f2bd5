"""BLEU: how much of what is written stands in other texts too, by n-grams."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from gan_jax.types import UserError

_SMALL = 0.1  # in place of a count of 0

Text = Sequence[Hashable]


def bleu(samples: Sequence[Text], references: Sequence[Text], order: int) -> np.ndarray:
    """BLEU-n of each sample against all references together, in [0, 1].

        min(1, exp(1 - r / l)) · (p_1 ... p_n)^(1 / n)

    with p_k the share of a sample's k-grams that stand in some reference at least as often as in
    the sample, l the sample's length and r the length of a reference that is nearest to it. A count
    of 0 becomes 0.1, which is smoothing method 1 of A Systematic Comparison of Smoothing Techniques
    for Sentence-Level BLEU, Chen & Cherry, 2014, as NLTK has it; without a common word it is 0.

    BLEU: a Method for Automatic Evaluation of Machine Translation, Papineni et al., 2002, ACL. For
    generators with held-out texts as references: Texygen, Zhu et al., 2018, arXiv:1802.01886. It
    says nothing of diversity: see `self_bleu`.

    Args:
      samples: texts, sequences of words or of tokens.
      references: likewise.
      order: n, at least 1.

    Returns:
      `[N]`.

    Raises:
      UserError: if there are no samples, no references, or the order is below 1.
    """
    if not len(samples) or not len(references) or order < 1:
        raise UserError(
            f"BLEU-{order} of {len(samples)} texts against {len(references)}: none may be 0"
        )
    most = [_most(references, k) for k in range(1, order + 1)]
    lengths = Counter(map(len, references))
    limits = [{gram: first for gram, (first, *_) in counts.items()} for counts in most]
    return np.array([_score(text, limits, lengths, order) for text in samples])


def self_bleu(samples: Sequence[Text], order: int) -> np.ndarray:
    """BLEU-n of each sample against all the others: high where samples are alike.

    Texygen: A Benchmarking Platform for Text Generation Models, Zhu et al., 2018, arXiv:1802.01886.

    Args:
      samples: at least two texts.
      order: n, at least 1.

    Returns:
      `[N]`, each in [0, 1].

    Raises:
      UserError: there are fewer, or the order is below 1.
    """
    if len(samples) < 2 or order < 1:
        raise UserError(f"self-BLEU-{order} of {len(samples)} texts: take two, and an order from 1")
    most = [_most(samples, k) for k in range(1, order + 1)]
    lengths = Counter(map(len, samples))
    scores = []
    for index, text in enumerate(samples):
        others = lengths - Counter([len(text)])
        limits = []
        for k, counts in enumerate(most, start=1):
            limit = {}
            for gram in _grams(text, k):
                first, owner, second = counts[gram]
                limit[gram] = second if owner == index else first
            limits.append(limit)
        scores.append(_score(text, limits, others, order))
    return np.array(scores)


def _grams(text: Text, k: int) -> Iterable[tuple]:
    return (tuple(text[i : i + k]) for i in range(len(text) - k + 1))


def _most(texts: Sequence[Text], k: int) -> dict[tuple, tuple[int, int, int]]:
    """Of each k-gram how often it stands in one text at most, in which, and in another at most."""
    found: dict[tuple, tuple[int, int, int]] = {}
    for index, text in enumerate(texts):
        for gram, count in Counter(_grams(text, k)).items():
            first, owner, second = found.get(gram, (0, -1, 0))
            if count > first:
                found[gram] = (count, index, first)
            else:
                found[gram] = (first, owner, max(second, count))
    return found


def _score(
    text: Text, limits: Sequence[dict[tuple, int]], lengths: Counter[int], order: int
) -> float:
    logs = []
    for k, limit in enumerate(limits, start=1):
        counts = Counter(_grams(text, k))
        known = sum(min(count, limit.get(gram, 0)) for gram, count in counts.items())
        if k == 1 and not known:
            return 0.0
        logs.append(math.log((known or _SMALL) / max(counts.total(), 1)))
    nearest = min(lengths, key=lambda length: (abs(length - len(text)), length))
    return math.exp(min(0.0, 1 - nearest / len(text)) + sum(logs) / order)
