"""Equalised and modulated layers, and the spread of a minibatch, against their definitions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from net_checks import KEY, by_taps, drawn, filtered, slope, zeros_between

from gan_jax.layers import (
    Conv,
    EqualisedConv,
    EqualisedDense,
    ModulatedConv,
    minibatch_stddev,
)


def assert_slopes_match(run, definition, inputs):
    """Values, and the gradient by every input along a direction of its own."""
    single = [jnp.asarray(a, jnp.float32) for a in inputs]
    y = definition(*inputs)
    np.testing.assert_allclose(jax.jit(run)(*single), y, rtol=1e-4, atol=1e-5)
    random = np.random.default_rng(1)
    weights = random.normal(size=y.shape)
    argnums = tuple(range(len(inputs)))
    grads = jax.jit(jax.grad(lambda *a: jnp.sum(weights * run(*a)), argnums=argnums))(*single)
    for i in argnums:
        directions = [random.normal(size=a.shape) * (i == j) for j, a in enumerate(inputs)]
        expected = slope(lambda *a: np.sum(weights * definition(*a)), inputs, directions)
        np.testing.assert_allclose(np.sum(grads[i] * directions[i]), expected, rtol=2e-3, atol=2e-3)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(
    ("kernel", "up", "demodulate"), [(3, False, True), (3, True, True), (1, False, False)]
)
def test_modulated_convolution_is_its_definition_in_values_and_gradients(kernel, up, demodulate):
    """With a kernel an example, zeros between the pixels and the filter written out."""

    def definition(x, style, w, bias, affine, offset):
        scales = style @ affine / np.sqrt(style.shape[1]) + offset
        rows = []
        for image, scale in zip(x, scales, strict=True):
            own = w / np.sqrt(w[..., 0].size) * scale[:, None]
            if demodulate:
                own = own / np.sqrt(np.sum(own**2, axis=(0, 1, 2)) + 1e-8)
            if up:
                wide = zeros_between(image[None])[:, :-1, :-1]
                rows.append(4 * filtered(by_taps(wide, own, 2), (1, 3, 3, 1), 1, 1))
            else:
                rows.append(by_taps(image[None], own, kernel // 2))
        return np.concatenate(rows) + bias

    def run(x, style, w, bias, affine, offset):
        dense = {"kernel": affine, "bias": offset}
        params = {"kernel": w, "bias": bias, "EqualisedDense_0": dense}
        net = ModulatedConv(5, kernel, up, demodulate)
        return net.apply({"params": params}, x, style)

    shapes = [(2, 4, 3, 3), (2, 6), (kernel, kernel, 3, 5), (5,), (6, 3), (3,)]
    assert_slopes_match(run, definition, [normal(i, *shape) for i, shape in enumerate(shapes)])


def test_modulated_convolution_keeps_unit_size_at_first():
    x, style = (jax.random.normal(KEY, shape) for shape in ((16, 8, 8, 32), (16, 8)))
    for up in (False, True):
        y, variables = ModulatedConv(32, up=up).init_with_output(KEY, x, 3 * style)
        inner = y[:, 2:-2, 2:-2]
        assert 0.4 < float(jnp.std(inner)) < 1.1  # a smoothed map is smaller
        assert np.all(variables["params"]["EqualisedDense_0"]["bias"] == 1)


def test_equalised_layers_are_plain_ones_with_scaled_parameters():
    x = jax.random.normal(KEY, (2, 5, 4, 6))
    conv = drawn(jax.eval_shape(EqualisedConv(3, (3, 3)).init, KEY, x))["params"]
    plain = {"kernel": conv["kernel"] / np.sqrt(9 * 6), "bias": conv["bias"]}
    np.testing.assert_allclose(
        EqualisedConv(3, (3, 3)).apply({"params": conv}, x),
        Conv(3, (3, 3)).apply({"params": plain}, x),
        atol=1e-6,
    )
    dense = drawn(jax.eval_shape(EqualisedDense(3, rate=0.1).init, KEY, x))["params"]
    expected = x @ dense["kernel"] * 0.1 / np.sqrt(6) + 0.1 * dense["bias"].reshape(1, 1, 1, 3)
    actual = EqualisedDense(3, rate=0.1).apply({"params": dense}, x)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_equalised_layers_start_at_the_sizes_that_hold_for_any_rate():
    x = jax.random.normal(KEY, (50, 400))
    for rate in (1.0, 0.01):
        layer = EqualisedDense(300, rate, bias_init=nn_ones)
        y, variables = layer.init_with_output(KEY, x)
        np.testing.assert_allclose(np.std(variables["params"]["kernel"]), 1 / rate, rtol=0.02)
        np.testing.assert_allclose(variables["params"]["bias"], 1 / rate, rtol=1e-6)
        np.testing.assert_allclose([np.mean(y), np.std(y)], [1, 1], atol=0.05)


nn_ones = jax.nn.initializers.ones


@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_the_spread_of_a_minibatch_is_its_definition_in_values_and_gradients(group):
    def definition(x):
        y = []
        for first in range(0, len(x), group):
            some = x[first : first + group]
            spread = np.mean(np.sqrt(np.var(some, axis=0) + 1e-8))
            y += [np.concatenate([e, np.full((*e.shape[:2], 1), spread)], axis=-1) for e in some]
        return np.stack(y)

    assert_slopes_match(partial(minibatch_stddev, group=group), definition, [normal(0, 6, 2, 3, 2)])


def test_a_batch_that_is_not_of_whole_groups_is_refused():
    with pytest.raises(ValueError, match="batch of 6 examples is not of groups of 4"):
        minibatch_stddev(jnp.zeros((6, 2, 2, 1)), 4)
