"""Filtered maps of twice and half the sides, against filters written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from net_checks import filtered, zeros_between

from gan_jax.layers import resample

X = jax.random.normal(jax.random.key(0), (2, 6, 4, 3))
every_filter = pytest.mark.parametrize(
    "taps", [(1, 1), (1, 2, 1), (1, 3, 3, 1), (1, 5, 10, 10, 5, 1)]
)


@every_filter
def test_values_are_those_of_the_filter_written_out(taps):
    n = len(taps)
    np.testing.assert_allclose(
        resample.smooth(X, taps, (2, 3)), filtered(X, taps, 2, 3), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        resample.upsample(X, taps),
        4 * filtered(zeros_between(X), taps, (n + 1) // 2, n // 2 - 1),
        rtol=1e-5,
        atol=1e-6,
    )
    before = (n - 1) // 2
    np.testing.assert_allclose(
        resample.downsample(X, taps),
        filtered(X, taps, before, n - 2 - before)[:, ::2, ::2],
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("taps", [(1, 1), (1, 3, 3, 1)])
def test_the_gradient_of_doubling_is_four_times_halving(taps):
    y = jax.random.normal(jax.random.key(1), (2, 12, 8, 3))
    gradient = jax.grad(lambda x: jnp.sum(y * resample.upsample(x, taps)))(X)
    np.testing.assert_allclose(gradient, 4 * resample.downsample(y, taps), rtol=1e-5, atol=1e-6)


@every_filter
def test_a_constant_stays_away_from_the_border_and_the_dtype_everywhere(taps):
    ones = jnp.ones((1, 12, 12, 1), jnp.bfloat16)
    for y in (resample.upsample(ones, taps), resample.downsample(ones, taps)):
        assert y.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.asarray(y, np.float32)[:, 3:-3, 3:-3], 1, atol=0.01)


def test_pixels_are_shuffled_in_the_order_of_pytorch():
    x = jax.random.normal(jax.random.key(0), (2, 3, 4, 8))
    shuffled = np.zeros((2, 6, 8, 2))
    for c, i, j in np.ndindex(2, 2, 2):
        shuffled[:, i::2, j::2, c] = x[..., 4 * c + 2 * i + j]
    np.testing.assert_array_equal(resample.pixel_shuffle(x, 2), shuffled)
