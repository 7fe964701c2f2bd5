import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import dcgan, mlp, patch, residual, stages

KEY = jax.random.key(0)


def shape_of(net, *inputs):
    """Of the output, traced but not computed; its dtype too."""
    variables = jax.eval_shape(lambda: net.init(KEY, *inputs, train=True))
    out = jax.eval_shape(lambda v, *inputs: net.apply(v, *inputs, train=False), variables, *inputs)
    return out.shape, str(out.dtype)


def parameter_count(net, *inputs):
    variables = jax.eval_shape(lambda: net.init(KEY, *inputs, train=True))
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize(("channels", "dtype"), [(1, jnp.float32), (3, jnp.bfloat16)])
@pytest.mark.parametrize("resolution", [8, 14, 16, 28, 32, 56, 64])
def test_dcgan_makes_and_judges_float32_images_of_any_resolution(resolution, channels, dtype):
    image = (2, resolution, resolution, channels)
    generator = dcgan.Generator(resolution, channels, width=2, dtype=dtype)
    assert shape_of(generator, jnp.zeros((2, 5))) == (image, "float32")
    assert shape_of(dcgan.Discriminator(2, dtype=dtype), jnp.zeros(image)) == ((2,), "float32")
    assert shape_of(dcgan.Encoder(6, 2, dtype=dtype), jnp.zeros(image)) == ((2, 6), "float32")


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("shape", [(2,), (7, 5), (8, 8, 3)])
def test_mlp_makes_and_judges_float32_examples_of_any_shape(shape, dtype):
    example = (4, *shape)
    generator = mlp.Generator(shape, (6, 6), dtype=dtype)
    assert shape_of(generator, jnp.zeros((4, 3))) == (example, "float32")
    judge = mlp.Discriminator((6,), dtype=dtype)
    assert shape_of(judge, jnp.zeros(example)) == ((4,), "float32")
    assert shape_of(mlp.Encoder(9, (), dtype=dtype), jnp.zeros(example)) == ((4, 9), "float32")
    judge = mlp.PairDiscriminator((6,), dtype=dtype)
    assert shape_of(judge, jnp.zeros(example), jnp.zeros((4, 3))) == ((4,), "float32")


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(
    ("side", "layers", "patches"), [(64, 3, 8), (32, 2, 8), (28, 2, 7), (16, 1, 8)]
)
def test_patch_discriminator_gives_a_float32_logit_a_patch(side, layers, patches, dtype):
    net = patch.Discriminator(4, layers, dtype)
    assert shape_of(net, jnp.zeros((2, side, side, 3))) == ((2, patches, patches), "float32")


def test_patch_discriminator_of_three_layers_sees_seventy_pixels_square():
    net = patch.Discriminator(width=1, layers=3)
    assert receptive_side([(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)]) == 70
    kernels = jax.eval_shape(lambda: net.init(KEY, jnp.zeros((1, 64, 64, 3)), train=True))
    shapes = [kernels["params"][f"Conv_{i}"]["kernel"].shape for i in range(5)]
    assert shapes == [(4, 4, 3, 1), (4, 4, 1, 2), (4, 4, 2, 4), (4, 4, 4, 8), (4, 4, 8, 1)]


@pytest.mark.parametrize(
    ("net", "expected"),
    [(residual.Translator(), 11_378_179), (patch.Discriminator(), 2_764_737)],
    ids=["ResNet-9", "PatchGAN-70"],
)
def test_cyclegans_nets_have_as_many_parameters_as_the_authors_code(net, expected):
    """Github.com/junyanz/pytorch-CycleGAN-and-pix2pix: `resnet_9blocks` and `basic`."""
    assert parameter_count(net, jnp.zeros((1, 256, 256, 3))) == expected


def receptive_side(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("kernel", [3, 4, 7])
@pytest.mark.parametrize("size", [(16, 16), (28, 12)])
def test_translator_keeps_the_images_size(size, kernel, dtype):
    net = residual.Translator(1, width=2, blocks=1, kernel=kernel, dtype=dtype)
    assert shape_of(net, jnp.zeros((2, *size, 3))) == ((2, *size, 1), "float32")


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [(8, (4, 1)), (14, (7, 1)), (16, (4, 2)), (28, (7, 2)), (56, (7, 3)), (64, (4, 4))],
)
def test_base_and_stages_reach_the_resolution(resolution, expected):
    assert stages.base_and_stages(resolution) == expected


@pytest.mark.parametrize("resolution", [0, 1, 4, 7, 12, 24, 33, 96])
def test_other_resolutions_are_refused_by_name(resolution):
    with pytest.raises(ValueError, match=f"resolution {resolution} "):
        stages.base_and_stages(resolution)


