"""SRGAN's nets, and VGG's maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from net_checks import dead_parameters, parameter_count, random_variables, shape_of

from gan_jax.nets import srgan, vgg
from gan_jax.types import UserError

SMALL = jax.random.uniform(jax.random.key(0), (3, 4, 6, 3), minval=-1.0)
GENERATOR = srgan.Generator(width=4, blocks=2)
DISCRIMINATOR = srgan.Discriminator(width=2, pairs=2, hidden=8)


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_an_image_grows_by_the_factor(factor, dtype):
    net = srgan.Generator(1, width=4, blocks=1, factor=factor, dtype=dtype)
    assert shape_of(net, SMALL) == ((3, 4 * factor, 6 * factor, 1), "float32")


def test_a_factor_that_is_no_power_of_two_is_refused():
    with pytest.raises(UserError, match="3 is no power of two"):
        shape_of(srgan.Generator(factor=3), SMALL)


def test_the_generator_has_the_parameters_of_the_papers_layers():
    convs = 9 * 9 * 3 * 64 + 64 + (16 * 2 + 1) * 9 * 64 * 64 + 2 * (9 * 64 * 256 + 256)
    norms, slopes, last = (16 * 2 + 1) * 2 * 64, 1 + 16 + 2, 9 * 9 * 64 * 3 + 3
    assert parameter_count(srgan.Generator(), SMALL) == convs + norms + slopes + last


@pytest.mark.parametrize("net", [GENERATOR, DISCRIMINATOR])
def test_every_parameter_has_a_gradient(net):
    x = SMALL if net is GENERATOR else jnp.tile(SMALL, (1, 4, 4, 1))
    assert not dead_parameters(net, random_variables(net, x), x)


def test_the_discriminator_gives_a_logit_an_image():
    assert shape_of(DISCRIMINATOR, jnp.zeros((3, 16, 24, 3))) == ((3,), "float32")


def test_vggs_convolutions_have_as_many_parameters_as_torchvisions():
    assert parameter_count(vgg.VGG(), jnp.zeros((1, 32, 32, 3))) == 20_024_384


def test_the_maps_that_are_asked_for_are_given():
    net = vgg.VGG(("conv1_2", "conv3_1"), width=2)
    maps = jax.eval_shape(lambda x: net.init_with_output(jax.random.key(0), x)[0], SMALL)
    assert {n: m.shape for n, m in maps.items()} == {
        "conv1_2": (3, 4, 6, 2),
        "conv3_1": (3, 1, 1, 8),
    }


def test_a_map_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="no map 'conv2_3': from conv1_1 to conv5_4"):
        shape_of(vgg.VGG(("conv2_3",)), SMALL)


def test_torchvisions_weights_are_taken_over():
    random = np.random.default_rng(0)
    state = {
        f"features.{place}.{name}": random.normal(size=shape).astype(np.float32)
        for place, (c, f) in {0: (3, 64), 2: (64, 64), 5: (64, 128)}.items()
        for name, shape in {"weight": (f, c, 3, 3), "bias": (f,)}.items()
    }
    net = vgg.VGG(("conv2_1",))
    params = vgg.from_torch_state_dict(state, net.taps)["params"]
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(
        jnp.shape, net.init(jax.random.key(0), SMALL)["params"]
    )
    kernel = params["conv2_1"]["kernel"]
    np.testing.assert_array_equal(kernel[1, 2], state["features.5.weight"][:, :, 1, 2].T)
    with pytest.raises(UserError, match=r"features\.0\.weight is missing"):
        vgg.from_torch_state_dict({}, net.taps)
