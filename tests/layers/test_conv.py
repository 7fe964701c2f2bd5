"""The convolutions against Flax's own: parameters, values, first and second derivatives."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gan_jax.layers import Conv, ConvTranspose, cpu_conv
from gan_jax.layers.conv import conv, conv_input, conv_kernel

KEY = jax.random.key(0)
PAIRS = {"Conv": (Conv, nn.Conv), "ConvTranspose": (ConvTranspose, nn.ConvTranspose)}
TWO_TAPS = {"features": 2, "kernel_size": (4, 4), "strides": 2}
THREE_TAPS = {"features": 2, "kernel_size": (3, 5), "strides": (1, 2), "padding": "VALID"}
WIDE_STRIDES = {"features": 2, "kernel_size": (1, 2), "strides": 3}  # of the padding "SAME"
both = pytest.mark.parametrize("name", PAIRS)


def derivatives(net):
    """`(params, x) -> (value, first derivatives, second derivatives)` of a scalar of the net's."""

    def scalar(params, x):
        y = net.apply(params, x)
        return jnp.sum(jnp.sin(y)), y

    first = jax.grad(scalar, argnums=(0, 1), has_aux=True)

    def squared_norm(params, x):
        grads, y = first(params, x)
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(grads)), (grads, y)

    def evaluate(params, x):
        second, (grads, y) = jax.grad(squared_norm, argnums=(0, 1), has_aux=True)(params, x)
        return {"value": y, "first": grads, "second": second}

    return evaluate


def inputs(net, shape):
    """Random parameters, biases included, and input."""
    random = np.random.default_rng(0)
    draw = lambda leaf: jnp.asarray(random.normal(size=leaf.shape) / 3, jnp.float32)
    x = 3 * draw(np.empty(shape))
    return jax.tree.map(draw, jax.eval_shape(net.init, KEY, x)), x


@st.composite
def settings_of_a_layer(draw):
    """Keyword arguments that both layers take, and the shape of an input; some give no output."""
    n = draw(st.integers(1, 3))
    sizes = lambda low, high: st.tuples(*[st.integers(low, high)] * n)
    sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
    padding = st.one_of(
        st.sampled_from(["SAME", "VALID"]),
        st.integers(0, 2),
        st.lists(sides, min_size=n, max_size=n).map(tuple),
    )
    arguments = {
        "features": draw(st.integers(1, 3)),
        "kernel_size": draw(sizes(1, 4)),
        "strides": draw(st.one_of(st.integers(1, 3), sizes(1, 3))),
        "padding": draw(padding),
        "use_bias": draw(st.booleans()),
    }
    return arguments, (draw(st.integers(1, 2)), *draw(sizes(4, 6)), draw(st.integers(1, 3)))


@pytest.fixture(params=["as measured", "by winograd", "by planes", "by pairs"])
def way_on_cpu(request, monkeypatch):
    """Nets of a test's size are too small for some ways: so also each wherever it can."""
    if request.param == "as measured":
        yield
        return
    monkeypatch.setattr(cpu_conv.planes, "suits", lambda *_: request.param == "by planes")
    monkeypatch.setattr(cpu_conv, "_SPARED", -1e9 if request.param == "by winograd" else 1e9)
    monkeypatch.setattr(cpu_conv, "_MANY_TAPS", 0)
    for name in ("_TRANSFORMED_BYTES", "_PLANES_BYTES"):  # every example a part of its own
        monkeypatch.setattr(cpu_conv, name, 1)
    forget_what_was_traced()
    yield
    forget_what_was_traced()


def forget_what_was_traced():
    for each in (conv, conv_input, conv_kernel):
        each.fun.clear_cache()


@both
@pytest.mark.usefixtures("way_on_cpu")
@settings(max_examples=5, derandomize=True, deadline=None, database=None)
@given(drawn=settings_of_a_layer())
@example(drawn=(WIDE_STRIDES, (2, 5, 4, 2)))
@example(drawn=(TWO_TAPS, (2, 6, 4, 2)))
@example(drawn=(THREE_TAPS, (2, 5, 6, 2)))
def test_is_flaxs_layer_in_parameters_values_and_two_derivatives(name, drawn, assert_trees_match):
    arguments, shape = drawn
    assert_is_flaxs_layer(PAIRS[name], arguments, shape, assert_trees_match)


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("strides", [1, 2])
def test_groups_are_flaxs_too(groups, strides, assert_trees_match):
    arguments = {"features": 8, "kernel_size": (3, 3), "feature_group_count": groups}
    settings = arguments | {"strides": strides}
    assert_is_flaxs_layer(PAIRS["Conv"], settings, (2, 6, 4, 4), assert_trees_match)


