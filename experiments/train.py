"""Trains a recipe: `python -m experiments.train --config=configs/digits.py --workdir=runs/digits`.

The same command again continues the run where its newest checkpoint left it.
"""

import contextlib
import os
from functools import partial
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

from experiments import app, assembly
from gan_jax import data, parallel, runs
from gan_jax.evaluation import Evaluator
from gan_jax.game import GameState
from gan_jax.train import train
from gan_jax.writers import Writer

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The recipe, configs/digits.py by default; --config.KEY=VALUE sets KEY."
)
_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder; runs/RECIPE by default.")
_ALLOW = flags.DEFINE_bool(
    "allow_config_change", False, "Continue a run under a config other than its own."
)


_COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "host:port of process 0 of several; 'auto' on TPU pods and Slurm."
)
_PROCESSES = flags.DEFINE_integer("processes", 1, "How many processes, with --coordinator.")
_PROCESS = flags.DEFINE_integer("process", 0, "Which of them this is, from 0.")


def main() -> None:
    if _COORDINATOR.value:
        parallel.initialize(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)
    name = config_flags.get_config_filename(flags.FLAGS["config"])
    path, _, _variant = name.partition(":")
    workdir = _WORKDIR.value or os.path.join("runs", Path(path).stem)
    run(path, _CONFIG.value, workdir, allow_config_change=_ALLOW.value)
    print(f"done: samples, curves and checkpoints are in {workdir}")


def run(
    path: str, config: ConfigDict, workdir: str, *, allow_config_change: bool = False
) -> GameState:
    """Trains the recipe at `path` under `config`, from the newest checkpoint in `workdir` on.

    Of several processes each calls it alike; the first owns the folder, which all must see.
    """
    recipe = assembly.load_recipe(path)
    plan = assembly.make_plan(config)
    plan.check(jax.device_count())
    game = recipe.make_game(config)
    leader = jax.process_index() == 0

    with contextlib.ExitStack() as stack:
        source = assembly.make_data(recipe, config, config.data.split)
        batch = assembly.first(source, 2)
        if leader:
            stack.enter_context(runs.lock(workdir))
            for dataset in assembly.by_domain(source).values():
                print(data.describe(dataset))
            record = runs.record(config.to_dict(), recipe=path, seed=config.seed)
            record["example"] = assembly.specification(batch)
            runs.claim(
                workdir, record, Path(path).read_text(), allow_config_change=allow_config_change
            )
        parallel.check_agreement(config.to_json() + Path(path).read_text(), "config or recipe")

        make_state = partial(assembly.make_state, game, config, batch)
        checkpoints = assembly.make_checkpoints(workdir, plan)
        if (restored := checkpoints.restore(jax.eval_shape(make_state))) is not None:
            step, state = restored
            print(f"continuing {workdir} from step {step:,} of {plan.steps:,}")
        else:
            state = make_state()
        if int(state.step) >= plan.steps:
            return state
        loader = data.make_loader(
            source,
            batch_size=plan.batch_size,
            repeats=game.repeats,
            steps_per_call=plan.steps_per_call,
            seed=plan.seed,
            part=(jax.process_index(), jax.process_count()),
        )

        def shown() -> assembly.Data:
            split = config.data.test_split
            return assembly.make_data(recipe, config, split) if split else source

        evaluators: list[Evaluator] = []
        if leader and plan.evaluate_every:
            evaluators = assembly.make_evaluators(game, recipe, config, source)
        return train(
            game,
            state,
            loader,
            plan,
            checkpoints=checkpoints,
            writer=stack.enter_context(Writer(workdir, start_step=int(state.step)))
            if leader
            else None,
            draw=assembly.picture_maker(game, config, shown),
            evaluators=evaluators,
        )


if __name__ == "__main__":
    app.run(main, default_config="configs/digits.py")
