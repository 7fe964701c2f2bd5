import numpy as np
import pytest

from gan_jax.metrics import inception_score
from gan_jax.types import UserError

SURE = np.repeat(50 * np.eye(4), 25, axis=0)  # in the order of the classes


def test_score_is_that_of_torch_fidelity(peers):
    _, logits, expected = peers
    value, error = inception_score(logits, seed=3)
    theirs = expected["torch-fidelity"]
    assert value == pytest.approx(theirs["inception_score_mean"], rel=1e-8)
    assert error * np.sqrt(9) == pytest.approx(theirs["inception_score_std"], rel=1e-6)


def test_samples_of_no_sure_class_have_score_one():
    assert inception_score(np.full((20, 4), 3.0)) == pytest.approx((1, 0), abs=1e-12)


def test_sure_samples_of_all_classes_in_every_split_have_the_score_of_their_number():
    logits = np.tile(50 * np.eye(4), (25, 1))
    assert inception_score(logits, splits=5, seed=None) == pytest.approx((4, 0))


def test_logarithms_of_probabilities_are_logits():
    p = np.array([[0.5, 0.5], [0.25, 0.75]] * 2)
    marginal = p.mean(axis=0)
    expected = np.exp(np.mean(np.sum(p * np.log(p / marginal), axis=1)))
    value, _ = inception_score(np.log(p), splits=2, seed=None)
    assert value == pytest.approx(expected)


def test_samples_in_the_order_of_their_classes_need_the_permutation():
    assert inception_score(SURE, splits=4, seed=None).value == pytest.approx(1)
    assert inception_score(SURE, splits=4).value > 3.5


@pytest.mark.parametrize("splits", [1, 101])
def test_splits_without_a_sample_or_an_error_are_refused(splits):
    with pytest.raises(UserError, match=f"{splits} splits of 100"):
        inception_score(SURE, splits=splits)
