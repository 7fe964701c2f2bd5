"""Self-attention, and the nets of SAGAN."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from net_checks import (
    KEY,
    dead_parameters,
    parameter_count,
    random_variables,
    shape_of,
    shapes,
    slope,
    touched,
)

from gan_jax.layers import SelfAttention
from gan_jax.nets import resnet
from gan_jax.types import UserError

LABEL = jnp.array([0, 2, 1])
LATENT, IMAGES = jax.random.normal(KEY, (3, 4)), jax.random.normal(KEY, (3, 16, 16, 1))


def by_definition(x, q, k, v, out, gamma):
    """Place by place, of x [B, H, W, C] and matrices."""
    b, h, w, c = x.shape
    y = np.empty_like(x)
    for e in range(b):
        tiles = [(2 * i, 2 * j) for i in range(h // 2) for j in range(w // 2)]
        best = lambda m, i, j, e=e: np.max(x[e, i : i + 2, j : j + 2].reshape(4, c) @ m, axis=0)
        keys, values = (np.stack([best(m, *tile) for tile in tiles]) for m in (k, v))
        for i in range(h):
            for j in range(w):
                scores = np.exp(keys @ (x[e, i, j] @ q))
                y[e, i, j] = x[e, i, j] + gamma * (scores / scores.sum()) @ values @ out
    return y


@pytest.mark.parametrize(("height", "width"), [(4, 6), (3, 5)])
def test_attention_is_its_definition_in_values_and_gradients(height, width):
    x = np.asarray(jax.random.normal(KEY, (2, height, width, 16)), np.float64)
    params = random_variables(SelfAttention(), x.astype(np.float32))["params"]
    arrays = [np.asarray(params[f"Conv_{i}"]["kernel"][0, 0], np.float64) for i in range(4)]
    inputs = [x, *arrays, np.float64(0.7)]
    assert [a.shape for a in arrays] == [(16, 2), (16, 2), (16, 8), (8, 16)]

    @jax.jit
    def run(x, *arrays):
        *kernels, gamma = arrays
        p = {f"Conv_{i}": {"kernel": a[None, None]} for i, a in enumerate(kernels)}
        return SelfAttention().apply({"params": {**p, "gamma": gamma}}, x)

    single = [jnp.asarray(a, jnp.float32) for a in inputs]
    np.testing.assert_allclose(run(*single), by_definition(*inputs), atol=1e-5)
    weights = np.random.default_rng(1).normal(size=x.shape)
    directions = [np.random.default_rng(2).normal(size=np.shape(a)) for a in inputs]
    total = lambda *a: np.sum(weights * by_definition(*a))
    every = range(len(inputs))
    grads = jax.jit(jax.grad(lambda *a: jnp.sum(weights * run(*a)), argnums=tuple(every)))(*single)
    for i in every:  # one input at a time
        only = [d if j == i else np.zeros_like(d) for j, d in enumerate(directions)]
        expected = slope(total, inputs, only)
        np.testing.assert_allclose(np.sum(grads[i] * only[i]), expected, rtol=2e-3, atol=2e-3)


def test_attention_is_the_identity_at_first_and_normalises_its_kernels_where_asked():
    x = IMAGES[..., :1] * jnp.ones(8).reshape(1, 1, 1, 8)
    y, variables = SelfAttention(spectral=True).init_with_output(KEY, x, True)
    np.testing.assert_array_equal(y, x)
    assert len(jax.tree.leaves(variables["spectral"])) == 4
    assert set(shapes(SelfAttention(), x)) == {"params"}


def test_attention_reads_each_example_alone():
    x = jax.random.normal(KEY, (3, 4, 4, 8))
    variables = random_variables(SelfAttention(), x)
    run = jax.jit(partial(SelfAttention().apply, variables))
    assert touched(run, [x], [2 * x]) == [False, True, False]


@pytest.mark.parametrize(("resolution", "side"), [(16, 8), (28, 14), (32, 16), (64, 32)])
def test_sagan_makes_and_judges_images(resolution, side):
    image = (2, resolution, resolution, 3)
    generator = resnet.Generator(resolution, width=8, attention=side, spectral=True)
    assert shape_of(generator, jnp.zeros((2, 5))) == (image, "float32")
    assert shape_of(resnet.Discriminator(8, attention=side), jnp.zeros(image)) == ((2,), "float32")


def test_attention_stands_once_and_of_the_width_of_its_map():
    extra = lambda c: 2 * c * (c // 8) + 2 * c * (c // 2) + 1
    generator, discriminator = resnet.Generator(128), resnet.Discriminator()
    latent, image = jnp.zeros((1, 128)), jnp.zeros((1, 128, 128, 3))
    for net, x in ((generator, latent), (discriminator, image)):
        with_it = parameter_count(net.clone(attention=32), x)
        assert with_it - parameter_count(net, x) == extra({128: 256, 3: 128}[x.shape[-1]])


@pytest.mark.parametrize(
    ("net", "x", "sides"),
    [
        (resnet.Generator(16, attention=4), LATENT, "8, 16"),
        (resnet.Discriminator(attention=16), IMAGES, "8, 4"),
    ],
)
def test_a_side_that_no_map_has_is_refused_with_those_that_are(net, x, sides):
    with pytest.raises(UserError, match=f"attention={net.attention}: .* {sides}\\b"):
        shapes(net, x)


NETS = {
    "generator": (resnet.Generator(16, 1, 4, 3, attention=8, spectral=True), LATENT),
    "discriminator": (resnet.Discriminator(4, 3, attention=8), IMAGES),
}
every_net = pytest.mark.parametrize("name", NETS)


@every_net
def test_every_parameter_of_sagan_has_a_gradient_and_every_example_its_own_output(name):
    net, x = NETS[name]
    variables = random_variables(net, x, LABEL, spread=1.0)
    assert dead_parameters(net, variables, x, LABEL) == []
    run = jax.jit(partial(net.apply, variables, train=False))
    assert touched(run, [x, LABEL], [2 * x, LABEL]) == [False, True, False]


@every_net
def test_sagan_in_bfloat16_is_near_and_keeps_its_parameters_in_float32(name):
    net, x = NETS[name]
    variables = random_variables(net, x, LABEL)
    y, low = (
        jax.jit(partial(n.apply, train=False))(variables, x, LABEL)
        for n in (net, net.clone(dtype=jnp.bfloat16))
    )
    assert low.dtype == jnp.float32
    assert np.any(low != y)
    np.testing.assert_allclose(low, y, atol=0.1 * float(jnp.max(jnp.abs(y))))
    kept = shapes(net.clone(dtype=jnp.bfloat16), x, LABEL)
    assert {leaf.dtype for leaf in jax.tree.leaves(kept)} == {jnp.dtype("float32")}
