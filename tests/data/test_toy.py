import numpy as np
import pytest

from gan_jax.data import toy
from gan_jax.types import UserError

TOYS = [toy.ring, toy.grid, toy.two_moons, toy.swiss_roll]


@pytest.mark.parametrize("make", TOYS)
def test_points_are_float32_pairs_and_a_function_of_the_seed(make):
    first, again, other = (make(50, seed=seed).columns["x"] for seed in (1, 1, 2))
    assert first.shape == (50, 2)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("make", TOYS)
def test_no_points_are_refused(make):
    with pytest.raises(UserError, match="count 0"):
        make(0, seed=0)


def test_ring_centres():
    centres = toy.ring_mixture().centres
    half = np.sqrt(0.5)
    np.testing.assert_allclose(centres[:3], [[1, 0], [half, half], [0, 1]], atol=1e-7)
    assert centres.shape == (8, 2)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, rtol=1e-6)


def test_grid_centres():
    centres = toy.grid_mixture().centres
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(centre) for centre in centres} == expected


@pytest.mark.parametrize(
    ("make", "mixture", "std"),
    [(toy.ring, toy.ring_mixture(), 0.01), (toy.grid, toy.grid_mixture(), 0.05)],
)
def test_points_lie_about_their_own_mode_with_its_std(make, mixture, std):
    columns = make(20_000, seed=0).columns
    residuals = columns["x"] - mixture.centres[columns["label"]]
    assert mixture.std == std
    # 40,000 normal deviates: the std's own error is 0.35 %, so 2 % is over five of them
    np.testing.assert_allclose(residuals.std(), std, rtol=0.02)
    np.testing.assert_allclose(residuals.mean(), 0, atol=0.025 * std)


def test_modes_are_equally_likely():
    labels = toy.ring(20_000, seed=0).columns["label"]
    counts = np.bincount(labels, minlength=8)
    np.testing.assert_allclose(counts, 2500, atol=5 * np.sqrt(2500))  # five sigma


def test_moons_without_noise_lie_on_their_half_circles():
    columns = toy.two_moons(500, seed=0, noise=0).columns
    centres = np.array([[-0.5, -0.25], [0.5, 0.25]])[columns["label"]]
    np.testing.assert_allclose(np.linalg.norm(columns["x"] - centres, axis=1), 1, atol=1e-6)
    upper = columns["label"] == 0
    assert (columns["x"][upper, 1] >= -0.25 - 1e-6).all()
    assert (columns["x"][~upper, 1] <= 0.25 + 1e-6).all()


def test_swiss_roll_without_noise_is_the_spiral():
    x = toy.swiss_roll(500, seed=0, noise=0).columns["x"]
    r = np.linalg.norm(x, axis=1)
    assert r.min() >= 1 / 3 - 1e-6
    assert r.max() <= 1 + 1e-6
    np.testing.assert_allclose(x[:, 0], r * np.cos(4.5 * np.pi * r), atol=1e-5)
    np.testing.assert_allclose(x[:, 1], r * np.sin(4.5 * np.pi * r), atol=1e-5)


def test_noise_widens_the_swiss_roll():
    clean, noisy = (toy.swiss_roll(5000, seed=0, noise=noise).columns["x"] for noise in (0, 0.1))
    np.testing.assert_allclose((noisy - clean).std(), 0.1, rtol=0.05)
