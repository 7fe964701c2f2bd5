"""Winograd's correlations against the definition."""

import itertools

import jax
import numpy as np
import pytest

from gan_jax.layers import winograd

SHAPES = [taps for n in (1, 2, 3) for taps in itertools.product(winograd.TAPS, repeat=n)]


def whole_numbers(shape, seed):
    """Small ones: sums and halves of products of them are exact in float32."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def by_definition(x, w):
    taps = w.shape[:-2]
    out = [d - r + 1 for d, r in zip(x.shape[1:-1], taps, strict=True)]
    y = 0.0
    for shift in itertools.product(*map(range, taps)):
        met = x[(slice(None), *(slice(i, i + o) for i, o in zip(shift, out, strict=True)))]
        y = y + met @ w[shift]
    return y


@pytest.mark.parametrize("taps", SHAPES)
def test_equals_the_definition_exactly_on_whole_numbers(taps):
    x = whole_numbers((2, *(6 for _ in taps), 3), 0)  # four outputs: two tiles
    w = whole_numbers((*taps, 3, 2), 1)
    y = jax.jit(lambda x, w: winograd.correlate(x, winograd.transform_kernel(w), taps))(x, w)
    np.testing.assert_array_equal(y, by_definition(x, w)[(slice(None), *(slice(4),) * len(taps))])


@pytest.mark.parametrize("taps", SHAPES)
def test_multiplies_as_seldom_as_it_says(taps):
    kernel = jax.eval_shape(
        winograd.transform_kernel, jax.ShapeDtypeStruct((*taps, 3, 2), "float32")
    )
    assert len(kernel) == np.prod([r + 1 for r in taps])
