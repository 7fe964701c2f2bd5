"""Words: vectors from files and from sentences, dictionaries from translations."""

import gzip

import numpy as np
import pytest

from gan_jax import data
from gan_jax.types import UserError

ENGLISH = ["a red ball", "a red house", "a blue ball", "a blue house"] * 5
GERMAN = ["ein roter ball", "ein rotes haus", "ein blauer ball", "ein blaues haus"] * 5


def test_vectors_are_read_as_fasttext_writes_them(tmp_path):
    path = tmp_path / "en.vec"
    path.write_text("3 2\nthe 1 2\nof 3 -4.5\n, 0 1\n")
    words, vectors = data.read_vectors(path, 2)
    assert words == ("the", "of")
    np.testing.assert_array_equal(vectors, np.array([[1, 2], [3, -4.5]], np.float32))
    path.write_text("1 2\nthe 1 2 3\n")
    with pytest.raises(UserError, match="line 2: 3 numbers, not 2"):
        data.read_vectors(path)
    with pytest.raises(UserError, match="no file"):
        data.read_sentences(tmp_path / "nowhere.txt")


@pytest.mark.parametrize("content", [b"2 1\n", b"1 1\n\xff 1\n", b""])
def test_a_file_of_no_vectors_is_one_clear_line(content, tmp_path):
    path = tmp_path / "words.vec"
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"words.vec (holds no word vectors|cannot be read as text)"
    ):
        data.read_vectors(path)
    damaged = tmp_path / "words.vec.gz"
    damaged.write_bytes(b"no gzip")
    with pytest.raises(UserError, match=r"words.vec.gz cannot be read as text"):
        data.read_vectors(damaged)


def test_words_of_the_same_contexts_have_the_same_vectors(tmp_path):
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress("\n".join(ENGLISH).encode()))
    words, vectors = data.count_vectors(data.read_sentences(path), 3, least=5)
    assert set(words) == {"a", "red", "blue", "ball", "house"}
    of = dict(zip(words, data.normalised(vectors), strict=True))
    assert of["red"] @ of["blue"] > 0.99
    assert of["red"] @ of["ball"] < 0.5
    with pytest.raises(UserError, match="5 words"):
        data.count_vectors(data.read_sentences(path), 5, least=5)


def test_normalised_vectors_have_length_1():
    x = data.normalised(np.random.default_rng(0).normal(size=(50, 4)) + 3)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)
    assert np.abs(x.mean(axis=0)).max() < 0.2


def test_translations_tell_the_dictionary():
    split = lambda lines: [line.split() for line in lines]
    english, german = ("a", "red", "ball", "house"), ("ein", "roter", "rotes", "ball", "haus")
    pairs = data.align(split(ENGLISH), split(GERMAN), english, german)
    named = {(english[i], german[j]) for i, j in pairs}
    right = {("a", "ein"), ("red", "roter"), ("red", "rotes"), ("ball", "ball"), ("house", "haus")}
    assert named == right
    with pytest.raises(UserError, match="20 sentences have 3"):
        data.align(split(ENGLISH), split(GERMAN[:3]), english, german)
