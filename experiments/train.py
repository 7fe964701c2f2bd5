"""Trains a recipe: `python -m experiments.train --config=configs/image/dcgan.py:mnist`.

The same command again continues the run where its newest checkpoint left it.
"""

import contextlib
import functools
import os
from collections.abc import Mapping
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

from experiments import app, recipes, run_folder
from gan_jax import data, parallel, runs, sampling
from gan_jax.step import GameState
from gan_jax.train import Observers, train
from gan_jax.types import UserError
from gan_jax.writers import Writer

_CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    f"The recipe, as configs/FOLDER/NAME.py[:VARIANT], {recipes.DEFAULT} by default; "
    "--config.KEY=VALUE sets KEY.",
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The run's folder; runs/RECIPE or runs/TASK_RECIPE by default."
)
_INIT = flags.DEFINE_multi_string(
    "init",
    [],
    "--init.PLAYER=RUN[@STEP][:PLAYER] starts a player from another run's weights; STEP is a "
    "number or 'best'.",
)
_ALLOW = flags.DEFINE_bool(
    "allow_config_change", False, "Continue a run under a config other than its own."
)
_PRINT = flags.DEFINE_bool(
    "print_config", False, "Print all settings and what they are set to, and train nothing."
)
_TRUST = flags.DEFINE_bool("trust", False, "Execute the recipe.py of --init though another's.")
_COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "host:port of process 0 of several; 'auto' on TPU pods and Slurm."
)
_PROCESSES = flags.DEFINE_integer(
    "processes", 1, "How many processes, with --coordinator.", lower_bound=1
)
_PROCESS = flags.DEFINE_integer("process", 0, "Which of them this is, from 0.")


def main() -> None:
    if _COORDINATOR.value is None and _PROCESSES.value > 1:
        raise UserError(f"--processes={_PROCESSES.value}: name --coordinator=HOST:PORT too")
    with contextlib.ExitStack() as stack:
        if _COORDINATOR.value:
            place = _COORDINATOR.value, _PROCESSES.value, _PROCESS.value
            stack.enter_context(parallel.joined(*place))
        if _PRINT.value:
            print(_CONFIG.value)
            return
        workdir = _train()
    print(f"done: samples, curves and checkpoints are in {workdir}")


def _train() -> str:
    """Trains what the flags say; returns the run's folder."""
    name = config_flags.get_config_filename(flags.FLAGS["config"])
    path, _, variant = name.partition(":")
    task = Path(path).parent.name
    parts = ("" if task in ("", "image") else task, Path(path).stem, variant)
    workdir = _WORKDIR.value or os.path.join("runs", "_".join(filter(None, parts)))
    run(
        path,
        _CONFIG.value,
        workdir,
        init=dict(_split_init(text) for text in _INIT.value),
        allow_config_change=_ALLOW.value,
        trust=_TRUST.value,
    )
    return workdir


def _split_init(text: str) -> tuple[str, str]:
    player, separator, source = text.partition("=")
    if not (separator and source):
        raise UserError(f"--init={text}: write --init.PLAYER=RUN")
    return player, source


def _recorded_init(workdir: str | os.PathLike[str]) -> dict[str, str]:
    """What a run that is continued began from: it need not be named again."""
    record = Path(workdir) / "config.json"
    return runs.load(workdir)["config"].get("init", {}) if record.exists() else {}


def run(
    path: str,
    config: ConfigDict,
    workdir: str | os.PathLike[str],
    *,
    init: Mapping[str, str] | None = None,
    allow_config_change: bool = False,
    trust: bool = False,
) -> GameState:
    """Trains the recipe at `path` under `config`, from the newest checkpoint in `workdir` on.

    Of several processes each calls it alike; the first owns the folder, which all must see. `init`
    and `trust` are as `run_folder.transfer` takes them, the first beside the recipe's own
    `config.init`.
    """
    recipe = recipes.load_recipe(path)
    config = recipes.completed(recipe, config)
    plan = recipes.make_plan(config)
    game = recipes.make_game(recipe, config)
    plan.check(jax.device_count(), game.group)
    sources = {**config.get("init", {}), **(init or _recorded_init(workdir))}
    leader = jax.process_index() == 0

    with contextlib.ExitStack() as stack:
        real = recipes.make_data(recipe, config, config.data.split)
        recipes.check_columns(recipe, game, real)
        if leader:
            print(data.describe(real))
        checkpoints, state = run_folder.begin(
            stack,
            path,
            recipe,
            config,
            game,
            real,
            workdir,
            sources=sources,
            allow_config_change=allow_config_change,
            trust=trust,
            say=print,
        )
        if int(state.step) >= plan.steps:
            return state
        plan = recipes.make_plan(config, taken=[int(state.step)])
        loader = data.make_loader(
            real,
            batch_size=plan.batch_size,
            repeats=game.repeats,
            steps_per_call=plan.steps_per_call,
            seed=plan.seed,
            part=(jax.process_index(), jax.process_count()),
            apart=game.private,
        )

        @functools.cache
        def held_out() -> data.Dataset | None:
            split = config.data.get("test_split", "")
            return recipes.make_data(recipe, config, split) if split else None

        writer, evaluators = None, []
        if leader:
            writer = stack.enter_context(Writer(workdir, start_step=int(state.step)))
        if leader and plan.evaluate_every:
            evaluators = recipes.make_evaluators(recipe, config, game, real, held_out())
        key = recipes.purpose_key(config.seed, "picture")
        draw = sampling.drawer(game, real.kinds, lambda: held_out() or real, key)
        observers = Observers(checkpoints, writer, draw, evaluators)
        ema_decay = recipes.make_ema_decay(recipe, config)
        return train(game, state, loader, plan, observers, ema_decay=ema_decay)


if __name__ == "__main__":
    app.run(main, default_config=str(recipes.ROOT / recipes.DEFAULT))
