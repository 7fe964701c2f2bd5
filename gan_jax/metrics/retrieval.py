"""Retrieval: which of many candidates is nearest, hubs discounted, and how often it is right."""

from collections.abc import Sequence

import numpy as np

from gan_jax.types import UserError

_NEIGHBOURS = 10  # k of CSLS


def cosines(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Of vectors [N, D] and [M, D], all pairs: [N, M], float64."""
    unit = lambda x: x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return unit(np.asarray(queries, np.float64)) @ unit(np.asarray(candidates, np.float64)).T


def csls(queries: np.ndarray, candidates: np.ndarray, neighbours: int = _NEIGHBOURS) -> np.ndarray:
    """Cross-domain similarity local scaling of all pairs, [N, M] in [-4, 4].

    `2 cos(x, y) - r(x) - r(y)`, where r is the mean cosine of a vector with its k nearest on the
    other side: what is near to everything is near to nothing.

    Word Translation Without Parallel Data, Conneau et al., 2018, arXiv:1710.04087, section 2.3.

    Args:
      queries: `[N, D]`.
      candidates: `[M, D]`.
      neighbours: k, at most all there are.
    """
    return _scaled(cosines(queries, candidates), neighbours)


def _scaled(similarity: np.ndarray, neighbours: int = _NEIGHBOURS) -> np.ndarray:
    """`csls` of cosines."""
    k = min(neighbours, *similarity.shape)
    nearest = lambda x: np.mean(-np.partition(-x, k - 1, axis=1)[:, :k], axis=1)
    return 2 * similarity - nearest(similarity)[:, None] - nearest(similarity.T)[None]


def precision_at(
    scores: np.ndarray, pairs: np.ndarray, ranks: Sequence[int] = (1, 5)
) -> dict[int, float]:
    """P@k: the share of queries with a right candidate among their k best, by k.

    Args:
      scores: `[N, M]` of queries and candidates.
      pairs: right ones, integers [P, 2]; a query may have several, and one without counts not.
      ranks: the k.

    Raises:
      UserError: there is no pair.
    """
    if not len(pairs):
        raise UserError("there are no pairs to tell the precision by")
    right = np.zeros(scores.shape, bool)
    right[pairs[:, 0], pairs[:, 1]] = True
    asked = np.unique(pairs[:, 0])
    best = np.argsort(-scores[asked], axis=1, kind="stable")[:, : max(ranks)]
    hits = np.take_along_axis(right[asked], best, axis=1)
    return {k: float(np.mean(np.any(hits[:, :k], axis=1))) for k in ranks}


def recall_of_own(scores: np.ndarray, among: int, seed: int = 0) -> float:
    """R-precision with one right answer: how often a query's own candidate is the best of so many.

    AttnGAN, Xu et al., 2018, arXiv:1711.10485, section 4, where it is one of 100.

    Args:
      scores: `[N, N]`, the own candidates on the diagonal.
      among: candidates each is chosen from, its own and others at random.
      seed: of the others.

    Raises:
      UserError: there are not so many.
    """
    count = len(scores)
    if not 2 <= among <= count:
        raise UserError(f"a candidate cannot be chosen among {among} where there are {count}")
    random, right = np.random.default_rng(seed), 0
    for i, row in enumerate(scores):
        others = random.choice(count - 1, among - 1, replace=False)
        right += bool(row[i] > np.max(row[others + (others >= i)]))
    return right / count


def procrustes(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The orthogonal W [D, D] of least `Σ ‖source W - target‖²`, of vectors [N, D] by pairs.

    A generalized solution of the orthogonal Procrustes problem, Schönemann, 1966, Psychometrika 31.
    """
    left, _, right = np.linalg.svd(
        np.asarray(source, np.float64).T @ np.asarray(target, np.float64)
    )
    return left @ right


def nearest_rotation(mapping: np.ndarray) -> np.ndarray:
    """The orthogonal matrix nearest to a mapping [D, D], reflections among them."""
    return procrustes(np.eye(len(mapping)), mapping)


def mutual_pairs(scores: np.ndarray, most: int = 10_000) -> np.ndarray:
    """Pairs [P, 2] of a query and a candidate that are each other's best, of the first so many."""
    best, back = np.argmax(scores, axis=1), np.argmax(scores, axis=0)
    pairs = np.stack([np.arange(len(best)), best], axis=1)
    return pairs[back[best] == pairs[:, 0]][:most]


def mean_csls_cosine(queries: np.ndarray, candidates: np.ndarray, most: int = 10_000) -> float:
    """The mean cosine of the first so many queries with their best candidates by `csls`.

    It tells without a dictionary how good a mapping is.

    Word Translation Without Parallel Data, Conneau et al., 2018, arXiv:1710.04087, section 3.2.
    """
    similarity = cosines(queries, candidates)
    best = np.argmax(_scaled(similarity), axis=1)[:most]
    return float(np.mean(similarity[np.arange(len(best)), best]))


def refine(
    source: np.ndarray, target: np.ndarray, mapping: np.ndarray, rounds: int = 5
) -> np.ndarray:
    """A mapping made anew by Procrustes from the pairs that are each other's best under it.

    The one of the rounds, the given one included, of the highest `mean_csls_cosine`.

    Word Translation Without Parallel Data, Conneau et al., 2018, arXiv:1710.04087, section 2.2.

    Args:
      source: vectors [N, D], the commonest first.
      target: `[M, D]`, likewise.
      mapping: W [D, D], so that `source W` lies over `target`.
      rounds: of pairing and fitting.
    """
    found = [np.asarray(mapping, np.float64)]
    for _ in range(rounds):
        pairs = mutual_pairs(csls(source @ found[-1], target))
        if not len(pairs):
            break
        found.append(procrustes(source[pairs[:, 0]], target[pairs[:, 1]]))
    return max(found, key=lambda w: mean_csls_cosine(source @ w, target))
