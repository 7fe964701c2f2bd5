import numpy as np
import pytest

from gan_jax.data import (
    ArrayDataset,
    class_shares,
    digits,
    iris,
    load,
    materialise,
    num_classes,
    singles,
    stack_label,
    stacked,
    unstack,
)
from gan_jax.metrics import class_mode_scores
from gan_jax.types import UserError


def test_a_stack_is_three_digits_and_the_number_they_read_as():
    source = digits("all")
    columns = stacked(source, 500, seed=0).columns
    assert columns["x"].shape == (500, 8, 8, 3)
    assert columns["x"].dtype == np.uint8
    known = {x.tobytes(): label for x, label in zip(*source.columns.values(), strict=True)}
    channels = [[known[x[..., c].tobytes()] for c in range(3)] for x in columns["x"]]
    np.testing.assert_array_equal(columns["label"], channels @ np.array([100, 10, 1]))


def test_a_stack_is_a_function_of_the_seed():
    first, again, other = (stacked(digits(), 50, seed=seed).columns["label"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_thousand_classes_go_by_their_digits():
    dataset = stacked(digits(), 5, seed=0)
    assert num_classes(dataset) == 1000
    assert dataset.kinds["label"].classes[7] == "007"


def test_the_shares_of_classes_are_those_of_their_digits_together():
    shares = class_shares(stacked(digits(), 5, seed=0))
    label = digits().columns["label"]
    assert shares.sum() == pytest.approx(1)
    assert shares[702] == pytest.approx(np.prod([np.mean(label == digit) for digit in (7, 0, 2)]))
    assert class_shares(digits()) is None


def test_a_classifier_of_single_digits_reads_stacks():
    from sklearn.neighbors import KNeighborsClassifier

    source, dataset = digits(), stacked(digits(), 200, seed=0)
    flat = lambda x: x.reshape(len(x), -1)
    classifier = KNeighborsClassifier(1).fit(flat(source.columns["x"]), source.columns["label"])
    read = stack_label(classifier.predict(flat(unstack(dataset.columns["x"]))))
    np.testing.assert_array_equal(read, dataset.columns["label"])
    assert read.dtype == np.int32


@pytest.mark.usefixtures("prepared_tfds")
def test_stacked_mnist_has_a_thousand_modes():
    dataset = load("stacked_mnist", split="test[:1000]", count=26_000)
    assert dataset.columns["x"].shape == (26_000, 28, 28, 3)
    mnist = materialise(load("mnist", split="test[:1000]"))
    digit_shares = np.bincount(mnist.columns["label"]) / 1000
    real = np.einsum("a,b,c->abc", *[digit_shares] * 3).ravel()
    scores = class_mode_scores(dataset.columns["label"], 1000, real)
    assert scores["modes"] == 1000
    assert scores["reverse_kl"] == pytest.approx(999 / 52_000, rel=0.15)


@pytest.mark.usefixtures("prepared_tfds")
def test_stacks_are_as_large_as_asked_for_and_of_three_channels():
    dataset = load("stacked_mnist", split="test[:50]", count=4, resolution=16, channels=3)
    assert dataset.columns["x"].shape == (4, 16, 16, 3)
    assert singles(dataset)[0]["x"].shape == (16, 16, 1)
    with pytest.raises(UserError, match=r"a stack has 3 channels, not 1: set data\.channels to 3"):
        load("stacked_mnist", split="test[:50]", channels=1)


@pytest.mark.parametrize(
    "source",
    [
        iris(),
        ArrayDataset("colour", "train", {"x": np.zeros((2, 4, 4, 3), np.uint8)}),
        ArrayDataset("bare", "train", {"x": np.zeros((2, 4, 4, 1), np.uint8)}),
        ArrayDataset(
            "five", "train", {"x": np.zeros((5, 4, 4, 1), np.uint8), "label": np.arange(5)}
        ),
    ],
    ids=lambda source: source.name,
)
def test_what_is_no_labelled_grey_image_is_refused(source):
    with pytest.raises(UserError, match=r"cannot be stacked: choose grey images \[H, W, 1\]"):
        stacked(source, 5, seed=0)
