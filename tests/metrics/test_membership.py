import numpy as np
import pytest
import scipy.stats

from gan_jax.metrics import membership
from gan_jax.types import UserError


def test_scores_by_hand():
    found = membership([3.0, 1, 5], [1.0, 0, 2, 4], false_positive_rate=0.25)
    assert found.auc.value == pytest.approx((3 + 1.5 + 4) / 12)
    assert found.true_positive_rate.value == pytest.approx(2 / 3)  # above 2, as one of four is
    assert membership([3.0, 1, 5], [1.0, 0, 2, 4]).true_positive_rate.value == pytest.approx(1 / 3)


def test_figures_and_their_errors_are_those_of_two_gaussians():
    random, found = np.random.default_rng(0), []
    for _ in range(300):
        found.append(membership(random.normal(1, 1, 120), random.normal(0, 1, 200)))
    areas = np.array([one.auc for one in found])
    area = scipy.stats.norm.cdf(1 / np.sqrt(2))
    assert areas[:, 0].mean() == pytest.approx(area, abs=4 * areas[:, 0].std() / np.sqrt(300))
    assert areas[:, 1].mean() == pytest.approx(areas[:, 0].std(), rel=0.15)
    many = membership(random.normal(1, 1, 50_000), random.normal(0, 1, 50_000))
    share = scipy.stats.norm.sf(scipy.stats.norm.isf(0.01) - 1)
    assert many.true_positive_rate.value == pytest.approx(share, abs=0.015)


def test_scores_that_say_nothing():
    assert membership(np.ones(9), np.ones(5)) == ((0.5, 0), (0, 0))


def test_one_member_is_too_few():
    with pytest.raises(UserError, match="two members"):
        membership([1.0], [1.0, 2.0])


def test_a_rate_is_less_than_all():
    with pytest.raises(UserError, match=r"not in \[0, 1\)"):
        membership([1.0, 2.0], [1.0, 2.0], false_positive_rate=1.0)
