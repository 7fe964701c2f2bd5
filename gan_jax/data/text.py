"""Text as tokens: one a character, or one a word."""

from collections.abc import Iterable, Sequence

import numpy as np

from gan_jax.data.kinds import Tokens
from gan_jax.types import UserError


def characters(texts: Iterable[str]) -> tuple[str, ...]:
    """The characters that texts are made of, in the order of their code points."""
    return tuple(sorted(set().union(*texts)))


def windows(
    where: str, text: str, vocabulary: Sequence[str], length: int
) -> tuple[np.ndarray, Tokens]:
    """One long text, cut into consecutive pieces; what is left at the end is dropped.

    Args:
        where: The text's name, for messages.
        text: Of the vocabulary's characters.
        vocabulary: Characters.
        length: Of a piece.

    Returns:
        Tokens, int32 [N, length], and their kind.

    Raises:
        UserError: if the text is shorter than a piece.
    """
    count = len(text) // length
    if not count:
        raise UserError(f"{where} has {len(text)} characters; set data.length to that or less")
    kind = Tokens(tuple(vocabulary), "")
    return _tokens(text[: count * length], kind.vocabulary).reshape(count, length), kind


def padded(
    texts: Sequence[str], vocabulary: Sequence[str], length: int
) -> tuple[np.ndarray, Tokens]:
    """Texts, each cut to `length` characters or followed by token 0, which stands for nothing.

    Returns:
        Tokens, int32 [N, length], and their kind.
    """
    kind = Tokens(("", *vocabulary), "")
    tokens = np.zeros((len(texts), length), np.int32)
    for row, text in zip(tokens, texts, strict=True):
        known = _tokens(text[:length], kind.vocabulary)
        row[: len(known)] = known
    return tokens, kind


def worded(
    texts: Sequence[str], vocabulary: Sequence[str], length: int
) -> tuple[np.ndarray, Tokens]:
    """Texts in lower case by their words, cut to `length` and filled up like `padded` ones.

    Words that are not in the vocabulary are left out.

    Returns:
        Tokens, int32 [N, length], and their kind.
    """
    kind, known = Tokens(("", *vocabulary), " "), set(vocabulary)
    kept = ([word for word in t.lower().split() if word in known][:length] for t in texts)
    return np.stack([kind.tokens(" ".join(words), length) for words in kept]), kind


def _tokens(text: str, vocabulary: Sequence[str]) -> np.ndarray:
    places = {character: place for place, character in enumerate(vocabulary)}
    return np.array([places[character] for character in text], np.int32)
