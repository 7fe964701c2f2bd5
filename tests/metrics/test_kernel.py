import itertools

import numpy as np
import pytest

from gan_jax.metrics import kernel_distance
from gan_jax.types import UserError

RANDOM = np.random.default_rng(0)
REAL, FAKE = RANDOM.normal(size=(30, 4)), RANDOM.normal(size=(30, 4)) + 0.5


def test_distance_is_that_of_the_fields_packages(peers, peers_subsets):
    real, fake, expected = peers
    value, _, spread = kernel_distance(real, fake, **peers_subsets)
    theirs = expected["torch-fidelity"]
    assert value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-8)
    assert value == pytest.approx(expected["clean-fid"]["kernel_distance"], rel=1e-8)
    assert spread == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-8)


def test_whole_sets_have_the_distance_of_its_definition():
    def mean(pairs):
        return np.mean([(x @ y / 4 + 1) ** 3 for x, y in pairs])

    within = mean(itertools.permutations(REAL, 2)) + mean(itertools.permutations(FAKE, 2))
    expected = within - 2 * mean(itertools.product(REAL, FAKE))
    value, _, spread = kernel_distance(REAL, FAKE, subsets=3)
    assert value == pytest.approx(expected, rel=1e-12)
    assert spread == pytest.approx(0, abs=1e-12)


def test_two_gaussians_come_to_their_closed_form():
    # In one dimension the kernel is 1 + 3 xy + 3 (xy)² + (xy)³: three moments are compared.
    real, fake = RANDOM.normal(size=(2, 5_000, 1))
    value = kernel_distance(real, 0.8 * fake + 0.5, subsets=20).value
    second, third = 0.64 + 0.25 - 1, 0.125 + 3 * 0.5 * 0.64
    assert value == pytest.approx(3 * 0.25 + 3 * second**2 + third**2, rel=0.1)


def test_subsets_of_one_distribution_are_at_no_distance_on_average():
    real, fake = RANDOM.normal(size=(2, 4_000, 8))
    value, _, spread = kernel_distance(real, fake, subset_size=200)
    assert abs(value) < 0.4 * spread
    assert spread < 0.1


def test_the_smaller_set_bounds_the_subsets():
    assert kernel_distance(REAL, FAKE[:10]) == kernel_distance(REAL, FAKE[:10], subset_size=10)


def test_the_seed_alone_decides_the_subsets():
    one, same, other = (kernel_distance(REAL, FAKE, subset_size=9, seed=s) for s in (0, 0, 1))
    assert one == same
    assert one.value != other.value


@pytest.mark.parametrize(
    ("fake", "settings", "message"),
    [
        (FAKE[:1], {}, "100 of 1"),
        (FAKE, {"subsets": 1}, "1 of 30"),
        (FAKE[:, :3], {}, r"\(30, 4\), \(30, 3\)"),
        (FAKE * np.nan, {}, "not finite"),
    ],
)
def test_what_has_no_distance_is_refused(fake, settings, message):
    with pytest.raises(UserError, match=message):
        kernel_distance(REAL, fake, **settings)
