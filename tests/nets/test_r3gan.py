"""The nets of R3GAN."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from net_checks import (
    KEY,
    dead_parameters,
    drawn,
    parameter_count,
    random_variables,
    shape_of,
    shapes,
    touched,
)

from gan_jax.layers import resample
from gan_jax.nets import r3gan
from gan_jax.types import UserError

LABEL = jnp.array([0, 2, 1])
LATENT, IMAGES = jax.random.normal(KEY, (3, 4)), jax.random.normal(KEY, (3, 8, 8, 1))
SMALL = {"width": 8, "cardinality": 4, "blocks": 1}
NETS = {
    "generator": (r3gan.Generator(8, 1, num_classes=3, **SMALL), LATENT),
    "discriminator": (r3gan.Discriminator(num_classes=3, **SMALL), IMAGES),
}
every_net = pytest.mark.parametrize("name", NETS)


@pytest.mark.parametrize(
    ("resolution", "settings", "generator", "discriminator"),
    [
        (32, {"num_classes": 10}, 20_781_952, 21_280_512 + 769),
        (256, {}, 23_057_952, 23_009_568 + 1),
        (64, {"width": 1536, "full": 64, "num_classes": 1000}, 103.57, 107.21),
    ],
    ids=["cifar10", "ffhq256", "imagenet64"],
)
def test_parameters_are_those_published_but_for_a_logit_of_the_image_alone(
    resolution, settings, generator, discriminator
):
    """20.78 and 21.28 million, 23.06 and 23.01, 103.6 and 107.2."""
    label, image = jnp.zeros(1, jnp.int32), jnp.zeros((1, resolution, resolution, 3))
    found = parameter_count(r3gan.Generator(resolution, **settings), jnp.zeros((1, 64)), label)
    judged = parameter_count(r3gan.Discriminator(**settings), image, label)
    if isinstance(generator, int):
        assert (found, judged) == (generator, discriminator)
    else:
        assert (round(found / 1e6, 2), round(judged / 1e6, 2)) == (generator, discriminator)


@pytest.mark.parametrize("resolution", [8, 16, 28, 32, 64])
def test_makes_and_judges_images(resolution):
    image = (2, resolution, resolution, 3)
    assert shape_of(r3gan.Generator(resolution, **SMALL), jnp.zeros((2, 5))) == (image, "float32")
    assert shape_of(r3gan.Discriminator(**SMALL), jnp.zeros(image)) == ((2,), "float32")


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [(28, (64,) * 3), (32, (64,) * 4), (56, (64, 64, 64, 32)), (256, (64, 64, 64, 64, 32, 16, 8))],
)
def test_widths_are_halved_above_32(resolution, expected):
    assert r3gan.widths(resolution, 64) == expected


def test_resolutions_and_groups_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="resolution 24 is neither 4 nor 7"):
        shapes(r3gan.Generator(24, **SMALL), LATENT)
    with pytest.raises(UserError, match="16 channels are not 3 equal groups"):
        shapes(r3gan.Discriminator(width=8, cardinality=3), IMAGES)
    with pytest.raises(UserError, match="4 channels are not 0 equal groups"):
        shapes(r3gan.Generator(128, width=8, cardinality=2), LATENT)


@every_net
def test_a_net_of_classes_needs_a_label(name):
    net, x = NETS[name]
    with pytest.raises(ValueError, match="num_classes=3 needs a label"):
        shapes(net, x)


def test_a_block_is_the_equations_of_the_paper():
    """Group by group and tap by tap, in NumPy."""
    x = np.asarray(jax.random.normal(KEY, (2, 5, 4, 6)), np.float64)
    stage = r3gan.Stage(groups=3, blocks=1, depth=8)
    params = drawn(jax.eval_shape(stage.init, KEY, jnp.asarray(x, jnp.float32)))["params"]
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    leaky = lambda x: np.maximum(x, 0.2 * x)
    y = leaky(x @ p["Conv_0"]["kernel"][0, 0] + p["Conv_0"]["bias"])  # 12 channels, 4 a group
    y = np.pad(y, [(0, 0), (1, 1), (1, 1), (0, 0)])
    kernel = p["Conv_1"]["kernel"]
    assert kernel.shape == (3, 3, 4, 12)
    groups = [
        sum(
            y[:, i : i + 5, j : j + 4, 4 * g : 4 * g + 4] @ kernel[i, j, :, 4 * g : 4 * g + 4]
            for i in range(3)
            for j in range(3)
        )
        for g in range(3)
    ]
    y = leaky(np.concatenate(groups, axis=-1) + p["Conv_1"]["bias"])
    expected = x + y @ p["Conv_2"]["kernel"][0, 0]
    np.testing.assert_allclose(
        stage.apply({"params": params}, jnp.asarray(x, jnp.float32)), expected, atol=1e-5
    )


def test_initial_values_are_fixups():
    """Of 8 blocks: a zero kernel at the end, others of He's size by 8^(-1/4)."""
    x = jnp.zeros((1, 4, 4, 64))
    params = r3gan.Stage(groups=8, blocks=1, depth=8).init(KEY, x)["params"]
    for name, fan in (("Conv_0", 64), ("Conv_1", 9 * 16)):
        expected = np.sqrt(2 / 1.04 / fan) * 8**-0.25
        np.testing.assert_allclose(np.std(params[name]["kernel"]), expected, rtol=0.03)
    assert not np.any(params["Conv_2"]["kernel"])


