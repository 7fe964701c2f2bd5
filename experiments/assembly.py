"""From a recipe and its config to the library's objects: the one place that reads configs."""

import dataclasses
import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from gan_jax import cache, data, evaluation, extractors, parallel, pictures, runs
from gan_jax import keys as per_example
from gan_jax.checkpoints import Checkpoints
from gan_jax.game import Game, GameState, Players, init_state
from gan_jax.optimizers import Adam
from gan_jax.train import Plan
from gan_jax.types import Batch, UserError

Data = data.Dataset | Mapping[str, data.Dataset]

# Purposes of keys drawn from a run's seed; the state's own come from the seed's key itself.
_PICTURE = 1
_PURPOSES = (("evaluation", 2), ("held_out", 3))


def load_recipe(path: str | os.PathLike) -> ModuleType:
    """Imports a recipe by its path."""
    spec = importlib.util.spec_from_file_location(f"recipe_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise UserError(f"no recipe at {path}: --config names one, such as configs/digits.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    if not hasattr(recipe, "make_game"):
        raise UserError(f"{path} is no recipe: it has no make_game(config)")
    return recipe


def make_plan(config: ConfigDict, platform: str | None = None) -> Plan:
    """The run's plain numbers, resolved for a back end: the one at hand if None."""
    plan = Plan(**{field.name: config[field.name] for field in dataclasses.fields(Plan)})
    return plan.resolved(platform or jax.default_backend())


def make_data(recipe: ModuleType, config: ConfigDict, split: str) -> Data:
    """The recipe's own data, if it has a `make_data(config, split)`, else `data.load`'s."""
    if hasattr(recipe, "make_data"):
        return recipe.make_data(config, split)
    return data.Source(**config.data).load(split)


def by_domain(source: Data) -> dict[str, data.Dataset]:
    """The data sets by domain; a single one under the empty name."""
    return dict(source) if isinstance(source, Mapping) else {"": source}


def first(source: Data, count: int) -> Batch:
    """The first `count` examples, from the start again where there are fewer, ready for a game."""

    def take(dataset: data.Dataset) -> dict[str, Any]:
        rows = [dataset[i % len(dataset)] for i in range(count)]
        columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return columns | {"x": np.asarray(data.to_float(columns["x"]))}

    if isinstance(source, Mapping):
        return {domain: take(dataset) for domain, dataset in source.items()}
    return take(source)


def specification(batch: Batch) -> dict[str, Any]:
    """Shape and dtype of one example of each entry, as a run's record keeps them."""
    return {
        name: specification(value)
        if isinstance(value, Mapping)
        else {"shape": list(value.shape[1:]), "dtype": str(value.dtype)}
        for name, value in batch.items()
    }


def from_specification(spec: Mapping[str, Any]) -> Batch:
    """A batch of two zero examples of a recorded specification."""
    return {
        name: np.zeros((2, *value["shape"]), value["dtype"])
        if isinstance(value.get("shape"), list)
        else from_specification(value)
        for name, value in spec.items()
    }


def make_state(game: Game, config: ConfigDict, batch: Batch) -> GameState:
    """The initial state of a run."""
    settings = {turn.player: (config[turn.player], turn.repeats) for turn in game.turns}
    optimizers = {
        name: Adam(**player).build(config.steps * repeats)
        for name, (player, repeats) in settings.items()
    }
    key = jax.random.key(config.seed)
    return jax.jit(lambda key: init_state(game, optimizers, key, batch))(key)


def make_checkpoints(workdir: str | os.PathLike, plan: Plan) -> Checkpoints:
    """The run's checkpoints."""
    best = plan.best.removeprefix("-")
    return Checkpoints(
        Path(workdir) / "checkpoints",
        keep=plan.keep,
        best=best or None,
        higher_is_better=best == plan.best,
    )


def conditions(game: Game, config: ConfigDict, source: Callable[[], Data], count: int) -> Batch:
    """What the game's prior needs for `count` samples: classes in turn, or real examples."""
    if not game.conditions:
        return {}
    if game.conditions == ("label",):
        return {"label": np.arange(count, dtype=np.int32) % config.data.num_classes}
    batch = first(source(), count)
    return {name: batch[name] for name in game.conditions}


def along_arcs(inputs: Mapping[str, Any], rows: int, columns: int) -> dict[str, Any]:
    """The first latents of `inputs`, each led to the next of as many others in so many steps."""
    if "latent" not in inputs:
        raise UserError("this game has no latents to interpolate between")
    latent, first = inputs["latent"], np.arange(rows)
    start, end = (latent[(first + shift) % len(latent)] for shift in (0, rows))
    arcs = evaluation.interpolate(start, end, columns).reshape(rows * columns, -1)
    others = {n: jnp.repeat(v[:rows], columns, axis=0) for n, v in inputs.items() if n != "latent"}
    return {**others, "latent": arcs}


def sample_count(game: Game, source: Data, wanted: int) -> int:
    """As many samples as are wanted, but where each is made from an example, none of it twice."""
    if set(game.conditions) <= {"label"}:
        return wanted
    return min(wanted, *(len(dataset) for dataset in by_domain(source).values()))


def picture_maker(
    game: Game, config: ConfigDict, source: Callable[[], Data]
) -> Callable[[Players], np.ndarray]:
    """A function that draws the same inputs at every call: strips, points or a grid."""
    key = jax.random.fold_in(jax.random.key(config.seed), _PICTURE)
    if game.show is not None:
        batch = first(source(), 12)
        show = jax.jit(game.show)
        keys = per_example.per_example(key, 12)
        return lambda players: pictures.rows(jax.tree.map(np.asarray, show(players, batch, keys)))
    draw = parallel.spread(game.sample, evaluation.DRAW_SIZE)
    if not config.data.resolution:
        inputs = evaluation.draw_inputs(game, key, 2_000, conditions(game, config, source, 2_000))
        real = first(source(), 10_000)["x"]
        return lambda players: pictures.scatter(draw(players, inputs), real)
    columns = config.data.num_classes if game.conditions else 10
    count = columns * 8
    inputs = evaluation.draw_inputs(game, key, count, conditions(game, config, source, count))
    return lambda players: pictures.grid(draw(players, inputs), columns)


def make_evaluators(
    game: Game, recipe: ModuleType, config: ConfigDict, source: Data
) -> list[evaluation.Evaluator]:
    """The recipe's evaluation of samples, and the game's own figures on data seen and held out."""
    keys = {name: jax.random.fold_in(jax.random.key(config.seed), p) for name, p in _PURPOSES}
    by, count = config.evaluation.by, config.evaluation.count
    test = make_data(recipe, config, config.data.test_split) if config.data.test_split else None
    evaluators = []
    if by:
        shown = source if test is None else test
        count = sample_count(game, shown, count)
        given = conditions(game, config, lambda: shown, count)
        inputs = evaluation.draw_inputs(game, keys["evaluation"], count, given)
        evaluators.append(evaluation.on_samples(game, inputs, judges(config, source, test, inputs)))
    if game.held_out is not None and test is not None:
        for name, of in (("seen", source), ("held_out", test)):
            size = min(1_000, *(len(dataset) for dataset in by_domain(of).values()))
            batch = jax.tree.map(jnp.asarray, first(of, size))
            evaluators.append(evaluation.on_held_out(game, batch, keys["held_out"], name))
    return evaluators


def judges(
    config: ConfigDict, source: Data, test: Data | None, inputs: Mapping[str, Any]
) -> list[evaluation.Judge]:
    """What judges the samples that a run's evaluation draws from `inputs`."""
    by = config.evaluation.by
    if by == "modes":
        mixture = {"ring": data.ring_mixture, "grid": data.grid_mixture}[config.data.name]()
        return [evaluation.at_modes(mixture)]
    if by != "classifier":
        raise UserError(f"evaluation.by is {by!r}: it is 'classifier', 'modes' or ''")
    # Samples are read by a classifier of the domain they belong to: the last.
    real, held_out = (None if of is None else last_domain(of) for of in (source, test))
    assert real is not None
    folder = cache.default_folder()
    extractor = extractors.classifier(real, cache=folder, held_out=held_out, report=print)
    seen = evaluation.observe_data(real, extractor, count=config.evaluation.count, cache=folder)
    label = np.asarray(inputs["label"]) if "label" in inputs else None
    return [
        evaluation.beside(seen, extractor, ("fid", "pr", "classes"), label),
        evaluation.in_clusters(real.columns["x"]),
    ]


def last_domain(source: Data) -> data.ArrayDataset:
    """The data that samples are of, in memory."""
    return data.materialise(list(by_domain(source).values())[-1])


class Run(NamedTuple):
    """A trained run, as its folder has it.

    Attributes:
      record: what it was made with.
      config: resolved.
      recipe: the module.
      game: of the recipe.
      step: of the checkpoint.
      state: after that step.
    """

    record: Mapping[str, Any]
    config: ConfigDict
    recipe: ModuleType
    game: Game
    step: int
    state: GameState


def load_run(workdir: str | os.PathLike[str], step: int | None = None) -> Run:
    """Restores a run from its folder alone, at its newest checkpoint or that of `step`."""
    workdir = Path(workdir)
    record = runs.load(workdir)
    config = ConfigDict(record["config"])
    recipe = load_recipe(workdir / "recipe.py")
    game = recipe.make_game(config)
    example = from_specification(record["example"])
    template = jax.eval_shape(lambda: make_state(game, config, example))
    restored = make_checkpoints(workdir, make_plan(config)).restore(template, step)
    if restored is None:
        raise UserError(f"{workdir} has no checkpoint yet: let the run reach one")
    return Run(record, config, recipe, game, *restored)
