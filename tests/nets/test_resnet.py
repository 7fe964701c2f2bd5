from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from net_checks import KEY, parameter_count, random_variables, shape_of, shapes

from gan_jax import algorithms, losses, penalties, priors
from gan_jax.layers import BatchNorm, Conv, resample
from gan_jax.nets import resnet
from gan_jax.step import init_state, train_step

LATENT, IMAGES = jax.random.normal(KEY, (3, 4)), jax.random.normal(KEY, (3, 8, 8, 1))
LABEL = jnp.array([0, 2, 1])


@pytest.mark.parametrize(("channels", "dtype"), [(1, jnp.float32), (3, jnp.bfloat16)])
@pytest.mark.parametrize("resolution", [8, 14, 16, 28, 32, 56, 64, 128])
def test_makes_and_judges_float32_images_of_any_resolution(resolution, channels, dtype):
    image = (2, resolution, resolution, channels)
    generator = resnet.Generator(resolution, channels, width=2, dtype=dtype)
    assert shape_of(generator, jnp.zeros((2, 5))) == (image, "float32")
    discriminator = resnet.Discriminator(2, dtype=dtype)
    assert shape_of(discriminator, jnp.zeros(image)) == ((2,), "float32")


@pytest.mark.parametrize("resolution", [4, 48, 33])
def test_other_resolutions_are_refused_by_name(resolution):
    with pytest.raises(ValueError, match=f"resolution {resolution} "):
        resnet.Generator(resolution).init(KEY, LATENT, train=True)
    with pytest.raises(ValueError, match=f"resolution {resolution} "):
        resnet.Discriminator(2).init(KEY, jnp.zeros((1, resolution, resolution, 1)), train=True)


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        (28, (256, 256, 256)),
        (32, (256, 256, 256, 256)),
        (64, (64, 128, 256, 512, 1024)),
        (128, (64, 128, 256, 512, 1024, 1024)),
    ],
)
def test_widths_are_those_of_the_papers_tables(resolution, expected):
    assert resnet.widths(resolution, expected[0]) == expected


def conv3(c, f, bias=True):
    return 9 * c * f + f * bias


def conv1(c, f):
    return c * f + f


def up(c, f, classes=1):
    norms = classes * (2 * c + 2 * f)
    return norms + conv3(c, f, bias=False) + conv3(f, f) + conv1(c, f)


def down(c, f, *, first=False):
    return conv3(c, f if first else c) + conv3(f if first else c, f) + conv1(c, f)


def test_parameters_at_32_are_those_of_table_three():
    generator = 128 * 16 * 256 + 16 * 256 + 3 * up(256, 256) + 2 * 256 + conv3(256, 3)
    discriminator = down(3, 128, first=True) + down(128, 128) + 4 * conv3(128, 128) + 128 + 1
    assert parameter_count(resnet.Generator(32), jnp.zeros((1, 128))) == generator
    assert parameter_count(resnet.Discriminator(), jnp.zeros((1, 32, 32, 3))) == discriminator


def test_parameters_at_128_are_those_of_the_table_for_imagenet():
    rising = [(1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64)]
    generator = 128 * 16 * 1024 + 16 * 1024 + sum(up(*cf) for cf in rising) + 2 * 64 + conv3(64, 3)
    falling = [(64, 128), (128, 256), (256, 512), (512, 1024)]
    discriminator = (
        down(3, 64, first=True)
        + sum(down(*cf) for cf in falling)
        + 2 * conv3(1024, 1024)
        + 1024 + 1
    )  # fmt: skip
    assert parameter_count(resnet.Generator(128), jnp.zeros((1, 128))) == generator
    assert parameter_count(resnet.Discriminator(), jnp.zeros((1, 128, 128, 3))) == discriminator


def test_classes_have_scales_and_biases_in_the_blocks_and_a_projection():
    plain, conditional = (resnet.Generator(32, num_classes=n) for n in (None, 10))
    difference = parameter_count(conditional, jnp.zeros((1, 128)), jnp.zeros(1, jnp.int32))
    difference -= parameter_count(plain, jnp.zeros((1, 128)))
    assert difference == 3 * (up(256, 256, classes=10) - up(256, 256))
    plain, conditional = (resnet.Discriminator(num_classes=n) for n in (None, 10))
    image = jnp.zeros((1, 32, 32, 3))
    difference = parameter_count(conditional, image, jnp.zeros(1, jnp.int32))
    assert difference - parameter_count(plain, image) == 10 * 128


def test_every_kernel_of_the_discriminator_and_nothing_else_is_normalised():
    variables = shapes(resnet.Discriminator(num_classes=10), IMAGES, LABEL)
    assert set(variables) == {"params", "spectral"}
    kernels = [leaf for leaf in jax.tree.leaves(variables["params"]) if leaf.ndim > 1]
    vectors = jax.tree.leaves(variables["spectral"])
    last_axes = sorted(leaf.shape[-1] for leaf in kernels)
    assert sorted(leaf.shape[0] for leaf in vectors) == last_axes
    assert set(shapes(resnet.Discriminator(spectral=False), IMAGES)) == {"params"}
    assert set(shapes(resnet.Generator(8), LATENT)) == {"params", "batch_stats"}