def test_the_nets_start_as_their_resampling_alone():
    """Blocks give nothing then: pictures, bilinear interpolation and linear maps are left."""
    generator, discriminator = (net.clone(num_classes=None) for net, _ in NETS.values())
    p = jax.jit(partial(generator.init, train=True))(KEY, LATENT)["params"]
    pictures = (LATENT @ p["Dense_0"]["kernel"])[:, None, None] * p["basis"][None]
    expected = resample.upsample(pictures, (1, 2, 1)) @ p["Conv_0"]["kernel"][0, 0]
    assert float(jnp.std(expected)) > 0.1
    np.testing.assert_allclose(
        generator.apply({"params": p}, LATENT, None, True), expected, atol=1e-5
    )
    p = jax.jit(partial(discriminator.init, train=True))(KEY, IMAGES)["params"]
    x = resample.downsample(IMAGES @ p["Conv_0"]["kernel"][0, 0], (1, 2, 1))
    expected = jnp.sum(x * p["basis"][None], axis=(1, 2)) @ p["Head_0"]["Dense_0"]["kernel"]
    assert float(jnp.std(expected)) > 0.1
    np.testing.assert_allclose(
        discriminator.apply({"params": p}, IMAGES), expected[:, 0], atol=1e-5
    )


@every_net
def test_every_parameter_has_a_gradient_once_the_zeros_are_left(name):
    """At first only a block's last kernel has one, of what the block is made of."""
    net, x = NETS[name]
    variables = random_variables(net, x, LABEL, spread=1.0)
    assert dead_parameters(net, variables, x, LABEL) == []
    fresh = jax.jit(partial(net.init, train=True))(KEY, x, LABEL)
    dead = dead_parameters(net, fresh, x, LABEL)
    inner = {f"['params']['Stage_{i}']['Conv_{k}']" for i in (0, 1) for k in (0, 1)}
    assert {path.rsplit("[", 1)[0] for path in dead} == {p.replace("['params']", "") for p in inner}


@every_net
def test_every_example_has_its_own_output(name):
    net, x = NETS[name]
    variables = random_variables(net, x, LABEL)
    run = jax.jit(partial(net.apply, variables, train=False))
    assert touched(run, [x, LABEL], [2 * x, LABEL]) == [False, True, False]
    assert touched(run, [x, LABEL], [x, LABEL.at[1].set(1)]) == [False, True, False]


def test_images_are_cut_off_at_one_in_evaluation_alone():
    net, latent = NETS["generator"]
    variables = random_variables(net, latent, LABEL, spread=2.0)
    training, evaluation = (net.apply(variables, latent, LABEL, train) for train in (True, False))
    assert float(jnp.max(jnp.abs(training))) > 1
    np.testing.assert_array_equal(evaluation, np.clip(training, -1, 1))


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
