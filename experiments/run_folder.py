"""The one way from a run's folder to the run: its game, its state, its data, its samples."""

import contextlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments import recipes
from gan_jax import data, judging, parallel, runs, sampling, writers
from gan_jax.checkpoints import Checkpoints, digest
from gan_jax.data.kinds import Kind
from gan_jax.game import MEMORY, Game
from gan_jax.step import GameState
from gan_jax.train import Plan
from gan_jax.types import UserError

Step = int | Literal["best"] | None

_CALIBRATED_ON, _NUMBERS = 10_000, 2**28  # examples for a discriminator, and numbers in them


class Run(NamedTuple):
    """A trained run, as its folder has it.

    Attributes:
      workdir: the folder.
      record: what it was made with.
      config: resolved.
      recipe: the module.
      game: of the recipe.
      kinds: of the data's columns.
      step: of the checkpoint.
      state: after that step.
      opened: splits of its data, by name.
    """

    workdir: Path
    record: Mapping[str, Any]
    config: ConfigDict
    recipe: ModuleType
    game: Game
    kinds: Mapping[str, Kind]
    step: int
    state: GameState
    opened: dict[str, data.Dataset]

    def open(self, split: str = "") -> data.Dataset:
        """A split of its data, by default the one it was trained on; opened once."""
        split = split or self.config.data.split
        if split not in self.opened:
            self.opened[split] = recipes.make_data(self.recipe, self.config, split)
        return self.opened[split]

    def shown(self) -> data.Dataset:
        """The data that conditions are taken from: held out, where there are such."""
        return self.open(self.config.data.get("test_split", ""))

    def inputs(
        self, key: jax.Array, rows: range, label: int | np.ndarray | None = None
    ) -> sampling.Inputs:
        """What the samples number `rows` are made from, of class `label` if it is given."""
        if label is not None:
            if "label" not in self.game.conditions:
                raise UserError(f"--label: {self.record['recipe']} has no labels to choose from")
            classes = len(self.kinds["label"].classes)  # type: ignore[attr-defined]
            if not 0 <= np.min(label) <= np.max(label) < classes:
                raise UserError(f"--label={label} is not in 0..{classes - 1}")
        return sampling.make_inputs(self.game, self.kinds, self.shown, key, rows, label=label)

    def standing(self, passes: int, *, ema: bool) -> "Run":
        """The run, whose samples are drawn with the batch statistics of so many fresh batches.

        The batches are of the run's own size, classes in turn; 0 passes leave the run as it is.

        Args:
          passes: see `sampling.standing_statistics`.
          ema: whether they are those of the averaged weights, or of the newest.

        Raises:
          UserError: there are no such statistics.
        """
        if not passes:
            return self
        size, key = self.config.batch_size, recipes.purpose_key(self.config.seed, "standing")
        inputs = (
            self.inputs(key, range(start, start + size)).columns
            for start in range(0, passes * size, size)
        )
        try:
            players = sampling.standing_statistics(
                self.game, self.state.variables(ema=ema), inputs, key
            )
        except UserError as error:
            raise UserError(f"--standing: {error}") from None
        name = self.game.sampler
        sampler, stats = self.state.players[name], {"batch_stats": players[name]["batch_stats"]}
        averages = None if sampler.ema is None else {**sampler.ema, **stats}
        sampler = sampler.replace(stats={**sampler.stats, **stats}, ema=averages)
        state = self.state.replace(players={**self.state.players, name: sampler})
        return self._replace(state=state)

    def rejecting(self, *, ema: bool) -> "Run":
        """The run, whose samples are drawn anew until its discriminator takes them for data.

        Args:
          ema: whether they are those of the averaged weights, or of the newest.

        Raises:
          UserError: there is no discriminator that judges single samples, or they are made from
            examples.
        """
        if others := set(self.game.conditions) - {"label"}:
            raise UserError(f"--reject: this game's samples are each made from a {min(others)}")
        players, dataset = self.state.variables(ema=ema), self.shown()
        size = sum(np.size(column) for column in dataset[0].values())
        real = data.spread(dataset, min(_CALIBRATED_ON, max(_NUMBERS // size, 1)))
        key = recipes.purpose_key(self.config.seed, "rejecting")
        try:
            return self._replace(game=judging.rejecting(self.game, players, real, key))
        except UserError as error:
            raise UserError(f"--reject: {error}") from None


def parse_step(text: str | None) -> Step:
    """What `--step` says: a number, `best`, or None for the newest.

    Raises:
      UserError: it says something else.
    """
    if text is None or text == "":
        return None
    if text == "best":
        return "best"
    if not text.isdigit():
        raise UserError(f"--step={text} is neither a step's number nor 'best'")
    return int(text)


def load_run(
    workdir: str | os.PathLike[str],
    step: Step = None,
    *,
    trust: bool = False,
    reverse: bool = False,
) -> Run:
    """Restores a run from its folder alone, at its newest checkpoint or that of `step`.

    This executes the folder's `recipe.py`. `reverse` is for the game's reverse in its stead.

    Raises:
      UserError: the folder is no run's, its recipe is another user's and is not to be trusted, or
        its game has no reverse.
    """
    workdir = Path(workdir)
    record = runs.load(workdir)
    config = ConfigDict(record["config"])
    if not trust:
        runs.check_owner(workdir)
    recipe = recipes.load_recipe(workdir / "recipe.py")
    game = recipes.make_game(recipe, config)
    example = {
        name: np.zeros((2 * game.group, *column["shape"]), column["dtype"])
        for name, column in record["columns"].items()
    }
    kinds = {name: data.from_record(column["kind"]) for name, column in record["columns"].items()}
    template = jax.eval_shape(lambda: recipes.make_state(recipe, config, game, example))
    checkpoints = make_checkpoints(workdir, recipes.make_plan(config))
    restored = checkpoints.restore(template, step)
    if restored is None:
        raise UserError(f"{workdir} has no checkpoint yet: let the run reach one")
    if reverse:
        if game.reverse is None:
            raise UserError(f"{workdir}: samples of {record['recipe']} go one way alone")
        game = game.reverse
    return Run(workdir, record, config, recipe, game, kinds, *restored, opened={})


def make_checkpoints(workdir: str | os.PathLike[str], plan: Plan) -> Checkpoints:
    """The run's checkpoints."""
    best = plan.best.removeprefix("-")
    return Checkpoints(
        Path(workdir) / "checkpoints",
        keep=plan.keep,
        best=best or None,
        higher_is_better=best == plan.best,
    )


def check_begins(workdir: str | os.PathLike[str], plan: Plan) -> None:
    """Checks that a folder without a checkpoint is that of a run which has reached none.

    Raises:
      UserError: its log goes beyond the first: `checkpoints/` is gone, or is not mounted.
    """
    logged = max((record["step"] for record in writers.read_metrics(workdir)), default=0)
    if plan.checkpoint_every and logged > plan.checkpoint_every:
        raise UserError(
            f"{workdir}: its log goes to step {logged:,}, but there is no checkpoint: bring "
            "checkpoints/ back, or choose another --workdir"
        )


def transfer(state: GameState, sources: Mapping[str, str], *, trust: bool = False) -> GameState:
    """The state with players' weights from other runs.

    Args:
      state: before the first step.
      sources: by player, `RUN`, `RUN@STEP` or `RUN@best`, and `RUN[@STEP]:PLAYER` where the player
        has another name there. Averaged weights are taken where the run keeps such, and all that
        layers keep; memory is not.
      trust: execute the recipe of a run that is another user's.

    Raises:
      UserError: a run has no such player, or its weights are of other shapes.
    """
    players = dict(state.players)
    for name, source in sources.items():
        if name not in players:
            raise UserError(f"--init.{name}: the players are {', '.join(sorted(players))}")
        place, _, other = source.partition(":")
        workdir, _, step = place.partition("@")
        run = load_run(workdir, parse_step(step), trust=trust)
        theirs = run.state.players.get(other or name)
        if theirs is None:
            there = ", ".join(sorted(run.state.players))
            raise UserError(f"--init.{name}={source}: that run's players are {there}")
        mine = players[name]
        taken, own = (
            {c: v for c, v in player.averaged.items() if c != MEMORY} for player in (theirs, mine)
        )
        _check_alike(f"--init.{name}={source}", own, taken)
        taken = jax.tree.map(jax.numpy.array, taken)
        averages = None
        if mine.ema is not None:
            averages = {c: jax.tree.map(jax.numpy.copy, taken[c]) for c in mine.ema}
        params = taken.pop("params")
        players[name] = mine.replace(
            params=params,
            stats={**mine.stats, **taken},
            ema=averages,
            opt_state=mine.tx.init(params),
        )
    return state.replace(players=players)


def _check_alike(what: str, mine: Any, theirs: Any) -> None:
    def shapes(tree: Any) -> dict[str, str]:
        return {
            jax.tree_util.keystr(path, simple=True, separator="/"): f"{leaf.dtype}{leaf.shape}"
            for path, leaf in jax.tree.leaves_with_path(tree)
        }

    here, there = shapes(mine), shapes(theirs)
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            raise UserError(
                f"{what}: {name} is {there.get(name, 'absent')} there and "
                f"{here.get(name, 'absent')} here; the two nets must be alike"
            )


def begin(
    stack: contextlib.ExitStack,
    path: str,
    recipe: ModuleType,
    config: ConfigDict,
    game: Game,
    real: data.Dataset,
    workdir: str | os.PathLike[str],
    *,
    sources: Mapping[str, str] | None = None,
    allow_config_change: bool = False,
    trust: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Checkpoints, GameState]:
    """Claims a run's folder, locked until `stack` closes; where to save and what to start from."""
    sources, text, plan = sources or {}, Path(path).read_text(), recipes.make_plan(config)
    if jax.process_index() == 0:
        stack.enter_context(runs.lock(workdir))
        record = runs.record(
            config.to_dict() | {"init": dict(sources)},
            recipe=str(path),
            seed=config.seed,
            columns=recipes.columns_record(real),
            examples=len(real),
        )
        runs.claim(
            workdir,
            record,
            text,
            allow_config_change=allow_config_change,
            extendable=recipes.extendable(recipe, config),
        )
    alike = config.to_json() + str(sources) + text + data.describe(real)
    parallel.check_agreement(alike, "config, recipe, data or --init")

    batch = data.first(real, 2 * game.group)
    make_state = partial(recipes.make_state, recipe, config, game, batch)
    checkpoints = make_checkpoints(workdir, plan)
    if checkpoints.steps() and (restored := checkpoints.restore(jax.eval_shape(make_state))):
        step, state = restored
        say(f"continuing {workdir} from step {step:,} of {plan.steps:,}")
    else:
        check_begins(workdir, plan)
        state = transfer(make_state(), sources, trust=trust)
    if jax.process_count() > 1:
        parallel.check_agreement(digest(state), "the checkpoint that they read from --workdir")
    return checkpoints, state
