"""What a newcomer would write: each idea in one short file, with the library as it is."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import data, loop, parallel
from gan_jax.step import init_state

HERE = Path(__file__).parent
KEY = jax.random.key(0)
SIZE, STEPS = 8, 3


def load(name):
    spec = importlib.util.spec_from_file_location(f"newcomer_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


iris_cgan = load("iris_cgan")
GAMES = {"iris_cgan": (lambda: iris_cgan.make_game(hidden=(6,)), data.iris("test"))}


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


def test_an_iris_is_drawn_of_the_species_that_is_asked_for():
    game = iris_cgan.make_game(hidden=(6,))
    players = game.init(KEY, data.first(data.iris("train"), 4))
    label = np.array([0, 1, 2, 1], np.int32)
    samples = iris_cgan.draw(game, players, label)
    others = iris_cgan.draw(game, players, np.array([0, 1, 1, 2], np.int32))
    assert samples.shape == (4, 4)
    np.testing.assert_array_equal(np.any(samples != others, axis=1), [False, False, True, True])
