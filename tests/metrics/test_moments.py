import functools

import numpy as np
import pytest

from gan_jax.metrics import merge, moments
from gan_jax.types import UserError

FEATURES = np.random.default_rng(0).normal(size=(300, 5)) @ np.diag([1, 2, 3, 4, 1e-3]) + 7


def assert_equal(actual, expected, rtol=1e-9):
    assert actual.count == expected.count
    for a, e in zip(actual[1:], expected[1:], strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=rtol * np.abs(e).max())


def test_moments_are_those_of_numpy():
    actual = moments(FEATURES)
    np.testing.assert_allclose(actual.mean, FEATURES.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(actual.covariance, np.cov(FEATURES, rowvar=False), rtol=1e-9)


@pytest.mark.parametrize("size", [1, 7, 64, 299])
def test_batches_of_any_size_in_any_order_give_the_moments_of_the_whole(size):
    batches = [moments(FEATURES[start : start + size]) for start in range(0, 300, size)]
    assert_equal(functools.reduce(merge, batches), moments(FEATURES))
    assert_equal(functools.reduce(merge, batches[::-1]), moments(FEATURES))


def test_merging_may_be_grouped_at_will():
    a, b, c = (moments(part) for part in np.split(FEATURES, [20, 250]))
    assert_equal(merge(merge(a, b), c), merge(a, merge(b, c)), rtol=1e-12)


def test_a_large_set_is_gone_through_in_parts():
    features = 100 + np.random.default_rng(1).normal(size=(10_001, 2))
    np.testing.assert_allclose(
        moments(features).covariance, np.cov(features, rowvar=False), rtol=1e-9, atol=1e-12
    )


def test_float32_far_from_zero_loses_nothing():
    bits = np.random.default_rng(2).integers(0, 2, (5_000, 3))
    actual = moments((bits + 2.0**23).astype(np.float32))
    np.testing.assert_allclose(actual.covariance, np.cov(bits, rowvar=False), rtol=1e-9)
    np.testing.assert_allclose(actual.mean - 2.0**23, bits.mean(axis=0), atol=2e-9)


def test_a_single_example_has_no_covariance():
    with pytest.raises(UserError, match="2 examples"):
        _ = moments(FEATURES[:1]).covariance


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.ones((0, 3)), r"\(0, 3\)"),
        (np.ones(3), r"\(3,\)"),
        (np.array([[1.0, np.nan]]), "not finite"),
        (np.array([[1.0, np.inf]], np.float32), "not finite"),
    ],
)
def test_what_has_no_moments_is_refused(features, message):
    with pytest.raises(UserError, match=message):
        moments(features)