def assert_is_flaxs_layer(pair, arguments, shape, assert_trees_match):
    ours, flaxs = (layer(**arguments) for layer in pair)
    params, x = inputs(flaxs, shape)
    mine = jax.eval_shape(ours.init, KEY, x)
    assert jax.tree.map(jnp.shape, mine) == jax.tree.map(jnp.shape, params)

    @jax.jit
    def evaluate(params, x):
        return derivatives(ours)(params, x), derivatives(flaxs)(params, x)

    assert_trees_match(*evaluate(params, x), rtol=1e-5)


@both
def test_negative_padding_crops_as_flaxs_does(name, assert_trees_match):
    arguments = {"features": 2, "kernel_size": (3, 2), "strides": 2, "padding": ((-1, 0), (1, -2))}
    ours, flaxs = (layer(**arguments) for layer in PAIRS[name])
    params, x = inputs(flaxs, (2, 7, 6, 2))
    evaluate = jax.jit(lambda p, x: (derivatives(ours)(p, x), derivatives(flaxs)(p, x)))
    assert_trees_match(*evaluate(params, x), rtol=1e-5)


@both
def test_starts_from_flaxs_initial_parameters(name, assert_trees_match):
    ours, flaxs = (layer(3, (4, 4), strides=2) for layer in PAIRS[name])
    x = jnp.zeros((1, 8, 8, 2))
    assert_trees_match(ours.init(KEY, x), flaxs.init(KEY, x), rtol=0)


@both
@pytest.mark.parametrize(
    "over", [jax.vmap, lambda f: partial(jax.lax.map, f)], ids=["vmap", "loop"]
)
def test_under_vmap_and_inside_a_loop_it_is_the_same(name, over, assert_trees_match):
    net = PAIRS[name][0](2, (3, 2), strides=2)
    params, x = inputs(net, (2, 5, 4, 3))
    twice = lambda leaf: jnp.stack([leaf, 0.5 * leaf])
    stacked = jax.tree.map(twice, (params, x))
    mapped = jax.jit(over(lambda each: derivatives(net)(*each)))(stacked)
    evaluate = jax.jit(derivatives(net))
    halved = jax.tree.map(lambda leaf: 0.5 * leaf, (params, x))
    apart = jax.tree.map(lambda *leaves: jnp.stack(leaves), evaluate(params, x), evaluate(*halved))
    assert_trees_match(mapped, apart, rtol=1e-5)


@both
def test_computes_in_bfloat16_from_float32_parameters(name):
    ours, flaxs = (layer(2, (4, 4), strides=2, dtype=jnp.bfloat16) for layer in PAIRS[name])
    params, x = inputs(ours, (2, 6, 6, 3))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    y = ours.apply(params, x)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        np.float32(y), np.float32(flaxs.apply(params, x)), rtol=2e-2, atol=2e-2
    )
    gradient = jax.grad(lambda params: jnp.sum(ours.apply(params, x).astype(jnp.float32) ** 2))
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient(params))} == {jnp.dtype("float32")}


@both
def test_unknown_padding_is_refused(name):
    with pytest.raises((ValueError, RuntimeError), match=r"(?i)padding"):
        PAIRS[name][0](2, (3,), padding="ROUND").init(KEY, jnp.zeros((1, 5, 2)))


@pytest.mark.parametrize("layer", [Conv, ConvTranspose])
@pytest.mark.parametrize("size", [8, 16])
def test_an_empty_batch_has_an_empty_output_and_no_gradient(layer, size):
    net = layer(features=64, kernel_size=(4, 4), strides=(2, 2))
    x = jnp.zeros((0, size, size, 128))
    params = net.init(KEY, x)
    y, pull = jax.vjp(net.apply, params, x)
    grads, dx = pull(y)
    assert y.shape[0] == dx.shape[0] == 0
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("strides", [1, 2])
def test_a_narrow_kernels_gradient_is_summed_in_float32(strides):
    random = np.random.default_rng(0)
    net = Conv(features=8, kernel_size=(3, 3), strides=strides, use_bias=False)
    x = jnp.asarray(1 + random.normal(size=(256, 16, 16, 32)), jnp.bfloat16)
    w = jnp.asarray(random.normal(size=(3, 3, 32, 8)), jnp.bfloat16)

    def gradient(dtype):
        cast = lambda v: v.astype(dtype)
        f = lambda w: net.apply({"params": {"kernel": w}}, cast(x))
        y, pull = jax.vjp(f, cast(w))
        return np.asarray(pull(jnp.ones_like(y))[0], np.float32)

    exact = gradient(jnp.float32)
    np.testing.assert_allclose(gradient(jnp.bfloat16), exact, rtol=0.004, atol=1e-3)
