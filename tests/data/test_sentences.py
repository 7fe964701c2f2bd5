import numpy as np
import pytest

from gan_jax import data
from gan_jax.types import UserError


def test_a_file_of_sentences_is_words_and_every_tenth_is_held_out(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("A dog's red ball, again.\n\n" + "a cat\n" * 8 + "the last\n")
    train, test, whole = (data.load(str(path), split=s) for s in ("train", "test", "all"))
    assert list(map(len, (train, test, whole))) == [9, 1, 10]
    kind = train.kinds["x"]
    assert kind == test.kinds["x"]
    assert " ".join(kind.vocabulary) == " , . A a again ball cat dog's last red the"
    assert kind.text(train[0]["x"]) == "A dog's red ball , again ."
    assert kind.text(test[0]["x"]) == "the last"
    np.testing.assert_array_equal(test[0]["x"][2:], 0)
    assert data.load(str(path), length=3)[0]["x"].shape == (3,)


def test_what_are_no_sentences_is_refused(tmp_path):
    path = tmp_path / "few.txt"
    path.write_text("one\ntwo\n")
    with pytest.raises(UserError, match="has 2 sentences"):
        data.load(str(path))
    with pytest.raises(UserError, match="cannot be read as text"):
        data.load(str(tmp_path / "none.txt"))
