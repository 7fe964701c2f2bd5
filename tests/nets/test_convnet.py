import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets.convnet import ConvNet

KEY = jax.random.key(0)
NET = ConvNet(num_classes=3, width=2, features=5)
IMAGES = jax.random.uniform(KEY, (6, 8, 8, 1), minval=-1.0)
VARIABLES = NET.init(KEY, IMAGES, train=True)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(
    "shape", [(7,), (16, 2), (8, 8, 1), (28, 28, 1), (32, 32, 3), (9, 33, 3), (8, 8, 8, 1)]
)
def test_examples_of_any_number_of_sides_give_float32_features_and_logits(shape, dtype):
    net = NET.clone(dtype=dtype)
    x = jnp.zeros((4, *shape))
    (features, logits), _ = jax.eval_shape(lambda: net.init_with_output(KEY, x, train=True))
    assert (features.shape, logits.shape) == ((4, 5), (4, 3))
    assert features.dtype == logits.dtype == jnp.float32


@pytest.mark.parametrize(
    ("shape", "halvings"), [((7,), 0), ((8, 8, 1), 1), ((28, 28, 1), 3), ((8, 64, 1), 1)]
)
def test_sides_are_halved_until_the_smallest_is_four_at_most(shape, halvings):
    assert len(kernels(shape)) == halvings


@pytest.mark.parametrize("resolution", [64, 256])
def test_channels_double_up_to_eight_times(resolution):
    channels = [2, 4, 8, 16, 16, 16][: resolution.bit_length() - 3]
    before = [1, *channels[:-1]]
    expected = [(4, 4, *pair) for pair in zip(before, channels, strict=True)]
    assert kernels((resolution, resolution, 1)) == expected


def test_a_signal_is_quartered_and_its_net_stays_small():
    assert kernels((256, 1)) == [(8, 1, 2), (8, 2, 4), (8, 4, 8)]
    net, signal = ConvNet(10), jnp.zeros((1, 8192, 1))
    params = jax.eval_shape(lambda: net.init(KEY, signal, train=True))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) < 2e6


def kernels(shape):
    params = jax.eval_shape(lambda: NET.init(KEY, jnp.zeros((1, *shape)), train=True))["params"]
    names = sorted(name for name in params if name.startswith("Conv"))
    return [params[name]["kernel"].shape for name in names]


def test_logits_are_linear_in_features():
    features, logits = NET.apply(VARIABLES, IMAGES, train=False)
    last = VARIABLES["params"]["Dense_1"]
    np.testing.assert_allclose(logits, features @ last["kernel"] + last["bias"][None], rtol=1e-6)


def test_features_of_an_example_do_not_depend_on_its_neighbours_in_evaluation():
    together, _ = NET.apply(VARIABLES, IMAGES, train=False)
    alone, _ = NET.apply(VARIABLES, IMAGES[2:3], train=False)
    np.testing.assert_allclose(alone[0], together[2], rtol=1e-5, atol=1e-6)


def test_an_untrained_net_tells_examples_apart():
    features, _ = NET.apply(VARIABLES, IMAGES, train=False)
    assert len(np.unique(features, axis=0)) == len(IMAGES)
