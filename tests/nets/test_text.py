import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import text

KEY = jax.random.key(0)


def parameter_count(net, *inputs):
    variables = jax.eval_shape(lambda: net.init(KEY, *inputs))
    return sum(leaf.size for leaf in jax.tree.leaves(variables))


def test_parameters_at_full_size_are_those_of_a_count_by_hand():
    """32 places of 32 characters, width 512, a latent of 128."""
    blocks = 5 * 2 * (5 * 512 * 512 + 512)
    generator = 129 * 32 * 512 + blocks + 512 * 32 + 32
    discriminator = 32 * 512 + 512 + blocks + 32 * 512 + 1
    assert parameter_count(text.Generator(32, 32), jnp.zeros((1, 128))) == generator
    assert parameter_count(text.Discriminator(), jnp.zeros((1, 32, 32))) == discriminator


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_every_place_holds_a_distribution_in_float32(dtype):
    net, latent = text.Generator(6, 4, 8, 2, num_classes=3, dtype=dtype), jnp.ones((2, 5))
    lines, _ = net.init_with_output(KEY, latent, jnp.array([0, 1]))
    assert (lines.shape, lines.dtype) == ((2, 6, 4), jnp.float32)
    assert np.all(lines > 0)
    np.testing.assert_allclose(lines.sum(axis=-1), 1, rtol=1e-5)
    assert np.any(lines[0] != lines[1])


def test_a_block_adds_three_tenths_of_two_convolutions():
    x = jax.random.normal(KEY, (2, 7, 3))
    variables = text.Block().init(KEY, x)
    y = x
    for i in range(2):
        kernel, bias = (variables["params"][f"Conv_{i}"][n] for n in ("kernel", "bias"))
        wide = jnp.pad(jnp.maximum(y, 0), [(0, 0), (2, 2), (0, 0)])
        y = sum(wide[:, t : t + 7] @ kernel[t] for t in range(5)) + bias.reshape(1, 1, -1)
    np.testing.assert_allclose(text.Block().apply(variables, x), x + 0.3 * y, rtol=1e-4, atol=1e-5)


def test_every_parameter_of_the_critic_has_a_gradient_through_a_penalty_too():
    net, lines = text.Discriminator(4, 2), jax.nn.one_hot(jnp.arange(12).reshape(2, 6) % 5, 5)
    params = net.init(KEY, lines)
    np.testing.assert_equal(net.apply(params, lines).shape, (2,))

    @jax.jit
    @jax.grad
    def gradients(params):
        slope = jax.grad(lambda x: jnp.sum(net.apply(params, x)))(lines)
        return jnp.sum(slope**2) + jnp.sum(net.apply(params, lines))

    dead = [k for k, v in jax.tree.leaves_with_path(gradients(params)) if not np.any(v)]
    assert dead == []
