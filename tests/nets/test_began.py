import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import began

KEY = jax.random.key(0)
IMAGES = jax.random.uniform(KEY, (3, 8, 8, 2), minval=-1.0)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("resolution", [8, 28, 32])
def test_makes_and_reconstructs_float32_images(resolution, dtype):
    generator = began.Generator(resolution, 2, 3, num_classes=4, dtype=dtype)
    autoencoder = began.Autoencoder(5, 3, dtype=dtype)

    def run():
        x, _ = generator.init_with_output(KEY, jnp.zeros((3, 6)), jnp.zeros(3, jnp.int32))
        return x, autoencoder.init_with_output(KEY, x)[0]

    for image in jax.eval_shape(run):
        assert (image.shape, image.dtype) == ((3, resolution, resolution, 2), jnp.float32)


def test_parameters_are_those_of_a_count_by_hand():
    """Of 16² images: maps of n, 2n and 3n channels down, n at every size up; a code of h."""
    n, h, c = 4, 5, 2
    conv = lambda i, o: 9 * i * o + o
    encoder = conv(c, n) + 2 * (conv(n, n) + conv(2 * n, 2 * n) + conv(3 * n, 3 * n))
    encoder += conv(n, 2 * n) + conv(2 * n, 3 * n) + 16 * 3 * n * h + h
    decoder = (h + 1) * 16 * n + 3 * 2 * conv(n, n) + conv(n, c)
    net = began.Autoencoder(h, n)
    variables = jax.eval_shape(lambda: net.init(KEY, jnp.zeros((1, 16, 16, c))))
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == encoder + decoder


def test_the_reconstruction_is_the_decoders_of_the_code():
    net = began.Autoencoder(5, 3, features=True)
    out, variables = net.init_with_output(KEY, IMAGES)
    assert set(out) == {"reconstruction", "features"}
    decoder = {"params": variables["params"]["Generator_0"]}
    made = began.Generator(8, 2, 3).apply(decoder, out["features"])
    np.testing.assert_allclose(out["reconstruction"], made, atol=1e-6)
    plain = net.clone(features=False).apply(variables, IMAGES)
    np.testing.assert_array_equal(plain, out["reconstruction"])
    assert np.max(np.abs(plain)) <= 1


def test_every_parameter_has_a_gradient():
    net = began.Autoencoder(5, 3)
    params = net.init(KEY, IMAGES)
    grads = jax.jit(jax.grad(lambda p: jnp.sum((net.apply(p, IMAGES) - IMAGES) ** 2)))(params)
    assert [k for k, v in jax.tree.leaves_with_path(grads) if not np.any(v)] == []
