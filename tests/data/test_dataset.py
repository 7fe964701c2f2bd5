from types import MappingProxyType

import numpy as np
import pytest

from gan_jax.data import Audio, Category, Image, Real, Tokens, Video
from gan_jax.data.dataset import (
    ArrayDataset,
    check_split,
    decoded_bytes,
    describe,
    materialise,
    num_classes,
    read_columns,
    suggest,
)
from gan_jax.types import UserError

IMAGES = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)


class Lazy:
    """A data set with nothing but the protocol."""

    name, split = "lazy", "train"
    kinds = MappingProxyType({"x": Image(), "label": Category(("p", "q", "r"))})

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return {"x": self.images[i], "label": np.asarray(i % 3, np.int32)}


class LazyMany(Lazy):
    def __getitem__(self, i):
        assert i == 0, "others are read many at once"
        return super().__getitem__(i)

    def __getitems__(self, indices):
        return [Lazy.__getitem__(self, i) for i in indices]


def test_array_dataset_gives_examples_by_index():
    dataset = ArrayDataset("a", "train", {"x": IMAGES, "label": np.array([0, 1, 1])})
    assert len(dataset) == 3
    np.testing.assert_array_equal(dataset[1]["x"], IMAGES[1])
    assert dataset[1]["label"] == 1
    assert dataset[1]["label"].dtype == np.int32


POINTS = np.zeros((3, 2), np.float32)
WAVES = np.zeros((3, 5, 1), np.float32)


@pytest.mark.parametrize(
    ("columns", "kinds", "message"),
    [
        ({}, {}, "no columns; give it at least x"),
        ({"x": IMAGES, "label": np.zeros(2, np.int32)}, {}, "differ in length"),
        ({"x": IMAGES, "y": np.array(1)}, {}, "column y is one scalar"),
        ({"x": IMAGES[:0]}, {}, "no examples; choose another split"),
        ({"x": IMAGES}, {"y": Image()}, "kinds name the column 'y', which is not among x"),
        ({"x": IMAGES.astype(np.int64)}, {}, "column x: what are int64 values"),
        ({"x": POINTS.astype(np.float64)}, {}, "x is float64; store real columns as float32"),
        ({"x": IMAGES[..., 0]}, {"x": Image()}, r"a column of image is \[N, H, W, C\]"),
        ({"x": IMAGES}, {"x": Video()}, r"a column of video is \[N, T, H, W, C\]"),
        ({"x": WAVES[..., 0]}, {"x": Audio(8)}, r"a column of audio is \[N, T, C\]"),
        ({"x": IMAGES[..., 0]}, {"x": Audio(8)}, "store audio as int16, or float32"),
        ({"x": WAVES + 2}, {"x": Audio(8)}, r"float audio must lie in \[-1, 1\].* store int16"),
        (
            {"x": IMAGES.astype(np.float32)},
            {"x": Image()},
            r"float image must lie in \[-1, 1\], these values in \[0, 11\]; rescale",
        ),
        ({"x": POINTS + np.nan}, {}, "x has values that are not finite; remove or repair"),
        ({"x": POINTS + np.inf}, {}, "not finite"),
        ({"x": POINTS}, {"x": Real(("age",))}, r"shape \[3, 2\], but its kind names 1 columns"),
        ({"x": POINTS, "label": np.array([0, -1, 0])}, {}, "these in -1 to 0"),
        (
            {"x": POINTS, "label": np.zeros(3, np.float32)},
            {"label": Category(("a",))},
            r"category must be integers of shape \[N\] or \[N, H, W\], got float32",
        ),
        (
            {"x": POINTS, "label": np.arange(3)},
            {"label": Category(("cat", "dog"))},
            "label: values must lie in 0 to 1, these in 0 to 2",
        ),
        (
            {"x": np.full((3, 4), 7, np.int32)},
            {"x": Tokens(("a", "b"))},
            "x: values must lie in 0 to 1, these in 7 to 7",
        ),
    ],
)
def test_array_dataset_refuses_in_one_line_that_names_it(columns, kinds, message):
    with pytest.raises(UserError, match=message) as caught:
        ArrayDataset("a", "train", columns, kinds)
    assert str(caught.value).startswith("a[train]: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("x", "kind", "stored"),
    [
        (IMAGES, Image(), np.uint8),
        (IMAGES[:, None], Video(), np.uint8),
        (WAVES.astype(np.int16), Audio(8), np.int16),
        (WAVES, Audio(8), np.float32),
        (np.zeros((3, 4), np.int64), Tokens(("a",)), np.int32),
        (np.arange(3), Category(tuple("abc")), np.int32),
        (IMAGES[..., 0] % 3, Category(tuple("abc")), np.uint8),
        (POINTS, Real(), np.float32),
    ],
)
def test_columns_of_every_kind_are_stored_small(x, kind, stored):
    dataset = ArrayDataset("a", "train", {"main": x}, {"main": kind})
    assert dataset.columns["main"].dtype == stored
    np.testing.assert_array_equal(dataset[2]["main"], x[2])
    assert dataset.kinds == {"main": kind}


