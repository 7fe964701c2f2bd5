import numpy as np
import pytest

from gan_jax.data import (
    ArrayDataset,
    Audio,
    Category,
    Image,
    Real,
    by_domain,
    describe,
    digits,
    materialise,
    num_classes,
    renamed,
    select,
    shapes,
    transformed,
    unpaired,
)
from gan_jax.data.dataset import read_examples
from gan_jax.types import UserError

IMAGES = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)
PAIRS = ArrayDataset(
    "pairs",
    "test",
    {
        "x": IMAGES,
        "source": 255 - IMAGES,
        "label": np.array([0, 1, 2]),
        "source_label": np.array([1, 1, 0]),
    },
)
BARE = ArrayDataset("bare", "train", {"x": 100 + IMAGES[:2]})


class Lazy:
    """The pairs with nothing but the protocol, read singly or many at once."""

    name, split, kinds = PAIRS.name, PAIRS.split, PAIRS.kinds

    def __len__(self):
        return len(PAIRS)

    def __getitem__(self, i):
        return PAIRS[i]


class LazyMany(Lazy):
    def __getitem__(self, i):
        assert i == 0, "others are read many at once"
        return PAIRS[i]

    def __getitems__(self, indices):
        return [PAIRS[i] for i in indices]


every = pytest.mark.parametrize(
    "dataset", [PAIRS, Lazy(), LazyMany()], ids=["array", "one", "many"]
)


@every
def test_transformed_changes_one_column_alone(dataset):
    view = transformed(dataset, "source", lambda x: x[:1], kind=Image())
    columns = materialise(view).columns
    np.testing.assert_array_equal(columns["source"], 255 - IMAGES[:, :1])
    np.testing.assert_array_equal(columns["x"], IMAGES)
    assert (view.name, view.split, len(view)) == ("pairs", "test", 3)


def test_transformed_may_change_the_kind():
    view = transformed(PAIRS, "x", lambda x: x.reshape(-1).astype(np.float32), kind=Real())
    assert view.kinds == {**PAIRS.kinds, "x": Real()}
    assert view[1]["x"].tolist() == [4, 5, 6, 7]


@every
def test_select_calls_a_column_x_and_its_label_label(dataset):
    view = select(dataset, x="source")
    columns = materialise(view).columns
    assert list(columns) == ["x", "label"]
    np.testing.assert_array_equal(columns["x"], 255 - IMAGES)
    assert columns["label"].tolist() == [1, 1, 0]
    assert num_classes(view) == 2
    assert view.split == "test"


@every
def test_select_takes_the_common_label_where_a_column_has_none(dataset):
    columns = materialise(select(dataset)).columns
    assert list(columns) == ["x", "label"]
    assert columns["label"].tolist() == [0, 1, 2]


def test_select_of_what_is_selected_is_the_same():
    assert select(BARE) is BARE


def test_select_makes_a_label_the_main_column_without_a_label():
    assert list(select(PAIRS, x="label").kinds) == ["x"]


@pytest.mark.parametrize("change", [select, lambda d, x: transformed(d, x, np.negative)])
def test_a_column_that_is_not_there_is_refused(change):
    message = r"pairs\[test\] has no column 'sauce' among x, source.*did you mean 'source'"
    with pytest.raises(UserError, match=message):
        change(PAIRS, x="sauce")


@every
def test_examples_of_domains_are_labelled_by_their_domain(dataset):
    other = ArrayDataset("others", "test", {"x": IMAGES[:2] // 2})
    view = by_domain(unpaired(a=dataset, b=other))
    columns = materialise(view).columns
    np.testing.assert_array_equal(columns["x"], np.concatenate([IMAGES, IMAGES[:2] // 2]))
    assert columns["label"].tolist() == [0, 0, 0, 1, 1]
    assert num_classes(view) == 2
    assert [row["label"].item() for row in read_examples(view, [4, 0, 3, 4])] == [1, 0, 1, 1]
    np.testing.assert_array_equal(view[-1]["x"], IMAGES[1] // 2)
    with pytest.raises(IndexError):
        view[5]


def test_one_domain_of_several_keeps_its_label():
    view = by_domain(unpaired(a=BARE, b=PAIRS), "b")
    assert view.kinds["label"] == Category(("a", "b"))
    assert materialise(view).columns["label"].tolist() == [1, 1, 1]
    assert len(view) == 3


def test_unpaired_data_have_flat_columns():
    both = unpaired(b=BARE, a=PAIRS)
    assert sorted(both.kinds) == ["a", "a_label", "a_source", "a_source_label", "b"]
    assert both.kinds["a_label"] == Category(("0", "1", "2"))
    assert (both.name, both.split, len(both)) == ("pairs+bare", "test+train", 2)
    np.testing.assert_array_equal(both[1]["a"], IMAGES[1])
    np.testing.assert_array_equal(both[1]["b"], 100 + IMAGES[1])
    assert describe(both).startswith("pairs+bare[test+train]: 2 examples; a image 2x2x1 uint8")


def test_unpaired_rows_are_those_of_the_smallest():
    both = unpaired(a=PAIRS, b=BARE)
    assert len(list(both)) == 2
    columns = materialise(both).columns
    np.testing.assert_array_equal(columns["a"], IMAGES[:2])
    np.testing.assert_array_equal(columns["b"], 100 + IMAGES[:2])


def test_select_of_unpaired_data_is_the_domain_s_own_set():
    both = unpaired(a=PAIRS, b=BARE)
    assert select(both, x="b") is BARE
    assert len(select(both, x="a")) == 3
    assert list(select(both, x="a").kinds) == ["x", "label"]


def test_three_sets_of_different_kinds_can_be_unpaired():
    waves = ArrayDataset("w", "train", {"x": np.zeros((9, 4, 1), np.int16)}, {"x": Audio(8)})
    three = unpaired(sound=waves, dog=BARE, cat=BARE)
    assert three.kinds == {"sound": Audio(8), "dog": Image(), "cat": Image()}


@pytest.mark.parametrize(
    ("domains", "message"),
    [
        ({}, "two sets or more, got none"),
        ({"a": BARE}, "two sets or more, got a"),
        ({"a": BARE, "b": ArrayDataset("y", "train", {"y": IMAGES})}, r"y\[train\] has no column"),
        ({"a": PAIRS, "a_label": BARE}, "would share a name"),
    ],
)
def test_what_cannot_be_unpaired_is_refused(domains, message):
    with pytest.raises(UserError, match=message):
        unpaired(**domains)


def test_columns_change_places():
    swapped = renamed(shapes(3, side=8), x="source", source="x")
    assert set(swapped.kinds) == {"x", "source"}
    assert isinstance(swapped.kinds["x"], Category)
    assert swapped[0]["source"].shape == (8, 8, 3)


def test_a_column_that_is_not_there_is_not_renamed():
    with pytest.raises(UserError, match="no column 'y'"):
        renamed(digits("test"), x="y")
