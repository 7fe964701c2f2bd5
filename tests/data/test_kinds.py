import json

import jax
import numpy as np
import pytest

from gan_jax.data import (
    Audio,
    Category,
    Image,
    Real,
    Tokens,
    Video,
    from_record,
    kind_of,
    make_kind,
    to_record,
)
from gan_jax.types import UserError

EVERY = [
    Image(),
    Video(rate=12.5),
    Audio(rate=8_000),
    Tokens(("a", "b"), " "),
    Category(("cat", "dog")),
    Real(("age", "income")),
]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_a_record_of_a_kind_is_json_and_tells_it_whole(kind):
    assert from_record(json.loads(json.dumps(to_record(kind)))) == kind


@pytest.mark.parametrize(("kind", "dtype"), [(Image(), np.uint8), (Audio(), np.int16)])
def test_what_is_stored_comes_back_from_floats(kind, dtype):
    limits = np.iinfo(dtype)
    stored = np.arange(limits.min, limits.max + 1).astype(dtype)
    floats = np.asarray(jax.jit(kind.to_float)(stored))
    assert floats.dtype == np.float32
    assert np.abs(floats).max() == pytest.approx(1, abs=1e-6)
    assert kind_of(floats.reshape(1, -1, 1, 1)) == Image()
    back = kind.to_stored(floats)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, stored)


def test_what_a_net_makes_is_rounded_and_clipped():
    assert Image().to_stored(np.float32([-3, 0.001, 3])).tolist() == [0, 128, 255]
    assert Audio().to_stored(np.float32([-3, 0, 3])).tolist() == [-32_768, 0, 32_767]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_classes_are_int32_in_a_batch(dtype):
    assert Category(("a", "b")).to_float(np.array([0, 1], dtype)).dtype == np.int32


def test_tokens_are_text():
    assert Tokens(("to", "be"), " ").text(np.array([0, 1, 1])) == "to be be"


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), Image()),
        (np.zeros((2, 4, 4, 1), np.float32), Image()),
        (np.full((2, 4, 4, 1), 2, np.float32), Real()),
        (np.zeros((2, 4, 4, 9), np.float32), Real()),
        (np.zeros((2, 9, 1), np.int16), Audio()),
        (np.array([0, 2, 1]), Category(("0", "1", "2"))),
        (np.array([0, 2, 1], np.uint8), Category(("0", "1", "2"))),
        (np.zeros((2, 9), np.float32), Real()),
    ],
)
def test_kinds_are_told_by_dtype_and_shape(x, kind):
    assert kind_of(x) == kind


@pytest.mark.parametrize("x", [np.zeros((2, 9), np.int32), np.array(["a", "b"])])
def test_what_is_not_told_is_asked_for(x):
    with pytest.raises(UserError, match="Name their kind: image, video"):
        kind_of(x)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_kinds_can_be_made_of_themselves_and_their_records(kind):
    assert make_kind(kind) is kind
    assert make_kind(to_record(kind)) == kind


def test_classes_and_vocabularies_left_out_are_numbers():
    column = np.array([[0, 2], [1, 0]])
    assert make_kind("tokens", column) == Tokens(("0", "1", "2"))
    assert make_kind("category", column[0]) == Category(("0", "1", "2"))
    assert make_kind("audio", column) == Audio()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("picture", "no kind of column is called 'picture'; name one of image, video"),
        ({"rate": 8}, "no kind of column is called 'None'"),
        ("tokens", "told by vocabulary, separator, and needs vocabulary"),
        ({"kind": "image", "rate": 8}, "a kind of image is told by its name alone"),
    ],
)
def test_kinds_that_are_none_are_refused(value, message):
    with pytest.raises(UserError, match=message):
        make_kind(value)