def test_kinds_left_out_are_told():
    columns = {"x": IMAGES, "source": POINTS, "label": np.array([0, 2, 1])}
    kinds = ArrayDataset("a", "train", columns, {"source": Real(("u", "v"))}).kinds
    assert kinds == {"x": Image(), "source": Real(("u", "v")), "label": Category(tuple("012"))}


def test_float_points_may_leave_the_range_of_images():
    points = np.array([[4.0, -4.0]], np.float32)
    assert ArrayDataset("a", "train", {"x": points})[0]["x"][0] == 4.0


@pytest.mark.parametrize("kind", [Lazy, LazyMany])
def test_materialise_reads_every_example(kind):
    images = np.random.default_rng(0).integers(256, size=(300, 2, 2, 1), dtype=np.uint8)
    result = materialise(kind(images))
    assert (result.name, result.split) == ("lazy", "train")
    np.testing.assert_array_equal(result.columns["x"], images)
    np.testing.assert_array_equal(result.columns["label"], np.arange(300) % 3)
    assert result.columns["x"].dtype == np.uint8


def test_materialise_leaves_arrays_alone():
    dataset = ArrayDataset("a", "train", {"x": IMAGES})
    assert materialise(dataset) is dataset


@pytest.mark.parametrize(
    ("column", "kind", "remedy"),
    [
        ("x", Image(), "set data.resolution"),
        ("source", Image(), "set data.resolution"),
        ("sound", Audio(8), "set data.length"),
        ("row", Real(), "pad or crop"),
    ],
)
def test_materialise_names_the_column_of_another_shape(column, kind, remedy):
    class Ragged(Lazy):
        kinds = MappingProxyType({**Lazy.kinds, column: kind})

        def __getitem__(self, i):
            return super().__getitem__(i) | {column: np.zeros((2 + i, 2, 1), np.uint8)}

    message = rf"{column} of example 1 has shape \(3, 2, 1\).*{remedy}"
    with pytest.raises(UserError, match=message):
        materialise(Ragged(IMAGES))


def test_materialise_names_a_column_that_an_example_lacks():
    class Holey(Lazy):
        def __getitem__(self, i):
            return {"x": self.images[i]} | ({} if i else {"label": np.int32(0)})

    with pytest.raises(UserError, match=r"lazy\[train\]: example 1 has no label"):
        materialise(Holey(IMAGES))


def test_read_columns_takes_examples_in_the_order_asked_for():
    for dataset in (Lazy(IMAGES), ArrayDataset("a", "train", {"x": IMAGES})):
        columns = read_columns(dataset, [2, 0, 2], {"x": IMAGES[0]})
        np.testing.assert_array_equal(columns["x"], IMAGES[[2, 0, 2]])


def test_decoded_bytes_counts_every_column():
    columns = {"x": IMAGES, "source": POINTS}
    assert decoded_bytes(ArrayDataset("a", "train", columns)) == 3 * (4 + 8)


def test_materialise_is_silent_when_quick(capfd):
    materialise(Lazy(IMAGES))
    assert capfd.readouterr() == ("", "")


def test_num_classes_is_of_labels_alone():
    columns = {"x": IMAGES, "label": np.array([0, 1, 1])}
    assert num_classes(ArrayDataset("a", "train", columns)) == 2
    named = {"label": Category(("p", "q", "r"))}
    assert num_classes(ArrayDataset("a", "train", columns, named)) == 3
    assert num_classes(ArrayDataset("a", "train", {"x": IMAGES})) is None
    assert num_classes(Lazy(IMAGES)) == 3


def test_describe_names_every_column_and_counts_labels():
    columns = {"x": IMAGES, "source": POINTS, "label": np.array([0, 2, 2])}
    assert describe(ArrayDataset("a", "test", columns)) == (
        "a[test]: 3 examples; x image 2x2x1 uint8, source real 2 float32, "
        "label category scalar int32; labels 0:1 1:0 2:2"
    )


def test_describe_uses_names():
    columns = {"x": IMAGES, "label": np.array([0, 1, 1])}
    dataset = ArrayDataset("a", "test", columns, {"label": Category(("cat", "dog"))})
    assert describe(dataset).endswith("; labels cat:1 dog:2")


def test_describe_sums_up_many_classes():
    labels = np.concatenate([np.arange(21), [3, 3]])
    dataset = ArrayDataset("a", "test", {"x": np.zeros((23, 2), np.float32), "label": labels})
    assert describe(dataset).endswith("; 21 classes of 1 to 3 examples")


def test_describe_decodes_one_example_of_a_lazy_set():
    class One(Lazy):
        def __getitem__(self, i):
            assert i == 0, "no other is decoded"
            return super().__getitem__(i)

    assert describe(One(IMAGES)).endswith("label category scalar int32; 3 classes")


def test_suggest_names_the_nearest_or_nothing():
    assert suggest("digit", ["ring", "digits"]) == "; did you mean 'digits'?"
    assert suggest("xyz", ["ring", "digits"]) == ""


def test_check_split_names_what_there_is():
    with pytest.raises(UserError, match=r"a has no split 'dev'; set data.split to train or test"):
        check_split("a", "dev", ("train", "test"))
