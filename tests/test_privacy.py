import math

import pytest
from scipy.stats import norm

from gan_jax.privacy import epsilon
from gan_jax.types import UserError


def delta_of(epsilon, sigma):
    """Of the Gaussian mechanism, exact: Balle & Wang, 2018, arXiv:1805.06530, theorem 8."""
    a, b = 1 / (2 * sigma), epsilon * sigma
    return norm.cdf(a - b) - math.exp(epsilon) * norm.cdf(-a - b)


@pytest.mark.parametrize("updates", [1, 9])
def test_epsilon_of_whole_batches_is_the_gaussian_mechanisms(updates):
    found = epsilon(3.0, 50, 50, updates, delta=1e-5)
    assert delta_of(found, 3.0 / math.sqrt(updates)) == pytest.approx(1e-5, rel=0.01)


def test_small_batches_give_less_away():
    assert epsilon(1.3, 250, 60_000, 1_000) < 0.1 * epsilon(1.3, 60_000, 60_000, 1_000)


def test_without_noise_or_updates():
    assert epsilon(0.0, 5, 50, 1) == math.inf
    assert epsilon(1.0, 5, 50, 0) == 0


def test_a_batch_beyond_the_data_is_refused():
    with pytest.raises(UserError, match="51 is more than the 50"):
        epsilon(1.0, 51, 50, 1)
