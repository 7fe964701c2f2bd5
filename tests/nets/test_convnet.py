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
@pytest.mark.parametrize("blocks", [0, 1])
@pytest.mark.parametrize(
    "shape", [(7,), (16, 2), (8, 8, 1), (28, 28, 1), (32, 32, 3), (9, 33, 3), (8, 8, 8, 1)]
)
def test_examples_of_any_number_of_sides_give_float32_features_and_logits(shape, blocks, dtype):
    net = NET.clone(blocks=blocks, dtype=dtype)
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


@pytest.mark.parametrize(
    ("shape", "before", "with_blocks"),
    [
        ((16, 16), [], [8, 16]),
        ((28, 28), [], [8, 16, 32]),
        ((32, 32), [], [8, 16, 32]),
        ((64, 64), [4], [8, 16, 32]),
        ((256, 256), [1, 2, 4], [8, 16, 32]),
        ((31, 129), [2, 4], [8]),
        ((1_000,), [2, 4], [8, 16]),
    ],
)
def test_blocks_stand_at_small_maps_whatever_the_size(shape, before, with_blocks):
    net = NET.clone(width=8, blocks=2)
    taps = (8,) if len(shape) == 1 else (4, 4)
    expected, channels = [], 3
    for width in before + with_blocks:
        expected.append((*taps, channels, width))
        expected += 4 * (width in with_blocks) * [(*len(shape) * (3,), width, width)]
        channels = width
    assert kernels((*shape, 3), net) == expected


def test_a_block_adds_two_convolutions_to_its_map():
    """By hand, in evaluation mode: batch normalisation divides by the root of 1 + 1e-5."""
    net = ConvNet(num_classes=3, width=2, features=5, blocks=1)
    variables = net.init(KEY, IMAGES, train=True)
    kernel = {n: v["kernel"] for n, v in variables["params"].items() if "kernel" in v}

    def convolve(x, name, stride=1):
        numbers = ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(
            x, kernel[name], (stride, stride), "SAME", dimension_numbers=numbers
        )
        return y / np.sqrt(1 + 1e-5)

    x = jax.nn.relu(convolve(IMAGES, "Conv_0", 2))
    x = jax.nn.relu(x + convolve(jax.nn.relu(convolve(x, "Conv_1")), "Conv_2"))
    x = x.mean(axis=(1, 2)) @ kernel["Dense_0"] / np.sqrt(1 + 1e-5)
    features, _ = net.apply(variables, IMAGES, train=False)
    np.testing.assert_allclose(features, jax.nn.relu(x), rtol=1e-4, atol=1e-5)


def kernels(shape, net=NET):
    params = jax.eval_shape(lambda: net.init(KEY, jnp.zeros((1, *shape)), train=True))["params"]
    names = sorted((n for n in params if n.startswith("Conv")), key=lambda n: int(n[5:]))
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
