import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import path_lengths, perceptual_path_length, slerp

RANDOM = np.random.default_rng(0)


def same(x):
    return x


def test_an_arc_keeps_length_and_turns_evenly():
    start, end = jnp.array([2.0, 0, 0]), jnp.array([0, 2.0, 0])
    points = jax.vmap(slerp, (None, None, 0))(start, end, jnp.array([0, 1 / 3, 1]))
    expected = [[2, 0, 0], [2 * np.cos(np.pi / 6), 2 * np.sin(np.pi / 6), 0], [0, 2, 0]]
    np.testing.assert_allclose(points, expected, atol=1e-6)


def test_an_arc_between_equal_latents_stays_there():
    latent = jnp.array([1.0, -2.0])
    np.testing.assert_allclose(slerp(latent, latent, jnp.array(0.3)), latent, rtol=1e-4)


def test_a_linear_generator_has_the_speed_of_the_arc():
    # From s e_0 to s e_1 the speed is (pi / 2) s everywhere, along (-sin, cos) of the angle; the
    # generator stretches the first axis by 2 and the second by 3.
    t, radius = np.array([0, 0.25, 0.9]), np.array([1.0, 2.0, 3.0])
    start, end = radius[:, None] * np.eye(5)[[0] * 3], radius[:, None] * np.eye(5)[[1] * 3]
    stretch = np.diag([2.0, 3.0, 1.0, 1.0, 1.0])
    lengths = path_lengths(
        lambda z: (z @ stretch)[:, :, None], lambda x: x[..., 0], start, end, t, epsilon=1e-3
    )
    angle = np.pi / 2 * t
    direction = (2 * np.sin(angle)) ** 2 + (3 * np.cos(angle)) ** 2
    np.testing.assert_allclose(lengths, (np.pi / 2 * radius) ** 2 * direction, rtol=3e-3)


def test_the_papers_step_is_large_enough_for_float32():
    start, end = (jnp.asarray(RANDOM.normal(size=(200, 64)), jnp.float32) for _ in range(2))
    t = jnp.asarray(RANDOM.uniform(size=200), jnp.float32)
    fine, coarse = (path_lengths(same, same, start, end, t, epsilon=e) for e in (1e-4, 1e-2))
    np.testing.assert_allclose(fine.mean(), coarse.mean(), rtol=1e-2)


def test_a_generator_that_ignores_its_latent_has_no_length():
    start, end = RANDOM.normal(size=(2, 8, 4))
    assert not path_lengths(jnp.zeros_like, same, start, end, np.zeros(8)).any()


def test_the_mean_leaves_the_outer_percents_out():
    lengths = np.r_[np.full(990, 5.0), np.full(9, 1e9), -1e9]
    np.random.default_rng(0).shuffle(lengths)
    assert perceptual_path_length(lengths) == (5, 0)


def test_the_error_is_that_of_the_kept_mean():
    value, error = perceptual_path_length(np.arange(101.0))
    assert value == 50
    assert error == pytest.approx(np.arange(1, 100).std(ddof=1) / np.sqrt(99))
