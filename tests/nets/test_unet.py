from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import unet
from gan_jax.prng import per_example

KEY = jax.random.key(0)
KEYS = per_example(KEY, 3)
X = jax.random.uniform(KEY, (3, 16, 16, 1), minval=-1.0)
NET = unet.Translator(2, width=2, batch_norm=True)
VARIABLES = NET.init(KEY, X, train=True)
RUN = jax.jit(partial(NET.apply, VARIABLES, train=False))


def test_parameters_at_256_are_as_many_as_the_authors_code_has():
    """`unet_256` of github.com/junyanz/pytorch-CycleGAN-and-pix2pix, 54.414 million."""
    net = unet.Translator(3, batch_norm=True)
    image = jnp.zeros((1, 256, 256, 3))
    variables = jax.eval_shape(lambda: net.init(KEY, image, train=True))
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    down = [(3, 64), (64, 128), (128, 256), (256, 512)] + 4 * [(512, 512)]
    up = [(512, 512)] + 3 * [(1024, 512)] + [(1024, 256), (512, 128), (256, 64), (128, 3)]
    kernels = 16 * sum(c * f for c, f in down + up)
    norms = 2 * sum(f for _, f in down[1:-1] + up[:-1])
    assert count == kernels + norms + 3 == 54_413_955  # with a bias of the last layer alone


@pytest.mark.parametrize(
    ("size", "times"),
    [
        ((256, 256), 8),
        ((512, 512), 8),
        ((128, 128), 7),
        ((28, 28), 2),
        ((192, 256), 6),
        ((2, 2), 1),
        ((64,), 6),
    ],
)
def test_images_are_halved_as_often_as_they_can(size, times):
    assert unet.halvings(*size) == times


def test_sides_that_are_not_halved_so_often_are_refused():
    assert unet.halvings(48, 64, 3) == 3
    with pytest.raises(ValueError, match="48×64 has an odd one after 4"):
        unet.halvings(48, 64, 5)


def test_an_odd_side_is_refused_by_name():
    with pytest.raises(ValueError, match="16×15"):
        NET.init(KEY, jnp.zeros((1, 16, 15, 1)))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("size", [(16, 16), (28, 28), (48, 64), (6, 2)])
def test_the_size_stays_and_the_image_is_float32(size, batch_norm, dtype):
    net = unet.Translator(2, 2, batch_norm, dtype=dtype)
    run = lambda: net.init_with_output(KEY, jnp.zeros((3, *size, 1)), None, True)
    image, _ = jax.eval_shape(run)
    assert (image.shape, image.dtype) == ((3, *size, 2), jnp.float32)


def test_noise_is_there_in_evaluation_and_an_examples_own():
    noisy, other, still = RUN(X, keys=KEYS), RUN(X, keys=KEYS[::-1]), RUN(X)
    assert np.all(np.any(noisy != still, axis=(1, 2, 3)))
    assert np.any(noisy != other)
    np.testing.assert_allclose(RUN(X[::-1], keys=KEYS[::-1])[::-1], noisy, atol=1e-6)
    assert np.max(np.abs(noisy)) <= 1


def test_training_without_keys_is_refused():
    with pytest.raises(ValueError, match=r"needs keys \[B\]"):
        NET.apply(VARIABLES, X, train=True, mutable=["batch_stats"])


def test_details_are_carried_across_at_full_resolution():
    """With all inner maps cut off, an output pixel still sees its own neighbourhood."""
    params = {**VARIABLES["params"]}
    params["Conv_1"] = jax.tree.map(jnp.zeros_like, params["Conv_1"])
    run = lambda x: NET.apply({**VARIABLES, "params": params}, x)[1, 8, 8, 0]
    seen = np.argwhere(jax.jit(jax.grad(run))(X)[1, ..., 0])
    assert len(seen) > 0
    assert np.abs(seen - 8).max() <= 4


@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_parameter_has_a_gradient(batch_norm):
    net = NET.clone(batch_norm=batch_norm)
    x = jax.random.normal(KEY, (3, 8, 8, 1))
    variables = net.init(KEY, x, train=True)
    assert ("batch_stats" in variables) == batch_norm

    @jax.jit
    @jax.grad
    def gradients(params):
        state = {**variables, "params": params}
        y, _ = net.apply(state, x, train=True, keys=KEYS, mutable=["batch_stats"])
        return jnp.sum(jnp.sin(3 * y + jnp.arange(3).reshape(3, 1, 1, 1)))

    grads = gradients(variables["params"])
    assert [k for k, v in jax.tree.leaves_with_path(grads) if not np.any(v)] == []
