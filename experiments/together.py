"""Runs of a recipe that differ in seeds and optimizers' numbers, trained together."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments import recipes, run_folder
from gan_jax import data, loop, sampling
from gan_jax.game import Game
from gan_jax.optimizers import NUMBERS
from gan_jax.train import Member, Observers, train_together
from gan_jax.types import UserError
from gan_jax.writers import Writer

_CALLS = 3  # of a trial, the first of which compiles


def possible(path: str, configs: Sequence[ConfigDict]) -> bool:
    """Whether runs of a recipe can be trained together: their configs make one game.

    That is, they differ in seeds and numbers of optimizers alone, no hook makes optimizers of them,
    and batch statistics are not those of several devices.
    """
    recipe = recipes.load_recipe(path)
    synchronised = configs[0].get("net", {}).get("sync_batch_norm", False)
    alike = all(_structure(config) == _structure(configs[0]) for config in configs)
    return alike and not synchronised and not hasattr(recipe, "make_optimizers")


def _structure(config: ConfigDict) -> dict[str, Any]:
    """A config without its seed and the numbers of the sections that are optimizers'."""
    plain = {name: value for name, value in config.to_dict().items() if name != "seed"}
    for name, section in plain.items():
        if isinstance(section, dict) and section.keys() >= set(NUMBERS):
            plain[name] = {n: value for n, value in section.items() if n not in NUMBERS}
    return plain


def run(path: str, configs: Sequence[ConfigDict], workdirs: Sequence[Path]) -> list[str]:
    """Trains runs, each from the newest checkpoint in its folder on.

    All are looked at and evaluated as the first would be: pictures are of the same inputs.

    Returns:
      Of each why it failed, or "".
    """
    recipe = recipes.load_recipe(path)
    configs = [recipes.completed(recipe, config) for config in configs]
    first, game = configs[0], recipes.make_game(recipe, configs[0])
    plan = recipes.make_plan(first)
    real = recipes.make_data(recipe, first, first.data.split)
    recipes.check_columns(recipe, game, real)
    split = first.data.get("test_split", "")
    held_out = recipes.make_data(recipe, first, split) if split else None
    draw = sampling.drawer(
        game, real.kinds, lambda: held_out or real, recipes.purpose_key(first.seed, "picture")
    )
    evaluators = []
    if plan.evaluate_every:
        evaluators = recipes.make_evaluators(recipe, first, game, real, held_out)
    with contextlib.ExitStack() as stack:
        begun = [
            run_folder.begin(stack, path, recipe, config, game, real, workdir)
            for config, workdir in zip(configs, workdirs, strict=True)
        ]
        plan = recipes.make_plan(first, taken=[int(state.step) for _, state in begun])
        members = [
            Member(
                state,
                _loader(real, config, game, plan.steps_per_call),
                numbers(config, game),
                Observers(
                    checkpoints,
                    stack.enter_context(Writer(workdir, start_step=int(state.step))),
                    draw,
                    evaluators,
                ),
            )
            for config, workdir, (checkpoints, state) in zip(configs, workdirs, begun, strict=True)
        ]
        ends = train_together(
            game,
            lambda numbers: recipes.make_optimizers(recipe, first, game, numbers),
            members,
            plan,
            ema_decay=recipes.make_ema_decay(recipe, first),
        )
    return [str(end) if isinstance(end, UserError) else "" for end in ends]


def trial(path: str, configs: Sequence[ConfigDict]) -> float:
    """Seconds that all of these runs together take, by a few steps of them, without looks."""
    recipe = recipes.load_recipe(path)
    configs = [recipes.completed(recipe, config) for config in configs]
    first, game = configs[0], recipes.make_game(recipe, configs[0])
    plan = recipes.make_plan(first)
    real = recipes.make_data(recipe, first, first.data.split)
    batch = data.first(real, 2 * game.group)
    loaders = [_loader(real, config, game, plan.steps_per_call) for config in configs]
    devices = jax.local_devices()[:1]
    play = loop.make_members_steps(
        game,
        lambda numbers: recipes.make_optimizers(recipe, first, game, numbers),
        loaders[0].fetch,
        devices,
        **plan.of_step(recipes.make_ema_decay(recipe, first)),
    )
    calls = loop.play_together(
        play,
        [recipes.make_state(recipe, config, game, batch) for config in configs],
        loaders,
        jax.tree.map(lambda *v: np.stack(v), *(numbers(config, game) for config in configs)),
        steps=_CALLS * plan.steps_per_call,
        steps_per_call=plan.steps_per_call,
        devices=devices,
    )
    jax.block_until_ready(next(calls))
    start = time.monotonic()
    for call in calls:
        jax.block_until_ready(call)
    taken = (time.monotonic() - start) / ((_CALLS - 1) * plan.steps_per_call)
    return taken * plan.steps


def numbers(config: ConfigDict, game: Game) -> dict[str, Any]:
    """Those of each player's optimizer, as `recipes.make_optimizers` takes them."""
    players = dict.fromkeys(turn.player for turn in game.turns if turn.player in config)
    return {p: {name: np.float32(config[p][name]) for name in NUMBERS} for p in players}


def _loader(real: data.Dataset, config: ConfigDict, game: Game, steps_per_call: int) -> data.Loader:
    return data.make_loader(
        real,
        batch_size=config.batch_size,
        repeats=game.repeats,
        steps_per_call=steps_per_call,
        seed=config.seed,
        apart=game.private,
    )