def test_dcgan_has_the_parameters_of_a_count_by_hand():
    z, width, channels = 10, 4, 3  # 32² pixels: a base of 4² and three stages
    generator = (
        z * 16 * 16 + 2 * 16  # dense, to 4 x 4 x 16, and its normalisation
        + 16 * 16 * 8 + 2 * 8  # 4 x 4 kernels from here on
        + 16 * 8 * 4 + 2 * 4
        + 16 * 4 * channels + channels
    )  # fmt: skip
    discriminator = (
        16 * channels * 4 + 4
        + 16 * 4 * 8 + 2 * 8
        + 16 * 8 * 16 + 2 * 16
        + 16 * 16 + 1  # from 4 x 4 x 16 to the logit
    )  # fmt: skip
    image = jnp.zeros((1, 32, 32, channels))
    assert parameter_count(dcgan.Generator(32, channels, width), jnp.zeros((1, z))) == generator
    assert parameter_count(dcgan.Discriminator(width), image) == discriminator


LATENT, POINTS, IMAGES = (jax.random.normal(KEY, shape) for shape in [(3, 4), (3, 2), (3, 8, 8, 1)])
CONDITIONAL = {
    "mlp generator": (mlp.Generator((2,), (5,), num_classes=3), LATENT),
    "mlp discriminator": (mlp.Discriminator((5,), num_classes=3), POINTS),
    "dcgan generator": (dcgan.Generator(8, 1, 4, num_classes=3), LATENT),
    "dcgan discriminator": (dcgan.Discriminator(4, num_classes=3), IMAGES),
}


@pytest.mark.parametrize("name", CONDITIONAL)
def test_conditional_net_reads_each_examples_label(name):
    net, x = CONDITIONAL[name]
    same = jnp.zeros(3, jnp.int32)
    variables = net.init(KEY, x, same, train=True)
    run = lambda label: np.asarray(net.apply(variables, x, label, train=False)).reshape(3, -1)
    differs = np.any(run(same) != run(same.at[1].set(2)), axis=1)
    np.testing.assert_array_equal(differs, [False, True, False])


@pytest.mark.parametrize("name", CONDITIONAL)
def test_conditional_net_refuses_to_go_without_a_label(name):
    net, x = CONDITIONAL[name]
    with pytest.raises(ValueError, match="num_classes=3 needs a label"):
        net.init(KEY, x, train=True)


@pytest.mark.parametrize(
    ("net", "x"),
    [
        (mlp.Generator((2,), (5,)), 100 * LATENT),
        (dcgan.Generator(8, 1, 4), 100 * LATENT),
        (residual.Translator(1, 2, blocks=1), 100 * IMAGES),
    ],
    ids=["mlp", "dcgan", "translator"],
)
def test_images_lie_between_minus_one_and_one(net, x):
    images = net.apply(net.init(KEY, x, train=True), x, train=False)
    assert float(jnp.max(jnp.abs(images))) <= 1


def test_an_mlps_last_activation_can_be_left_out():
    net = mlp.Generator((2,), (5,), final=None)
    points = net.apply(net.init(KEY, LATENT, train=True), 1000 * LATENT, train=False)
    assert float(jnp.max(jnp.abs(points))) > 10


@pytest.mark.parametrize(
    "net",
    [mlp.Encoder(2, (4,), batch_norm=True), mlp.Generator((2,), (4,), final=None, batch_norm=True)],
    ids=["encoder", "generator"],
)
def test_an_mlp_normalises_its_hidden_layers_where_asked(net):
    x = 3 + jax.random.normal(KEY, (8, 5))
    variables = net.init(KEY, x, train=True)
    first, last = (variables["params"]["MLP_0"][f"Dense_{i}"] for i in range(2))
    hidden = np.float64(x) @ np.float64(first["kernel"])
    hidden = (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + 1e-5)
    expected = np.where(hidden > 0, hidden, 0.2 * hidden) @ np.float64(last["kernel"])
    actual, _ = net.apply(variables, x, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_dcgan_encoder_normalises_only_when_asked(batch_norm):
    x = jnp.zeros((1, 16, 16, 1))
    net = dcgan.Encoder(1, 2, batch_norm)
    variables = jax.eval_shape(lambda: net.init(KEY, x, train=True))
    assert ("batch_stats" in variables) == batch_norm


def test_an_encoder_takes_its_centre_for_nothing():
    net = mlp.Encoder(3, (4,), centre=-1.0)
    black = jnp.full((2, 5), -1.0)
    variables = net.init(jax.random.key(0), black)
    np.testing.assert_array_equal(net.apply(variables, black), np.zeros((2, 3)))


def test_a_generator_begins_at_its_bias():
    net = mlp.Generator((5,), (4,), final=None, bias=-2.0)
    zero = jnp.zeros((2, 3))
    outputs = net.apply(net.init(jax.random.key(0), zero), zero)
    np.testing.assert_array_equal(outputs, np.full((2, 5), -2.0))
