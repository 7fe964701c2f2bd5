"""What a newcomer would write: each idea in one short file, with the library as it is."""

import importlib.util
from functools import partial
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import algorithms, data, loop, losses, nets, parallel, priors, prng
from gan_jax.game import View
from gan_jax.step import init_state, train_step

HERE = Path(__file__).parent
KEY = jax.random.key(0)
SIZE, STEPS = 8, 3


def load(name):
    spec = importlib.util.spec_from_file_location(f"newcomer_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


acgan, aae, gman, iris_cgan, unrolled = map(load, ("acgan", "aae", "gman", "iris_cgan", "unrolled"))
RING = data.ring(64, seed=0)
GAMES = {
    "acgan": (lambda: acgan.make_game(hidden=(6,), latent_dim=3), data.digits("test")),
    "aae": (lambda: aae.make_game(hidden=(6,)), data.digits("test")),
    "gman": (lambda: gman.make_game(hidden=(6,), sharpness=1.0), RING),
    "iris_cgan": (lambda: iris_cgan.make_game(hidden=(6,)), data.iris("test")),
    "unrolled": (lambda: unrolled.make_game(hidden=(6,), latent_dim=3, steps=2), RING),
}


def test_every_file_here_is_played():
    assert sorted(GAMES) == sorted(p.stem for p in HERE.glob("*.py") if p != Path(__file__))


@pytest.mark.parametrize("name", GAMES)
def test_an_idea_fits_into_ninety_lines_of_the_public_library(name):
    text = (HERE / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 90
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in imports if "._" in line or "import _" in line]


def played(name, count):
    """The first state, the last, and the metrics on so many devices."""
    make, dataset = GAMES[name]
    game = make()
    optimizers = {turn.player: optax.sgd(0.1) for turn in game.turns}
    start = init_state(game, optimizers, KEY, data.first(dataset, 2))
    loader = data.make_loader(dataset, batch_size=SIZE, steps_per_call=STEPS, seed=0)
    devices = jax.local_devices()[:count]
    calls = loop.play(game, start, loader, steps=STEPS, steps_per_call=STEPS, devices=devices)
    ((_, state, metrics),) = calls
    return start, *parallel.unreplicate((state, metrics))


@pytest.mark.parametrize("name", GAMES)
def test_every_player_moves_and_two_devices_are_one(name, assert_trees_match):
    start, after, metrics = played(name, 1)
    assert all(np.isfinite(value).all() for value in metrics.values())
    for player in start.players:
        old, new = start.players[player].params, after.players[player].params
        moved = [jnp.any(a != b) for a, b in zip(*map(jax.tree.leaves, (old, new)), strict=True)]
        assert all(moved), player
    _, on_two, metrics_on_two = played(name, 2)
    assert_trees_match(on_two.variables(ema=False), after.variables(ema=False), rtol=1e-4)
    assert_trees_match(metrics_on_two, metrics, rtol=1e-4)


def view_of(game, dataset):
    batch, keys_ = data.first(dataset, SIZE), prng.per_example(KEY, SIZE)
    players = game.init(KEY, batch)
    return View(players, {**batch, **game.inputs(keys_, batch)}, keys_)


def test_an_auxiliary_classifier_learns_and_is_reported():
    make, dataset = GAMES["acgan"]
    game, batch = make(), data.first(dataset, 50)
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.adam(1e-2))
    state = init_state(game, optimizers, KEY, batch)
    once = {name: jnp.asarray(column)[None] for name, column in batch.items()}
    step = lambda state, _: train_step(game, state, once)
    last, metrics = jax.jit(lambda state: jax.lax.scan(step, state, length=100))(state)
    assert metrics["discriminator/class"][-1] < 0.7 * metrics["discriminator/class"][0]
    found = [game.metrics(s.variables(), batch, prng.per_example(KEY, 50)) for s in (state, last)]
    assert found[1]["accuracy"] > found[0]["accuracy"] + 0.2
    assert set(found[0]) == {"accuracy", "real_logit", "real_sign"}


