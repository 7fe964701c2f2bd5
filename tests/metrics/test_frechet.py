import warnings

import jax
import numpy as np
import pytest

from gan_jax.metrics import (
    Moments,
    batch_frechet_distance,
    conditional_frechet_distance,
    frechet_distance,
    moments,
)
from gan_jax.types import UserError

RANDOM = np.random.default_rng(0)
REAL, FAKE = RANDOM.normal(size=(40, 6)), RANDOM.normal(size=(50, 6)) * 0.7 + 0.4
GRADIENT = jax.jit(jax.grad(batch_frechet_distance, argnums=(0, 1)))
FEW = RANDOM.normal(size=(2, 5, 9))  # sets of fewer examples than dimensions


def between(real, fake):
    """The distance of two sets, of too few examples at times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return frechet_distance(moments(real), moments(fake))


def gaussian(mean, covariance, count=1_000):
    return Moments(count, np.array(mean), (count - 1) * np.array(covariance))


def test_distance_is_that_of_the_fields_packages(peers):
    real, fake, expected = peers
    for value in (
        expected["torch-fidelity"]["frechet_inception_distance"],
        expected["clean-fid"]["frechet_distance"],
    ):
        assert between(real, fake) == pytest.approx(value, rel=1e-7, abs=1e-10)


def test_distance_is_that_of_forty_digits(peers):
    real, fake, expected = peers
    exact = expected["mpmath"]["frechet_distance"]
    assert between(real, fake) == pytest.approx(exact, rel=1e-11, abs=1e-11)


def test_gaussians_of_independent_components_have_a_closed_form():
    a, b = np.array([4.0, 1.0, 0.25]), np.array([1.0, 9.0, 0.0])
    distance = frechet_distance(
        gaussian([1.0, 2, 3], np.diag(a)), gaussian([1.0, 0, 3], np.diag(b))
    )
    assert distance == pytest.approx(4 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2), rel=1e-12)


def test_samples_of_two_gaussians_come_to_their_closed_form():
    real, fake = RANDOM.normal(size=(2, 50_000, 3))
    distance = between(real, 1.5 * fake + [1, 0, 0])
    assert distance == pytest.approx(1 + 3 * 0.25, rel=0.03)


def test_distance_is_symmetric_and_knows_no_direction_or_origin():
    rotation = np.linalg.qr(RANDOM.normal(size=(6, 6))).Q
    moved = between(FAKE @ rotation + 9, REAL @ rotation + 9)
    assert moved == pytest.approx(between(REAL, FAKE), rel=1e-11)


def test_distance_is_in_the_squared_unit_of_the_features():
    assert between(10 * REAL, 10 * FAKE) == pytest.approx(100 * between(REAL, FAKE), rel=1e-11)


@pytest.mark.parametrize("features", [REAL, FEW[0], 1e4 + REAL.astype(np.float32)])
def test_a_set_has_no_distance_to_itself(features):
    assert 0 <= between(features, features) < 1e-10


def test_sets_in_subspaces_at_right_angles_share_no_root():
    along, across = np.zeros((2, 5, 9))
    along[:, :3], across[:, 3:] = FEW[0][:, :3], FEW[1][:, 3:]
    difference = along.mean(axis=0) - across.mean(axis=0)
    traces = along.var(axis=0, ddof=1).sum() + across.var(axis=0, ddof=1).sum()
    assert between(along, across) == pytest.approx(difference @ difference + traces, rel=1e-12)


def test_samples_all_alike_are_as_far_as_the_real_set_is_wide():
    expected = REAL.var(axis=0, ddof=1).sum() + np.sum((REAL.mean(axis=0) - 1) ** 2)
    assert between(REAL, np.ones((50, 6))) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(6, 50), (40, 6)])
def test_too_few_examples_are_warned_of(n, m):
    with pytest.warns(UserWarning, match=f"{n} real and {m} generated .* biased upward"):
        frechet_distance(moments(REAL[:n]), moments(FAKE[:m]))


def test_just_enough_examples_are_not_warned_of():
    assert frechet_distance(moments(REAL[:7]), moments(FAKE[:7])) > 0


def test_one_example_is_too_few_for_a_batch():
    with pytest.raises(UserError, match="two examples at least"):
        batch_frechet_distance(REAL[:1], FAKE)


def test_features_of_different_extractors_are_refused():
    with pytest.raises(UserError, match="6 dimensions, generated ones 9"):
        frechet_distance(moments(REAL), moments(FEW[0]))


def test_features_in_place_of_moments_are_refused():
    with pytest.raises(UserError, match="give moments"):
        frechet_distance(REAL, FAKE)


def test_distance_by_class_is_that_within_each_class():
    real_labels, fake_labels = np.arange(40) % 2 * 3, np.arange(50) % 2 * 3
    result = conditional_frechet_distance(REAL, real_labels, FAKE, fake_labels)
    expected = {0: between(REAL[::2], FAKE[::2]), 3: between(REAL[1::2], FAKE[1::2])}
    assert result.by_class == expected
    assert result.mean == pytest.approx(np.mean(list(expected.values())))


def test_a_class_on_one_side_alone_is_refused():
    with pytest.raises(UserError, match=r"classes \[1\]"):
        conditional_frechet_distance(REAL, np.arange(40) % 2, FAKE, np.zeros(50, int))


@pytest.mark.parametrize(("real", "fake"), [(REAL, FAKE), FEW, (FEW[0], FEW[0])])
def test_distance_of_batches_is_that_of_their_moments(real, fake):
    distance = jax.jit(batch_frechet_distance)(real.astype(np.float32), fake.astype(np.float32))
    assert distance == pytest.approx(between(real, fake), rel=1e-5, abs=1e-4)


@pytest.mark.parametrize(("real", "fake"), [(REAL, FAKE), FEW])
def test_gradient_of_batches_is_that_of_finite_differences(real, fake):
    gradient = GRADIENT(real.astype(np.float32), fake.astype(np.float32))
    for direction in (RANDOM.normal(size=real.shape), RANDOM.normal(size=fake.shape)), (real, fake):
        ahead, behind = (
            between(real + h * direction[0], fake + h * direction[1]) for h in (1e-5, -1e-5)
        )
        slope = sum(np.vdot(g, d) for g, d in zip(gradient, direction, strict=True))
        assert slope == pytest.approx((ahead - behind) / 2e-5, rel=1e-4, abs=1e-5)


def test_gradient_of_samples_all_alike_is_finite():
    gradient = GRADIENT(REAL.astype(np.float32), np.ones((50, 6), np.float32))
    assert all(np.isfinite(part).all() for part in gradient)
