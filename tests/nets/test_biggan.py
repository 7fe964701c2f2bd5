"""The nets of BigGAN."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from net_checks import (
    KEY,
    by_taps,
    dead_parameters,
    parameter_count,
    random_variables,
    shape_of,
    shapes,
    touched,
)

from gan_jax.nets import biggan
from gan_jax.types import UserError

LABEL = jnp.array([0, 2, 1])
LATENT, IMAGES = jax.random.normal(KEY, (3, 6)), jax.random.normal(KEY, (3, 8, 8, 1))
NETS = {
    "generator": (biggan.Generator(8, 1, 4, 3, embedding=5, attention=8), LATENT),
    "discriminator": (biggan.Discriminator(4, 3, attention=4), IMAGES),
}
every_net = pytest.mark.parametrize("name", NETS)


def test_parameters_at_128_are_those_published_but_for_biases_before_a_normalisation():
    """70.4 and 88.0 million, together the 158.3 of the paper's table 1."""
    label, latent, image = jnp.zeros(1, jnp.int32), jnp.zeros((1, 120)), jnp.zeros((1, 128, 128, 3))
    generator = biggan.Generator(128, num_classes=1000, attention=64)
    biases = 96 * (16 + 8 + 4 + 2 + 1)
    assert parameter_count(generator, latent, label) + biases == pytest.approx(70.4e6, abs=0.05e6)
    discriminator = biggan.Discriminator(num_classes=1000, attention=64)
    assert parameter_count(discriminator, image, label) == pytest.approx(88.0e6, abs=0.05e6)


@pytest.mark.parametrize(
    ("resolution", "latent"), [(16, 6), (28, 9), (32, 8), (64, 10), (128, 12), (256, 14)]
)
def test_makes_and_judges_images(resolution, latent):
    image = (2, resolution, resolution, 3)
    generator = biggan.Generator(resolution, width=2, embedding=4)
    assert shape_of(generator, jnp.zeros((2, latent))) == (image, "float32")
    assert shape_of(biggan.Discriminator(2), jnp.zeros(image)) == ((2,), "float32")


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        (32, (1, 1, 1, 1)),
        (128, (1, 2, 4, 8, 16, 16)),
        (256, (1, 2, 4, 8, 8, 16, 16)),
        (512, (1, 1, 2, 4, 8, 8, 16, 16)),
    ],
)
def test_widths_are_those_of_the_papers_tables(resolution, expected):
    assert biggan.widths(resolution, 96) == tuple(96 * m for m in expected)


def test_images_are_within_range():
    net, latent = NETS["generator"]
    variables = random_variables(net, latent, LABEL)
    images = jax.jit(partial(net.apply, train=False))(variables, 5 * latent, LABEL)
    assert 0.1 < float(jnp.max(jnp.abs(images))) <= 1


def test_kernels_start_orthogonal():
    params = biggan.Discriminator(4).init(KEY, IMAGES)["params"]
    for name in ("Conv_0", "Conv_2", "ConvDownsample_0"):
        kernel = params[name]["kernel"].reshape(-1, 4)
        np.testing.assert_allclose(kernel.T @ kernel, np.eye(4), atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("resolution", "latent"), [(8, 5), (16, 8)])
def test_a_latent_that_cannot_be_cut_is_refused(resolution, latent):
    with pytest.raises(UserError, match=f"latent of {latent} numbers .* equal chunks"):
        shapes(biggan.Generator(resolution, width=2), jnp.zeros((1, latent)))


def test_a_resolution_that_cannot_be_is_refused():
    with pytest.raises(UserError, match="resolution 24 is neither 4 nor 7"):
        shapes(biggan.Generator(24, width=2), jnp.zeros((1, 8)))


@pytest.mark.parametrize("name", NETS)
def test_a_net_of_classes_needs_a_label(name):
    net, x = NETS[name]
    with pytest.raises(ValueError, match="num_classes=3 needs a label"):
        shapes(net, x)


def singular(kernel):
    """The largest singular value and its right vector."""
    _, values, rows = np.linalg.svd(np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1]))
    return values[0], jnp.asarray(rows[0], jnp.float32)