def test_an_adversarial_autoencoders_prior_moves_its_encoder_alone():
    game = GAMES["aae"][0]()
    view = view_of(game, GAMES["aae"][1])
    mine = view.players["autoencoder"]

    def slopes(turn):
        loss = lambda params: turn.loss(
            view._replace(players={**view.players, "autoencoder": {**mine, "params": params}})
        )[0]
        return jax.grad(loss)(mine["params"])

    by_name = {turn.name: turn for turn in game.turns}
    regularised = slopes(by_name["regularisation"])
    assert optax.tree.norm(regularised["encoder"]) > 0
    assert optax.tree.norm(regularised["decoder"]) == 0
    assert all(optax.tree.norm(part) > 0 for part in slopes(by_name["reconstruction"]).values())
    shown = game.show(view.players, view.batch, view.keys)
    error = np.mean((shown["reconstruction"] - shown["input"]) ** 2)
    np.testing.assert_allclose(by_name["reconstruction"].loss(view)[0], error, rtol=1e-5)


@pytest.mark.parametrize("sharpness", [0.0, 5.0])
def test_several_equal_discriminators_are_as_one(sharpness):
    game = gman.make_game(hidden=(6,), sharpness=sharpness)
    single = algorithms.gan(
        nets.mlp.Generator((2,), (6,), final=None),
        nets.mlp.Discriminator((6,)),
        prior=priors.normal(2),
    )
    view = view_of(single, RING)
    one = view.players["discriminator"]["params"]
    inner = jax.tree.map(lambda w: jnp.stack([w] * 3), one)
    outer = game.init(KEY, data.first(RING, SIZE))["discriminator"]["params"]
    (name,) = outer
    assert jax.tree.map(jnp.shape, outer[name]) == jax.tree.map(jnp.shape, inner)
    several = {**view.players, "discriminator": {"params": {name: inner}}}
    for turn, plain, times in zip(game.turns, single.turns, (3, 1), strict=True):
        value = turn.loss(view._replace(players=several))[0]
        np.testing.assert_allclose(value, times * plain.loss(view)[0], rtol=1e-5)


def test_the_sharper_the_softmax_the_more_the_strictest_discriminator_counts():
    values = []
    for sharpness in (0.0, 2.0, 1e3):
        game = gman.make_game(hidden=(6,), sharpness=sharpness)
        view = view_of(game, RING)
        values.append(float(game.turns[1].loss(view)[0]))
    fake = game.sample(view.players, view.batch)
    logits = gman.Ensemble((6,), 3).apply(view.players["discriminator"], fake)
    each = np.mean(losses.NON_SATURATING.generator(logits), axis=0)
    np.testing.assert_allclose(values[0], each.mean(), rtol=1e-5)
    np.testing.assert_allclose(values[2], each.max(), rtol=1e-5)
    assert values[0] < values[1] < values[2]


def test_an_iris_is_drawn_of_the_species_that_is_asked_for():
    game = iris_cgan.make_game(hidden=(6,))
    players = game.init(KEY, data.first(data.iris("train"), 4))
    label = np.array([0, 1, 2, 1], np.int32)
    samples = iris_cgan.draw(game, players, label)
    others = iris_cgan.draw(game, players, np.array([0, 1, 1, 2], np.int32))
    assert samples.shape == (4, 4)
    np.testing.assert_array_equal(np.any(samples != others, axis=1), [False, False, True, True])


class At(nn.Module):
    """Every sample at θ."""

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        return jnp.ones((len(latent), 1)) * self.param("theta", nn.initializers.constant(0.7), ())


class Slope(nn.Module):
    """The logit ψ x."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x[:, 0] * self.param("psi", nn.initializers.constant(-0.4), ())


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_generator_foresees_a_linear_critics_steps(steps):
    rate = 0.1
    plain = algorithms.gan(At(), Slope(), prior=priors.normal(1), loss=losses.WASSERSTEIN)
    game = unrolled.unroll(plain, steps, rate)
    batch = {"x": jnp.zeros((SIZE, 1))}
    state = init_state(
        game, dict.fromkeys(("generator", "discriminator"), optax.sgd(1.0)), KEY, batch
    )
    only = game._replace(turns=game.turns[1:])
    state, metrics = jax.jit(partial(train_step, only))(state, {"x": batch["x"][None]})
    # D descends ψ θ to ψ - k r θ; G descends -(ψ - k r θ) θ, whose slope is -ψ + 2 k r θ.
    theta, psi = 0.7, -0.4
    value, slope = -(psi - steps * rate * theta) * theta, -psi + 2 * steps * rate * theta
    np.testing.assert_allclose(metrics["generator/loss"], value, rtol=1e-5)
    after = state.players["generator"].params["theta"]
    np.testing.assert_allclose(after, theta - slope, rtol=1e-5, atol=1e-6)
