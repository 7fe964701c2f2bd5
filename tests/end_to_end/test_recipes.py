"""Every recipe, in its tiny variant: trains, resumes, and is the same game on two devices."""

from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from experiments import assembly, train
from gan_jax import checkpoints, data, game, parallel
from gan_jax import train as library

RECIPES = sorted(path.stem for path in (Path(__file__).parents[2] / "configs").glob("*.py"))


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("name", RECIPES)
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    name, tiny, tmp_path, monkeypatch, assert_same_bits
):
    path, config = tiny(name)
    unbroken = train.run(path, config, tmp_path / "unbroken")
    save = checkpoints.Checkpoints.save

    def save_and_die(self, *arguments):
        save(self, *arguments)
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoints, "save", save_and_die)
        with pytest.raises(PowerCutError):
            train.run(path, config, tmp_path / "broken")
    resumed = train.run(path, config, tmp_path / "broken")
    assert_same_bits(resumed, unbroken)


@pytest.mark.parametrize("name", RECIPES)
def test_two_devices_give_the_update_of_one(name, tiny):
    path, config = tiny(name)
    if "sync_batch_norm" in config.net:
        config.net.sync_batch_norm = True
    recipe = assembly.load_recipe(path)
    played = recipe.make_game(config)
    source = assembly.make_data(recipe, config, config.data.split)
    loader = data.make_loader(source, batch_size=8, repeats=played.repeats, seed=0)
    # Not Adam: its first steps are the gradients' signs, which rounding flips where they vanish.
    optimizers = {turn.player: optax.sgd(0.1) for turn in played.turns}
    example = assembly.first(source, 2)
    state = game.init_state(played, optimizers, jax.random.key(0), example)
    step = partial(game.train_step, turns=played.turns, axis_name=parallel.AXIS)
    item = next(loader.items(0))

    def after_a_step(devices):
        play = parallel.compile_play(step, loader.fetch, devices)
        resident = parallel.replicate(loader.resident, devices)
        replicated = parallel.replicate(state, devices)
        final, metrics = play(replicated, resident, parallel.shard(item, len(devices)))
        return parallel.unreplicate((final.variables(), metrics))

    one, two = after_a_step(jax.devices()[:1]), after_a_step(jax.devices()[:2])
    for (leaf, a), b in zip(jax.tree.leaves_with_path(two), jax.tree.leaves(one), strict=True):
        scale = max(0.1, float(np.abs(b).max()))
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * scale, err_msg=str(leaf))


def test_a_run_compiles_its_step_once(tiny, tmp_path, monkeypatch):
    traces = []

    def counted(*arguments, **settings):
        traces.append(1)
        return game.train_step(*arguments, **settings)

    monkeypatch.setattr(library, "train_step", counted)
    path, config = tiny("digits", steps=12, log_every=4, sample_every=4, checkpoint_every=6)
    train.run(path, config, tmp_path)
    assert len(traces) == 1


@pytest.mark.parametrize("name", ["digits_cgan", "digits_vae", "ring"])
def test_a_run_leaves_what_its_folder_promises(name, tiny, tmp_path):
    path, config = tiny(name, evaluate_every=8)
    train.run(path, config, tmp_path)
    for promised in ("config.json", "metrics.jsonl", "curves.png", "tensorboard", "checkpoints/8"):
        assert (tmp_path / promised).exists(), promised
    assert [p.name for p in sorted((tmp_path / "samples").iterdir())] == [
        "00000000.png",
        "00000008.png",
    ]


def test_the_best_checkpoint_outlives_newer_ones(tiny, tmp_path, monkeypatch):
    scores = iter([0.1, 0.9, 0.5, 0.4])
    monkeypatch.setattr(
        assembly, "make_evaluators", lambda *_: [lambda _: {"samples/score": next(scores)}]
    )
    every = {"evaluate_every": 2, "checkpoint_every": 2, "keep": 1, "best": "samples/score"}
    path, config = tiny("digits", **every)
    train.run(path, config, tmp_path)
    kept = assembly.make_checkpoints(tmp_path, assembly.make_plan(config))
    assert kept.steps() == [4, 8]
    assert kept.best_step() == 4


def test_bfloat16_keeps_parameters_in_float32(tiny, tmp_path):
    path, config = tiny("digits", dtype="bfloat16")
    state = train.run(path, config, tmp_path)
    assert {leaf.dtype for leaf in jax.tree.leaves(state.variables())} == {np.dtype("float32")}
