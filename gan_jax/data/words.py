"""Words as vectors, read from a file or counted in sentences; dictionaries of two languages."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from gan_jax.types import UserError

Sentences = Sequence[Sequence[str]]
"""Tokens of each."""

_ALIGNED = 0.1  # probability that a word's translation has at least, in both directions


class Vocabulary(NamedTuple):
    """Words from the commonest on, with their vectors.

    Attributes:
        words: All different.
        vectors: float32 [N, D].
    """

    words: tuple[str, ...]
    vectors: np.ndarray


def read_sentences(path: str | Path) -> list[list[str]]:
    """The lines of a text, gzipped or not, split at white space.

    Raises:
        UserError: if the file cannot be read.
    """
    with _opened(path) as lines:
        return [line.split() for line in lines]


def read_vectors(path: str | Path, most: int = 200_000) -> Vocabulary:
    """Vectors as word2vec and fastText write them: a line `N D`, then a word and D numbers a line.

    Args:
        path: Of the text file, gzipped or not.
        most: Words read, of those that stand first.

    Raises:
        UserError: if the file cannot be read or is none such.
    """
    words: dict[str, np.ndarray] = {}
    with _opened(path) as lines:
        head = next(iter(lines), "").split()
        if len(head) != 2 or not all(part.isdigit() for part in head):
            raise UserError(f"{path} holds no word vectors: its first line is not 'N D'")
        for number, line in enumerate(lines, 2):
            if len(words) == most:
                break
            word, _, rest = line.rstrip().partition(" ")
            vector = np.fromstring(rest, np.float32, sep=" ")
            if len(vector) != int(head[1]):
                raise UserError(f"{path}, line {number}: {len(vector)} numbers, not {head[1]}")
            words.setdefault(word, vector)
    if not words:
        raise UserError(f"{path} holds no word vectors: there is none after its first line")
    return Vocabulary(tuple(words), np.stack(list(words.values())))


@contextmanager
def _opened(path: str | Path) -> Iterator[IO[str]]:
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            yield lines
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from None


def count_vectors(
    sentences: Sentences, dim: int, *, window: int = 10, least: int = 10, most: int = 200_000
) -> Vocabulary:
    """Vectors from counts: positive pointwise mutual information, by its leading singular vectors.

    A word counts its neighbours by the inverse of their distance; contexts' shares are to the power
    3/4; singular vectors are weighted by the roots of their values.

    Improving Distributional Similarity with Lessons Learned from Word Embeddings, Levy, Goldberg &
    Dagan, 2015, Transactions of the ACL 3.

    Args:
        sentences: Tokens of each.
        dim: D, below the number of words.
        window: Words to either side.
        least: Occurrences of a word that is kept.
        most: Words kept, the commonest.

    Raises:
        UserError: if there are not more than `dim` such words.
    """
    import scipy.sparse as sparse
    from scipy.sparse.linalg import svds

    counts = Counter(word for sentence in sentences for word in sentence)
    words = tuple(word for word, n in counts.most_common(most) if n >= least)
    if len(words) <= dim:
        raise UserError(f"{len(words)} words occur {least} times: too few for {dim} dimensions")
    places = {word: place for place, word in enumerate(words)}
    gap = [-1] * window
    text = np.array([n for s in sentences for n in [*(places.get(w, -1) for w in s), *gap]])
    found = sparse.csr_matrix((len(words), len(words)))
    for distance in range(1, window + 1):
        pair = text[:-distance], text[distance:]
        known = (pair[0] >= 0) & (pair[1] >= 0)
        share = np.full(known.sum(), 1 / distance)
        found += sparse.csr_matrix((share, (pair[0][known], pair[1][known])), found.shape)
    found = (found + found.T).tocoo()
    total = np.asarray(found.sum(axis=1)).ravel()
    context = total**0.75 / np.sum(total**0.75)
    information = np.log(found.data / (total[found.row] * context[found.col]))
    found.data = np.maximum(information, 0)
    left, values, _ = svds(found.tocsr(), dim, v0=np.ones(len(words)))
    order = np.argsort(-values)
    vectors = left[:, order] * np.sqrt(values[order])
    return Vocabulary(words, vectors.astype(np.float32))


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Vectors [N, D] of length 1, less their mean, of length 1 again."""
    unit = lambda x: x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    x = unit(np.asarray(vectors, np.float64))
    return unit(x - x.mean(axis=0)).astype(np.float32)


def align(
    source: Sentences,
    target: Sentences,
    source_words: Sequence[str],
    target_words: Sequence[str],
) -> np.ndarray:
    """A dictionary, from sentences and their translations.

    Pairs of words that the first of IBM's models, in either direction, translates into one another
    with a probability of at least 1/10.

    The Mathematics of Statistical Machine Translation, Brown et al., 1993, Computational
    Linguistics 19, model 1.

    Args:
        source: Sentences.
        target: Their translations, one by one.
        source_words: The vocabulary; other words are left out.
        target_words: Likewise.

    Returns:
        Places of both words in their vocabularies, int64 [N, 2], in order.

    Raises:
        UserError: if there are not as many sentences as translations.
    """
    if len(source) != len(target):
        raise UserError(f"{len(source):,} sentences have {len(target):,} translations")
    ours, theirs = _placed(source, source_words), _placed(target, target_words)
    sizes = len(source_words), len(target_words)
    forth = _translations(ours, theirs, sizes[1])
    back = _translations(theirs, ours, sizes[0])
    both = np.intersect1d(forth[:, 0] * sizes[1] + forth[:, 1], back[:, 1] * sizes[1] + back[:, 0])
    return np.stack(np.divmod(both, sizes[1]), axis=1)


def _placed(sentences: Sentences, words: Sequence[str]) -> list[np.ndarray]:
    places = {word: place for place, word in enumerate(words)}
    return [np.array([places[w] for w in s if w in places], np.int64) for s in sentences]


def _translations(
    source: list[np.ndarray], target: list[np.ndarray], columns: int, rounds: int = 8
) -> np.ndarray:
    """Pairs [N, 2] whose P(target word | source word), by expectation-maximisation, is enough.

    The target's words are below `columns`.
    """
    pairs, tokens, count = [], [], 0
    for a, b in zip(source, target, strict=True):
        pairs.append((a[:, None] * columns + b).ravel())
        tokens.append(np.tile(count + np.arange(len(b)), len(a)))
        count += len(b)
    pair, token = np.concatenate(pairs), np.concatenate(tokens)
    kinds, of = np.unique(pair, return_inverse=True)
    row, probability = kinds // columns, np.ones(len(kinds), np.float64)
    for _ in range(rounds):
        weight = probability[of]
        weight /= np.bincount(token, weight, count)[token]
        counts = np.bincount(of, weight, len(kinds))
        probability = counts / np.bincount(row, counts)[row]
    return np.stack(np.divmod(kinds[probability >= _ALIGNED], columns), axis=1)
