import numpy as np
import pytest

from gan_jax.data.dataset import (
    ArrayDataset,
    Mapped,
    check_split,
    describe,
    materialise,
    num_classes,
    suggest,
)
from gan_jax.types import UserError

IMAGES = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)


class Lazy:
    """A data set with nothing but the protocol."""

    name, split = "lazy", "train"

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return {"x": self.images[i], "label": np.asarray(i, np.int32)}


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


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": np.zeros(3, np.int32)}, "no column x"),
        ({"x": IMAGES, "label": np.zeros(2, np.int32)}, "differ in length"),
        ({"x": IMAGES[:0]}, "no examples"),
        ({"x": IMAGES.astype(np.int64)}, "int64; it must be uint8 or float32"),
        ({"x": IMAGES.astype(np.float64)}, "float64; it must be uint8 or float32"),
        ({"x": IMAGES.astype(np.float32)}, r"must lie in \[-1, 1\], these in \[0, 11\]"),
        ({"x": np.array([[0.0], [np.nan]], np.float32)}, "not finite"),
        ({"x": np.array([[0.0], [np.inf]], np.float32)}, "not finite"),
        ({"x": IMAGES, "label": np.zeros(3, np.float32)}, "label must be integers"),
        ({"x": IMAGES, "label": np.array([0, -1, 0])}, "labels must lie in 0"),
    ],
)
def test_array_dataset_refuses(columns, message):
    with pytest.raises(UserError, match=message):
        ArrayDataset("a", "train", columns)


def test_array_dataset_refuses_a_label_without_a_name():
    with pytest.raises(UserError, match="0 to 1, these in 0 to 2"):
        ArrayDataset("a", "train", {"x": IMAGES, "label": np.arange(3)}, ("cat", "dog"))


def test_float_points_may_leave_the_range_of_images():
    points = np.array([[4.0, -4.0]], np.float32)
    assert ArrayDataset("a", "train", {"x": points})[0]["x"][0] == 4.0


@pytest.mark.parametrize("kind", [Lazy, LazyMany])
def test_materialise_reads_every_example(kind):
    images = np.random.default_rng(0).integers(256, size=(300, 2, 2, 1), dtype=np.uint8)
    result = materialise(kind(images))
    assert (result.name, result.split) == ("lazy", "train")
    np.testing.assert_array_equal(result.columns["x"], images)
    np.testing.assert_array_equal(result.columns["label"], np.arange(300, dtype=np.int32))
    assert result.columns["x"].dtype == np.uint8


def test_materialise_leaves_arrays_alone():
    dataset = ArrayDataset("a", "train", {"x": IMAGES})
    assert materialise(dataset) is dataset


def test_materialise_names_an_example_of_another_shape():
    with pytest.raises(UserError, match=r"example 1 has shape \(3, 2, 1\).*data.resolution"):
        materialise(Lazy([np.zeros((2, 2, 1), np.uint8), np.zeros((3, 2, 1), np.uint8)]))


def test_materialise_is_silent_when_quick(capfd):
    materialise(Lazy(IMAGES))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [Lazy, LazyMany])
def test_mapped_changes_x_alone(kind):
    result = materialise(Mapped(kind(IMAGES), lambda x: 255 - x))
    np.testing.assert_array_equal(result.columns["x"], 255 - IMAGES)
    np.testing.assert_array_equal(result.columns["label"], [0, 1, 2])


def test_num_classes_comes_from_names_before_labels():
    columns = {"x": IMAGES, "label": np.array([0, 1, 1])}
    assert num_classes(ArrayDataset("a", "train", columns)) == 2
    assert num_classes(ArrayDataset("a", "train", columns, ("p", "q", "r"))) == 3
    assert num_classes(ArrayDataset("a", "train", {"x": IMAGES})) is None
    assert num_classes(Lazy(IMAGES)) is None


def test_describe_counts_labels():
    dataset = ArrayDataset("a", "test", {"x": IMAGES, "label": np.array([0, 2, 2])})
    assert describe(dataset) == "a[test]: 3 examples, x 2x2x1 uint8; labels 0:1 1:0 2:2"


def test_describe_uses_names():
    dataset = ArrayDataset("a", "test", {"x": IMAGES, "label": np.array([0, 1, 1])}, ("cat", "dog"))
    assert describe(dataset).endswith("labels cat:1 dog:2")


def test_describe_sums_up_many_classes():
    labels = np.concatenate([np.arange(21), [3, 3]])
    dataset = ArrayDataset("a", "test", {"x": np.zeros((23, 2), np.float32), "label": labels})
    assert describe(dataset) == ("a[test]: 23 examples, x 2 float32; 21 classes of 1 to 3 examples")


def test_describe_decodes_one_example_of_a_lazy_set():
    assert describe(Lazy(IMAGES)) == "lazy[train]: 3 examples, x 2x2x1 uint8"


def test_suggest_names_the_nearest_or_nothing():
    assert suggest("digit", ["ring", "digits"]) == "; did you mean 'digits'?"
    assert suggest("xyz", ["ring", "digits"]) == ""


def test_check_split_names_what_there_is():
    with pytest.raises(UserError, match=r"a has no split 'dev'; set data.split to train or test"):
        check_split("a", "dev", ("train", "test"))
