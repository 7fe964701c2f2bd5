import numpy as np
import pytest
from scipy import stats

from gan_jax.metrics import marginal_distances
from gan_jax.types import UserError

REAL = np.random.default_rng(0).normal(size=(4_000, 3)) * [1, 5, 2] + [0, 0, 9]


def test_a_shift_is_told_in_standard_deviations():
    fake = REAL + np.array([[0.5, 0, -1]]) * REAL.std(axis=0)
    distances = marginal_distances(REAL, fake)
    np.testing.assert_allclose(distances.wasserstein, [0.5, 0, 1], atol=1e-9)


def test_distribution_functions_differ_by_what_the_closed_form_says():
    fake = np.random.default_rng(1).normal(size=(4_000, 3)) * [1, 5, 2] + [0, 5, 9]
    expected = [0, 2 * stats.norm.cdf(0.5) - 1, 0]  # largest halfway between the means
    found = marginal_distances(REAL, fake).kolmogorov_smirnov
    np.testing.assert_allclose(found, expected, atol=0.04)


def test_sides_of_different_numbers_compare():
    distances = marginal_distances(REAL, np.repeat(REAL, 2, axis=0))
    np.testing.assert_allclose(distances, 0, atol=1e-9)


def test_the_distance_from_a_constant_is_in_its_own_unit():
    distances = marginal_distances(np.full((3, 1), 2.0), np.full((5, 1), 5.0))
    assert distances == (pytest.approx([3]), pytest.approx([1]))


def test_other_columns_are_refused():
    with pytest.raises(UserError, match="of one D"):
        marginal_distances(REAL, REAL[:, :2])
