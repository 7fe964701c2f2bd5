import numpy as np
import pytest

from gan_jax.data import digits, iris
from gan_jax.types import UserError


def test_digits_are_real_and_whole():
    from sklearn.datasets import load_digits

    columns = digits("all").columns
    assert columns["x"].shape == (1797, 8, 8, 1)
    assert columns["x"].dtype == np.uint8
    assert columns["label"].dtype == np.int32
    source = load_digits()
    expected = np.rint(source.images * 15.9375).astype(np.uint8)
    np.testing.assert_array_equal(columns["x"][..., 0], expected)
    np.testing.assert_array_equal(columns["label"], source.target)
    assert (columns["x"].min(), columns["x"].max()) == (0, 255)


def test_digits_test_is_every_fifth():
    whole, train, test = (digits(split).columns for split in ("all", "train", "test"))
    np.testing.assert_array_equal(test["x"], whole["x"][4::5])
    np.testing.assert_array_equal(test["label"], whole["label"][4::5])
    np.testing.assert_array_equal(train["x"], np.delete(whole["x"], np.s_[4::5], axis=0))
    assert (len(train["x"]), len(test["x"])) == (1438, 359)


def test_iris_splits_are_stratified_and_make_the_whole():
    whole, train, test = (iris(split).columns for split in ("all", "train", "test"))
    assert (len(train["x"]), len(test["x"])) == (127, 23)
    assert set(np.bincount(test["label"])) <= {7, 8}
    parts = np.concatenate([train["x"], test["x"]])
    np.testing.assert_array_equal(np.unique(parts, axis=0), np.unique(whole["x"], axis=0))


def test_iris_is_normalised_by_its_train_split():
    train, test = iris("train").columns["x"], iris("test").columns["x"]
    assert train.shape == (127, 4)
    assert train.dtype == np.float32
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0), 1, rtol=1e-5)
    assert np.abs(test.mean(axis=0)).max() > 1e-3


@pytest.mark.parametrize("source", [digits, iris])
def test_unknown_splits_are_refused(source):
    with pytest.raises(UserError, match=r"no split 'dev'; set data.split to train or test or all"):
        source("dev")