def plain_upsample(x):
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def plain_downsample(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def test_resampling_is_nearest_neighbours_and_the_mean():
    x = jax.random.normal(KEY, (2, 4, 6, 3))
    np.testing.assert_array_equal(resample.repeat_pixels(x), plain_upsample(x))
    np.testing.assert_allclose(resample.mean_pool(x), plain_downsample(x), atol=1e-6)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("name", ["UpsampleConv", "ConvDownsample"])
def test_fused_convolutions_are_those_of_two_steps_to_two_derivatives(
    name, kernel, assert_trees_match
):
    x = jax.random.normal(KEY, (2, 6, 4, 3))
    plain = Conv(5, (kernel, kernel))
    params = {"params": {"kernel": jax.random.normal(KEY, (kernel, kernel, 3, 5)) / 3}}
    params["params"]["bias"] = jnp.arange(5.0)
    two_steps = {
        "UpsampleConv": lambda p, x: plain.apply(p, plain_upsample(x)),
        "ConvDownsample": lambda p, x: plain_downsample(plain.apply(p, x)),
    }[name]
    fused = getattr(resnet, name)(5, (kernel, kernel)).apply

    @partial(jax.jit, static_argnums=0)
    def derivatives(run):
        scalar = lambda p, x: jnp.sum(jnp.sin(run(p, x)))
        first = jax.grad(scalar, argnums=(0, 1))
        norm = lambda p, x: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(first(p, x)))
        return run(params, x), first(params, x), jax.grad(norm, argnums=(0, 1))(params, x)

    assert_trees_match(derivatives(fused), derivatives(two_steps), rtol=1e-5)


