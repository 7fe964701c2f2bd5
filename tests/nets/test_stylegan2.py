"""The nets of StyleGAN2; their layers are in tests/layers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from net_checks import (
    KEY,
    by_taps,
    dead_parameters,
    filtered,
    parameter_count,
    random_variables,
    shape_of,
    shapes,
    touched,
    zeros_between,
)

from gan_jax import algorithms, penalties, priors, prng
from gan_jax.nets import stylegan2
from gan_jax.step import init_state, train_step
from gan_jax.types import UserError

KEYS = prng.per_example(KEY, 4)
LABEL = jnp.array([0, 2, 1, 2])
LATENT, IMAGES = jax.random.normal(KEY, (4, 6)), jax.random.normal(KEY, (4, 8, 8, 1))
SMALL = {"channel_base": 64, "channel_max": 8}
G = stylegan2.Generator(8, 1, style=5, layers=2, num_classes=3, **SMALL)
D = stylegan2.Discriminator(group=2, num_classes=3, **SMALL)


@pytest.mark.parametrize(
    ("resolution", "channel_base", "generator", "discriminator"),
    [
        (1024, 32_768, 30_370_060, 29_012_513),
        (256, 32_768, 30_034_338, 28_864_129),
        (256, 16_384, 24_767_458, 24_001_089),
    ],
)
def test_parameters_are_those_published(resolution, channel_base, generator, discriminator):
    """30.37 and 29.01 million, 30.03 and 28.86, 24.77 and 24.00."""
    image = jnp.zeros((1, resolution, resolution, 3))
    net = stylegan2.Generator(resolution, channel_base=channel_base)
    assert parameter_count(net, jnp.zeros((1, 512))) == generator
    net = stylegan2.Discriminator(channel_base=channel_base)
    assert parameter_count(net, image) == discriminator


@pytest.mark.parametrize("resolution", [8, 16, 28, 32, 64])
def test_makes_and_judges_images(resolution):
    image = (2, resolution, resolution, 3)
    generator = stylegan2.Generator(resolution, style=5, layers=1, **SMALL)
    assert shape_of(generator, jnp.zeros((2, 6))) == (image, "float32")
    assert shape_of(stylegan2.Discriminator(**SMALL), jnp.zeros(image)) == ((2,), "float32")


def test_other_resolutions_are_refused_by_name():
    with pytest.raises(UserError, match="resolution 24 is neither 4 nor 7"):
        shapes(stylegan2.Generator(24, **SMALL), LATENT)
    with pytest.raises(UserError, match="resolution 24 is neither 4 nor 7"):
        shapes(stylegan2.Discriminator(**SMALL), jnp.zeros((2, 24, 24, 1)))


@pytest.mark.parametrize(
    ("net", "x"), [(G, LATENT), (D, IMAGES)], ids=["generator", "discriminator"]
)
def test_a_net_of_classes_needs_a_label(net, x):
    with pytest.raises(ValueError, match="num_classes=3 needs a label"):
        shapes(net, x)


def exact(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def leaky(x):
    return np.sqrt(2) * np.maximum(x, 0.2 * x)


def dense(x, p, rate=1.0):
    return x @ p["kernel"] * rate / np.sqrt(x.shape[1]) + p["bias"] * rate


def doubled(x):
    return 4 * filtered(zeros_between(x), (1, 3, 3, 1), 2, 1)


def test_the_generator_is_the_equations_of_the_paper():
    """In evaluation, in NumPy, without noise: mapping, truncation, stages and what they show.

    Every layer has a style of its own but what the smaller map shows, which has the next one's.
    """
    net = G.clone(truncation=0.6)
    variables = random_variables(net, LATENT, LABEL, spread=1.0)
    for i in range(3):
        variables["params"]["synthesis"][f"StyledConv_{i}"]["strength"] = jnp.zeros(())
    p, average = exact(variables["params"]), exact(variables["batch_stats"]["style"])
    unit = lambda x: x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)
    code = p["mapping"]["Embed_0"]["embedding"][LABEL]
    style = np.concatenate([unit(np.asarray(LATENT, np.float64)), unit(code)], axis=1)
    for i in range(2):
        style = leaky(dense(style, p["mapping"][f"EqualisedDense_{i}"], 0.01))
    style = average + 0.6 * (style - average)
    styles = jax.jit(partial(net.apply, method="styles"))(variables, LATENT, LABEL)
    np.testing.assert_allclose(styles, np.repeat(style[:, None], 4, axis=1), rtol=1e-4, atol=1e-5)
    styles = style[:, None] + np.random.default_rng(0).normal(size=(4, 4, 5))

    def modulated(x, p, layer, up=False, demodulate=True):
        style = styles[:, layer]
        rows = []
        for image, scale in zip(x, dense(style, p["EqualisedDense_0"]), strict=True):
            w = p["kernel"] / np.sqrt(p["kernel"][..., 0].size) * scale[:, None]
            w = w / np.sqrt(np.sum(w**2, axis=(0, 1, 2)) + 1e-8) if demodulate else w
            if up:
                wide = by_taps(zeros_between(image[None])[:, :-1, :-1], w, 2)
                rows.append(4 * filtered(wide, (1, 3, 3, 1), 1, 1))
            else:
                rows.append(by_taps(image[None], w, len(w) // 2))
        return np.concatenate(rows) + p["bias"]

    s = p["synthesis"]
    x = np.broadcast_to(s["start"], (4, *s["start"].shape))
    x = leaky(modulated(x, s["StyledConv_0"]["ModulatedConv_0"], 0))
    image = modulated(x, s["ModulatedConv_0"], 1, demodulate=False)
    x = leaky(modulated(x, s["StyledConv_1"]["ModulatedConv_0"], 1, up=True))
    x = leaky(modulated(x, s["StyledConv_2"]["ModulatedConv_0"], 2))
    image = doubled(image) + modulated(x, s["ModulatedConv_1"], 3, demodulate=False)
    expected = np.clip(image, -1, 1)
    synthesise = jax.jit(partial(net.apply, method="synthesise"))
    actual = synthesise(variables, jnp.asarray(styles, jnp.float32))
    assert np.mean(np.abs(expected) < 1) > 0.1
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_the_discriminator_is_the_equations_of_the_paper():
    """In training, in NumPy, in groups of two."""
    variables = random_variables(D, IMAGES, LABEL, spread=1.0)
    p = exact(variables["params"])

    def conv(x, name, pad, stride=1):
        w = p[name]["kernel"] / np.sqrt(p[name]["kernel"][..., 0].size)
        return by_taps(x, w, pad, stride) + p[name].get("bias", 0)

    x = leaky(conv(np.asarray(IMAGES, np.float64), "EqualisedConv_0", 0))
    y = leaky(conv(x, "EqualisedConv_1", 1))
    y = leaky(conv(filtered(y, (1, 3, 3, 1), 2, 2), "EqualisedConv_2", 0, 2))
    halved = filtered(x, (1, 3, 3, 1), 1, 1)[:, ::2, ::2]
    x = (y + conv(halved, "EqualisedConv_3", 0)) / np.sqrt(2)
    spreads = [np.mean(np.sqrt(np.var(x[i : i + 2], axis=0) + 1e-8)) for i in (0, 2)]
    channel = np.repeat(spreads, 2)[:, None, None, None] * np.ones((1, 4, 4, 1))
    x = leaky(conv(np.concatenate([x, channel], axis=-1), "EqualisedConv_4", 1))
    x = leaky(dense(x.reshape(4, -1), p["EqualisedDense_0"])) / np.sqrt(8)
    head = p["Head_0"]
    rows = head["Dense_0"]["kernel"].T + head["Embed_0"]["embedding"][LABEL]
    expected = np.sum(rows * x, axis=1) + head["Dense_0"]["bias"]
    actual = jax.jit(partial(D.apply, train=True))(variables, IMAGES, LABEL)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_every_parameter_has_a_gradient():
    variables = random_variables(G, LATENT, LABEL, spread=1.0)
    assert dead_parameters(G, variables, LATENT, LABEL, keys=KEYS) == []
    variables = random_variables(D, IMAGES, LABEL, spread=1.0)
    assert dead_parameters(D, variables, IMAGES, LABEL) == []


def test_an_image_depends_on_its_own_latent_label_and_key_alone():
    variables = random_variables(G, LATENT, LABEL)
    run = jax.jit(lambda x, label, keys: G.apply(variables, x, label, False, keys))
    inputs, one = [LATENT, LABEL, KEYS], [False, True, False, False]
    for i, other in enumerate([LATENT[::-1], LABEL.at[1].set(1), prng.fold_in(KEYS, 1)]):
        assert touched(run, inputs, [*inputs[:i], other, *inputs[i + 1 :]]) == one
    fixed = jax.jit(lambda x, label: G.apply(variables, x, label, False))
    assert touched(fixed, inputs[:2], [LATENT[::-1], LABEL]) == one


def test_without_keys_the_noise_of_evaluation_is_one_for_all_and_training_is_refused():
    variables = random_variables(G, LATENT, LABEL, spread=1.0)
    same, label = jnp.broadcast_to(LATENT[:1], LATENT.shape), LABEL.at[:].set(0)
    fixed = np.asarray(G.apply(variables, same, label, False))
    drawn = np.asarray(G.apply(variables, same, label, False, KEYS))
    np.testing.assert_allclose(fixed[1:], fixed[:-1], atol=1e-6)
    assert all(np.any(np.abs(drawn[i] - drawn[0]) > 1e-3) for i in (1, 2, 3))
    with pytest.raises(ValueError, match="draws, and needs keys"):
        G.apply(variables, LATENT, LABEL, True, mutable=["batch_stats"])


def test_logits_depend_on_the_images_of_their_own_group_alone():
    variables = random_variables(D, IMAGES, LABEL, spread=1.0)
    run = jax.jit(lambda x: D.apply(variables, x, LABEL, True))
    assert touched(run, [IMAGES], [2 * IMAGES]) == [True, True, False, False]


def test_training_is_refused_a_batch_of_broken_groups_and_evaluation_is_not():
    variables = random_variables(D, IMAGES, LABEL)
    with pytest.raises(ValueError, match="batch of 3 examples is not of groups of 2"):
        D.apply(variables, IMAGES[:3], LABEL[:3], True)
    assert D.apply(variables, IMAGES[:3], LABEL[:3], False).shape == (3,)


def test_styles_are_mixed_in_training_alone_from_a_layer_on_and_with_its_probability():
    keys = prng.per_example(KEY, 400)
    latent = jnp.broadcast_to(LATENT[:1], (400, 6))
    label = jnp.zeros(400, jnp.int32)
    variables = random_variables(G, LATENT, LABEL, spread=1.0)
    styles = jax.jit(
        lambda train: G.apply(
            variables, latent, label, train, keys, method="styles", mutable=["batch_stats"]
        )[0],
        static_argnums=0,
    )
    (own, *_), mixed = styles(False), styles(True)
    theirs = np.any(np.abs(mixed - own[None]) > 1e-5, axis=-1)  # [400, 4]
    counts = np.sum(theirs, axis=1)
    for row, count in zip(theirs, counts, strict=True):
        np.testing.assert_array_equal(row, np.arange(4) >= 4 - count)
    np.testing.assert_allclose(np.mean(counts > 0), 0.9, atol=0.05)
    for count in (1, 2, 3):
        np.testing.assert_allclose(np.mean(counts == count), 0.3, atol=0.08)
    assert len(np.unique(np.round(mixed[:, -1], 5), axis=0)) > 300


def test_the_average_style_is_kept_in_training_and_truncation_draws_towards_it():
    variables = random_variables(G, LATENT, LABEL, spread=1.0)
    of = jax.jit(
        lambda net, train: net.apply(
            variables, LATENT, LABEL, train, KEYS, method="styles", mutable=["batch_stats"]
        ),
        static_argnums=(0, 1),
    )
    average = variables["batch_stats"]["style"]
    styles, kept = of(G, False)
    np.testing.assert_array_equal(kept["batch_stats"]["style"], average)
    _, after = of(G.clone(momentum=0.9), True)
    expected = 0.9 * average + 0.1 * jnp.mean(styles[:, 0], axis=0)
    np.testing.assert_allclose(after["batch_stats"]["style"], expected, rtol=1e-5, atol=1e-6)
    nearer, _ = of(G.clone(truncation=0.25), False)
    centre = average[None, None]
    np.testing.assert_allclose(nearer - centre, 0.25 * (styles - centre), rtol=1e-4, atol=1e-6)


def test_images_are_cut_off_at_one_in_evaluation_alone():
    variables = random_variables(G, LATENT, LABEL, spread=2.0)
    styles = G.apply(variables, LATENT, LABEL, method="styles")
    run = lambda train: G.apply(variables, styles, train, KEYS, method="synthesise")
    assert float(jnp.max(jnp.abs(run(True)))) > 1
    np.testing.assert_array_equal(run(False), np.clip(run(True), -1, 1))


@pytest.mark.parametrize(
    ("net", "x"), [(G, LATENT), (D, IMAGES)], ids=["generator", "discriminator"]
)
def test_bfloat16_is_near_and_keeps_parameters_in_float32(net, x):
    variables = random_variables(net, x, LABEL, spread=0.5)
    low_net = net.clone(dtype=jnp.bfloat16)
    y, low = (jax.jit(partial(n.apply, train=False))(variables, x, LABEL) for n in (net, low_net))
    kept = jax.tree.leaves(shapes(low_net, x, LABEL))
    assert {leaf.dtype for leaf in (low, *kept)} == {jnp.dtype("float32")}
    assert np.any(low != y)
    np.testing.assert_allclose(low, y, atol=0.1 * float(jnp.max(jnp.abs(y))))


def test_plays_a_penalised_game_on_groups_and_keeps_its_average_style():
    game = algorithms.gan(
        G,
        D,
        prior=priors.normal(6),
        conditional=True,
        penalties=[penalties.R1(1.0)],
        group=D.group,
    )
    batch = {"x": IMAGES, "label": LABEL}
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.adam(1e-3, b1=0.0))
    state = init_state(game, optimizers, KEY, batch)
    step = jax.jit(partial(train_step, game))
    after, metrics = step(state, jax.tree.map(lambda leaf: leaf[None], batch))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((after.players, metrics)))
    assert metrics["discriminator/penalty"] > 0
    assert np.any(after.players["generator"].stats["batch_stats"]["style"] != 0)