def convolve(x, layer):
    return by_taps(x, layer["kernel"], len(layer["kernel"]) // 2) + layer.get("bias", 0)


def test_the_generator_is_the_equations_of_the_paper():
    """In evaluation, in NumPy, of kernels divided by their singular values."""
    net = biggan.Generator(8, 3, 4, 3, embedding=5)
    variables = random_variables(net, LATENT, LABEL)
    order = ["Dense_0", "Dense_1", "Dense_2", "UpsampleConv_0", "Dense_3", "Dense_4"]
    order += ["Conv_0", "Conv_1", "Conv_2"]
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables["params"])
    for i, layer in enumerate(order):
        value, vector = singular(p[layer]["kernel"])
        variables["spectral"][f"SpectralNorm_{i}"]["kernel"] = vector
        p[layer]["kernel"] = p[layer]["kernel"] / value

    def normalise(i, x):
        mean, var = (
            np.asarray(variables["batch_stats"][f"BatchNorm_{i}"][s]) for s in ("mean", "var")
        )
        return (x - mean) / np.sqrt(var + 1e-5)

    def spoken_to(i, x):
        scale, bias = (code @ p[f"Dense_{2 * i + k}"]["kernel"] for k in (1, 2))
        x = normalise(i, x) * (1 + scale)[:, None, None] + bias[:, None, None]
        return np.maximum(x, 0)

    double = lambda x: x.repeat(2, axis=1).repeat(2, axis=2)
    first, second = np.split(np.asarray(LATENT, np.float64), 2, axis=1)
    code = np.concatenate([p["Embed_0"]["embedding"][LABEL], second], axis=1)
    x = (first @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]).reshape(3, 4, 4, 4)
    y = convolve(double(spoken_to(0, x)), p["UpsampleConv_0"])
    y = convolve(spoken_to(1, y), p["Conv_0"]) + convolve(double(x), p["Conv_1"])
    y = normalise(2, y) * p["BatchNorm_2"]["scale"] + p["BatchNorm_2"]["bias"]
    expected = np.tanh(convolve(np.maximum(y, 0), p["Conv_2"]))
    actual = jax.jit(partial(net.apply, train=False))(variables, LATENT, LABEL)
    assert np.std(expected) > 0.05
    np.testing.assert_allclose(actual, expected, atol=2e-5)


@every_net
def test_every_parameter_has_a_gradient_and_every_example_its_own_output(name):
    net, x = NETS[name]
    variables = random_variables(net, x, LABEL, spread=1.0)
    assert dead_parameters(net, variables, x, LABEL) == []
    run = jax.jit(partial(net.apply, variables, train=False))
    assert touched(run, [x, LABEL], [2 * x, LABEL]) == [False, True, False]
    assert touched(run, [x, LABEL], [x, LABEL[::-1]]) == [False, False, False]
    assert touched(run, [x, LABEL], [x, LABEL.at[1].set(1)]) == [False, True, False]


def test_every_chunk_of_the_latent_is_heard():
    net, latent = NETS["generator"]
    variables = random_variables(net, latent, LABEL)
    run = jax.jit(partial(net.apply, variables, train=False))
    for chunk in ([0, 1, 2], [3, 4, 5]):
        other = latent.at[:, jnp.array(chunk)].add(1.0)
        assert np.all(np.any(run(latent, LABEL) != run(other, LABEL), axis=(1, 2, 3)))


@every_net
def test_bfloat16_is_near_and_keeps_parameters_in_float32(name):
    net, x = NETS[name]
    variables = random_variables(net, x, LABEL)
    low_net = net.clone(dtype=jnp.bfloat16)
    y, low = (jax.jit(partial(n.apply, train=False))(variables, x, LABEL) for n in (net, low_net))
    kept = jax.tree.leaves(shapes(low_net, x, LABEL))
    assert {leaf.dtype for leaf in (low, *kept)} == {jnp.dtype("float32")}
    assert np.any(low != y)
    np.testing.assert_allclose(low, y, atol=0.1 * float(jnp.max(jnp.abs(y))))