def plain_convolution(p, x):
    y = jax.lax.conv_general_dilated(
        x, p["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y + p.get("bias", jnp.zeros(1)).reshape(1, 1, 1, -1)


def test_generator_is_the_equations_of_the_paper():
    """In evaluation, written out block by block, convolving the doubled map as the paper does."""
    net = resnet.Generator(16, 3, width=4, num_classes=3)
    variables = random_variables(net, LATENT, LABEL)
    p, stats = variables["params"], variables["batch_stats"]

    def activate(i, x):
        scale, bias = p[f"BatchNorm_{i}"]["scale"], p[f"BatchNorm_{i}"]["bias"]
        row = lambda a: a[LABEL][:, None, None] if a.ndim == 2 else a.reshape(1, 1, 1, -1)
        of = lambda s: stats[f"BatchNorm_{i}"][s].reshape(1, 1, 1, -1)
        x = (x - of("mean")) / jnp.sqrt(of("var") + 1e-5)
        return jnp.maximum(x * row(scale) + row(bias), 0)

    kernels = (p[name] for name in ("UpsampleConv_0", "Conv_0", "Conv_1"))
    blocks = [tuple(kernels), (p["UpsampleConv_1"], p["Conv_2"], p["Conv_3"])]
    x = LATENT @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"].reshape(1, -1)
    x = x.reshape(3, 4, 4, 4)
    for i, (first, second, shortcut) in enumerate(blocks):
        y = plain_convolution(first, plain_upsample(activate(2 * i, x)))
        y = plain_convolution(second, activate(2 * i + 1, y))
        x = plain_convolution(shortcut, plain_upsample(x)) + y
    expected = jnp.tanh(plain_convolution(p["Conv_4"], activate(4, x)))
    actual = jax.jit(partial(net.apply, train=False))(variables, LATENT, LABEL)
    assert 0.1 < float(jnp.std(expected)) < 0.99
    np.testing.assert_allclose(actual, expected, atol=2e-5)


def test_discriminator_is_the_equations_of_the_paper():
    """Without spectral norms; pooling last, as the paper does."""
    net = resnet.Discriminator(4, num_classes=3, spectral=False)
    x = jax.random.normal(KEY, (3, 16, 16, 1))
    variables = random_variables(net, x, LABEL)
    p = variables["params"]
    relu = lambda x: jnp.maximum(x, 0)
    convolve = lambda name, x: plain_convolution(p[name], x)
    h = convolve("ConvDownsample_0", relu(convolve("Conv_0", x)))
    h = plain_downsample(h) + plain_downsample(convolve("Conv_1", x))
    y = convolve("ConvDownsample_1", relu(convolve("Conv_2", relu(h))))
    h = plain_downsample(y) + plain_downsample(convolve("Conv_3", h))
    h = h + convolve("Conv_5", relu(convolve("Conv_4", relu(h))))
    h = h + convolve("Conv_7", relu(convolve("Conv_6", relu(h))))
    features = jnp.sum(relu(h), axis=(1, 2))
    head = p["Head_0"]
    rows = head["Dense_0"]["kernel"].T + head["Embed_0"]["embedding"][LABEL]
    expected = jnp.sum(rows * features, axis=1) + head["Dense_0"]["bias"]
    actual = jax.jit(partial(net.apply, train=False))(variables, x, LABEL)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


NETS = {
    "generator": (resnet.Generator(8, 1, 4, num_classes=3), LATENT),
    "discriminator": (resnet.Discriminator(4, num_classes=3), IMAGES),
}
every_net = pytest.mark.parametrize("name", NETS)


@every_net
def test_conditional_net_reads_each_examples_label(name):
    net, x = NETS[name]
    same = jnp.zeros(3, jnp.int32)
    variables = random_variables(net, x, same)
    judge = jax.jit(partial(net.apply, variables, train=False))
    run = lambda label: np.asarray(judge(x, label)).reshape(3, -1)
    differs = np.any(run(same) != run(same.at[1].set(2)), axis=1)
    np.testing.assert_array_equal(differs, [False, True, False])


@every_net
def test_conditional_net_refuses_to_go_without_a_label(name):
    net, x = NETS[name]
    with pytest.raises(ValueError, match="num_classes=3 needs a label"):
        shapes(net, x)


@pytest.mark.parametrize("train", [False, True])
def test_conditional_batch_norm_is_that_of_each_class_where_its_examples_are(train):
    x = jax.random.normal(KEY, (3, 2, 2, 5))
    conditional, plain = BatchNorm(num_classes=3), BatchNorm()
    variables = random_variables(conditional, x, LABEL)
    run = partial(conditional.apply, train=train, mutable=["batch_stats"])
    y, after = run(variables, x, LABEL)
    for i, label in enumerate(LABEL):
        of_class = jax.tree.map(lambda rows, k=label: rows[k], variables["params"])
        expected, plain_after = plain.apply(
            {**variables, "params": of_class}, x, train=train, mutable=["batch_stats"]
        )
        np.testing.assert_allclose(y[i], expected[i], atol=1e-6)
        jax.tree.map(np.testing.assert_array_equal, after, plain_after)


@every_net
def test_every_parameter_has_a_gradient(name):
    net, x = NETS[name]
    variables = random_variables(net, x, LABEL)

    @jax.jit
    @jax.grad
    def gradients(params):
        y, _ = net.apply(
            {**variables, "params": params}, x, LABEL, train=True, mutable=list(variables)
        )
        return jnp.sum(jnp.sin(3 * y + jnp.arange(3).reshape(-1, *(1,) * (y.ndim - 1))))

    grads = gradients(variables["params"])
    dead = [k for k, leaf in jax.tree.leaves_with_path(grads) if not np.any(np.abs(leaf) > 1e-6)]
    assert dead == []


def test_bfloat16_is_near_float32_and_keeps_parameters_and_statistics_in_it():
    for net, x in NETS.values():
        variables = random_variables(net, x, LABEL)
        run = lambda net, v=variables, x=x: net.apply(
            v, x, LABEL, train=True, mutable=["batch_stats", "spectral"]
        )
        (y, _), (low, after) = run(net), run(net.clone(dtype=jnp.bfloat16))
        assert {leaf.dtype for leaf in jax.tree.leaves((low, after))} == {jnp.dtype("float32")}
        assert np.any(low != y)
        np.testing.assert_allclose(low, y, atol=0.05 * float(jnp.max(jnp.abs(y))))


def test_discriminator_judges_real_and_fake_together_as_apart():
    net = resnet.Discriminator(4)
    real, fake = IMAGES, 2 * IMAGES[::-1] + 0.3
    variables = net.init(KEY, real, train=True)
    run = lambda x: net.apply(variables, x, train=True, mutable=["spectral"])
    (together, after), (first, after_real), (second, _) = map(
        run, (jnp.concatenate([real, fake]), real, fake)
    )
    np.testing.assert_allclose(together, jnp.concatenate([first, second]), rtol=1e-4, atol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, after, after_real)


def test_plays_the_hinge_game_with_labels_and_a_penalty():
    game = algorithms.gan(
        resnet.Generator(8, 1, 4, num_classes=3),
        resnet.Discriminator(4, num_classes=3),
        prior=priors.normal(4),
        loss=losses.HINGE,
        penalties=[penalties.R1(1.0)],
        conditional=True,
    )
    batch = {"x": IMAGES, "label": LABEL}
    optimizers = {name: optax.adam(1e-3, b1=0.0) for name in ("generator", "discriminator")}
    state = init_state(game, optimizers, KEY, batch)
    step = jax.jit(partial(train_step, game))
    for _ in range(2):
        before = state
        state, metrics = step(state, jax.tree.map(lambda leaf: leaf[None], batch))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((state.players, metrics)))
    assert metrics["discriminator/penalty"] > 0
    for name, collection in (("generator", "batch_stats"), ("discriminator", "spectral")):
        old, new = (s.players[name].stats[collection] for s in (before, state))
        moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)) or a.size == 1, old, new)
        assert jax.tree.all(moved), name
