"""Text as tokens: one a character, or one a word."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from gan_jax.data.dataset import ArrayDataset, check_split
from gan_jax.data.kinds import Tokens
from gan_jax.types import UserError

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|\S")
_HELD_OUT = 10  # every so manieth sentence


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


def words(sentence: str) -> list[str]:
    """The words of a sentence, and each of its marks by itself."""
    return _WORD.findall(sentence)


def sentences(path: str | Path, *, split: str = "train", length: int = 0) -> ArrayDataset:
    """The sentences of a file, one a line, as words; empty lines are left out.

    The vocabulary is that of the whole file. Token 0 stands for nothing and follows a sentence up
    to the length.

    Args:
        path: The file, UTF-8.
        split: `test`, every tenth sentence; `train`, the others; or `all`.
        length: Words that a sentence is cut to or filled up to; 0 for those of the longest.

    Returns:
        `x` int32 [N, length], of the kind `Tokens`.

    Raises:
        UserError: if the file cannot be read, has too few sentences, or has no such split.
    """
    path = Path(path).expanduser()
    check_split(path.name, split, ("train", "test", "all"))
    try:
        found = [words(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from None
    found = [sentence for sentence in found if sentence]
    if len(found) < _HELD_OUT:
        raise UserError(f"{path} has {len(found)} sentences, one a line; there must be 10 or more")
    vocabulary = ("", *sorted(set().union(*found)))
    places = {word: place for place, word in enumerate(vocabulary)}
    held_out = np.arange(len(found)) % _HELD_OUT == _HELD_OUT - 1
    rows = {"train": ~held_out, "test": held_out, "all": held_out | True}[split]
    length = length or max(map(len, found))
    tokens = np.zeros((int(rows.sum()), length), np.int32)
    for row, index in zip(tokens, np.flatnonzero(rows), strict=True):
        known = [places[word] for word in found[index][:length]]
        row[: len(known)] = known
    return ArrayDataset(path.stem, split, {"x": tokens}, {"x": Tokens(vocabulary, " ")})


def vocabulary_size(path: str | Path) -> int:
    """How many tokens the sentences of a file are made of, the 0 after their ends among them."""
    kind = sentences(path).kinds["x"]
    assert isinstance(kind, Tokens)
    return len(kind.vocabulary)


def end_of(name: str) -> int | None:
    """The token that follows texts of a source and fills them up; the oracle's have no end."""
    return None if name == "oracle" else 0


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
