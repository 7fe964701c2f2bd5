"""From a recipe and its config to the library's objects: the one place that reads configs.

A recipe is a file with `get_config(variant)` and `make_game(config)`. Where the default will not
do it also has

- `make_data(config, split)`, a data set, in place of `data.Source(**config.data).load(split)`;
- `make_optimizers(config)`, any optax transformation by player; those left out have
  `Adam(**config.PLAYER)`;
- `make_ema_decay(config)`, a function of the step, in place of the number `config.ema_decay`;
- `make_evaluators(config, game, data, held_out)`, besides those that suit the data's kind;
- `complete(config)`, the config with what its data tell, such as a table's columns, where the game
  depends on it: it is called before training, and what it returns is what a run records;

`VARIANTS`, the data sets it is made for, the first the default; and `TINY`, settings by dotted key
under which it trains in seconds.
"""

import dataclasses
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from gan_jax import cache, data, evaluation, extractors, prng, sampling
from gan_jax.data import Dataset
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.runs import siblings
from gan_jax.step import GameState, init_state
from gan_jax.train import Plan
from gan_jax.types import Array, Batch, PRNGKey, UserError

ROOT = Path(__file__).parents[1]
DEFAULT = "configs/image/dcgan.py"

T = TypeVar("T")

DTYPES = ("float32", "bfloat16", "float16")
"""Of the nets' computations."""

_HELD_OUT = 1_000  # examples that a game's own figures are computed on


def load_recipe(path: str | os.PathLike) -> ModuleType:
    """Imports a recipe by its path.

    Raises:
      UserError: there is none, it has a fault, or it imports a file beside it.
    """
    path = Path(path)
    spec = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UserError(f"no recipe at {path}: --config names one, such as {DEFAULT}")
    if beside := siblings(path):
        raise UserError(
            f"{path} imports {beside[0]}, a file beside it, which a run's folder would lack: write "
            "what it needs into the recipe, or install it as a package"
        )
    recipe = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(recipe)
    except Exception as error:
        raise UserError(f"{path}{_line(error, path)}: {type(error).__name__}: {error}") from error
    if not hasattr(recipe, "make_game"):
        raise UserError(f"{path} is no recipe: it has no make_game(config)")
    return recipe


def check_variant(recipe: ModuleType, variant: str) -> None:
    """Raises a UserError where a recipe has no such variant; "" is the one it has by default."""
    variants = getattr(recipe, "VARIANTS", None)
    if variant and variants is not None and variant not in variants:
        there = ", ".join(variants)
        raise UserError(f"{recipe.__file__} has no variant {variant!r}; there are: {there}")
    call(recipe, "get_config", *([variant] if variant else []))


def call(recipe: ModuleType, hook: str, *arguments: Any) -> Any:
    """What a recipe's hook returns; a fault in it becomes one line that names the place."""
    try:
        return getattr(recipe, hook)(*arguments)
    except UserError:
        raise
    except Exception as error:
        path = Path(recipe.__file__ or "")
        message = str(error.args[0] if error.args else error).splitlines()[0]
        raise UserError(f"{path}{_line(error, path)}: in {hook}: {message}") from error


def _line(error: BaseException, path: Path) -> str:
    """`, line N`, where the error passed through the file."""
    line, traceback = "", error.__traceback__
    while traceback is not None:
        if Path(traceback.tb_frame.f_code.co_filename).name == path.name:
            line = f", line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line


def make_plan(
    config: ConfigDict, platform: str | None = None, *, taken: Sequence[int] = ()
) -> Plan:
    """The run's plain numbers, resolved for a back end, the one at hand if None.

    `taken` are the steps from where runs go on.
    """
    for field in dataclasses.fields(Plan):
        if field.name not in config:
            raise UserError(f"the config lacks {field.name!r}: start it from train.settings")
    plan = _filled(Plan, config)
    if config.dtype not in DTYPES:
        raise UserError(f"dtype {config.dtype!r} is none of {', '.join(DTYPES)}")
    return plan.resolved(platform or jax.default_backend(), *taken)


def _filled(kind: Callable[..., T], config: ConfigDict, section: str = "") -> T:
    """A dataclass of plain settings from those of its names that a config's section holds.

    Raises:
      UserError: the section has another name, lacks one without a default, or a value is of
        another type.
    """
    values, found = (config.get(section, {}) if section else config), {}
    hints = {name: get_origin(hint) or hint for name, hint in get_type_hints(kind).items()}
    if section and (unknown := sorted(set(values) - set(hints))):
        raise UserError(f"{section} has no setting {unknown[0]!r}; there are: {', '.join(hints)}")
    values = ConfigDict(values).to_dict()
    for name in hints.keys() & values.keys():
        value, wanted = values[name], hints[name]
        right = isinstance(value, (float, int) if wanted is float else wanted)
        if not right or (isinstance(value, bool) and wanted is not bool):
            key = f"{section}.{name}" if section else name
            raise UserError(f"{key} is {value!r}: it must be of type {wanted.__name__}")
        found[name] = value
    try:
        return kind(**found)
    except TypeError as error:  # of a name that has no default
        raise UserError(f"{section or 'the config'}: {error}") from None


def completed(recipe: ModuleType, config: ConfigDict) -> ConfigDict:
    """The config with what its data tell, where the recipe's game depends on it.

    Raises:
      UserError: the variant is for data of one's own, and none are named.
    """
    if config.data.get("name") == "":
        raise UserError(f"{recipe.__file__}: this variant has no data: set data.name to a path")
    if not hasattr(recipe, "complete"):
        return config
    config = config.copy_and_resolve_references()
    with config.unlocked():
        return call(recipe, "complete", config)


def make_game(recipe: ModuleType, config: ConfigDict) -> Game:
    """The recipe's game."""
    return call(recipe, "make_game", config)


def make_data(recipe: ModuleType, config: ConfigDict, split: str) -> Dataset:
    """One split of the recipe's data."""
    if hasattr(recipe, "make_data"):
        return call(recipe, "make_data", config, split)
    return _filled(data.Source, config, "data").load(split)


def make_optimizers(
    recipe: ModuleType,
    config: ConfigDict,
    game: Game,
    numbers: Mapping[str, Mapping[str, Array]] | None = None,
) -> dict[str, optax.GradientTransformation]:
    """An optimizer for each player that takes turns, with `numbers` in place of the config's."""
    own = call(recipe, "make_optimizers", config) if hasattr(recipe, "make_optimizers") else {}
    optimizers = dict(own)
    for player in dict.fromkeys(turn.player for turn in game.turns):
        if player in own:
            continue
        if player not in config:
            raise UserError(
                f"the config has no settings for the player {player!r}: set config.{player} = "
                "asdict(Adam()), or let make_optimizers return an optimizer for it"
            )
        updates, own_numbers = game.updates(player, config.steps), (numbers or {}).get(player, {})
        optimizers[player] = _filled(Adam, config, player).build(updates, **own_numbers)
    return optimizers


def make_ema_decay(recipe: ModuleType, config: ConfigDict) -> Callable[[Array], Array] | None:
    """The decay of the average by step, where the recipe has such."""
    has = hasattr(recipe, "make_ema_decay")
    return call(recipe, "make_ema_decay", config) if has else None


def make_state(recipe: ModuleType, config: ConfigDict, game: Game, batch: Batch) -> GameState:
    """The initial state of a run.

    Raises:
      UserError: in one line, whatever the game or its nets say of the batch.
    """
    optimizers = make_optimizers(recipe, config, game)
    key = jax.random.key(config.seed)
    try:
        return jax.jit(lambda key: init_state(game, optimizers, key, batch))(key)
    except UserError:
        raise
    except Exception as error:
        message = str(error.args[0] if error.args else error).strip().splitlines()[0]
        raise UserError(f"{recipe.__file__}: its game cannot begin: {message}") from error


def check_columns(recipe: ModuleType, game: Game, dataset: Dataset) -> None:
    """Raises a UserError where data lack a column that a game takes its conditions from."""
    for name in game.conditions:
        if name not in dataset.kinds:
            raise UserError(
                f"{recipe.__file__} is conditioned on {name!r}, and {dataset.name} has only "
                f"{', '.join(dataset.kinds)}: choose other data, or another recipe"
            )


def extendable(recipe: ModuleType, config: ConfigDict) -> bool:
    """Whether more steps leave those already taken as they are: no schedule ends with them."""
    if hasattr(recipe, "make_optimizers") or hasattr(recipe, "make_ema_decay"):
        return False
    endless = ConfigDict({k: v for k, v in config.to_dict().items() if k != "steps"})
    try:
        game = recipe.make_game(endless)
    except (AttributeError, KeyError):
        return False
    return all(config.get(t.player, {}).get("decay") == "constant" for t in game.turns)


def make_evaluators(
    recipe: ModuleType, config: ConfigDict, game: Game, real: Dataset, held_out: Dataset | None
) -> list[evaluation.Evaluator]:
    """What suits the data's kind, the game's own figures on data seen and held out, the rest.

    Args:
      recipe: the module.
      config: its config.
      game: its game.
      real: the data trained on.
      held_out: those of `config.data.test_split`, where there are any.
    """
    shown = real if held_out is None else held_out
    opened = {real.split: real} | ({} if held_out is None else {held_out.split: held_out})
    split = config.evaluate_split or real.split
    reference = opened.get(split) or make_data(recipe, config, split)
    found: list[evaluation.Evaluator] = []
    if game.target in real.kinds and config.evaluate_count:
        count = sampling.available(game, lambda: shown, config.evaluate_count)
        key = purpose_key(config.seed, "evaluation")
        label = None
        if game.conditions == ("label",):
            label = evaluation.labels_to_ask_for(reference, count)
        inputs = sampling.make_inputs(
            game, real.kinds, lambda: shown, key, range(count), label=label
        )
        found += evaluation.suited_evaluators(
            game,
            reference,
            None if reference is held_out else held_out,
            inputs.columns,
            label=inputs.label,
            wanted=inputs.wanted,
            count=config.evaluate_count,
            settings=classifier_settings(config),
            cache=cache.default_folder(),
            report=print,
        )
    if game.metrics is not None and held_out is not None:
        for name, of in (("seen", real), ("held_out", held_out)):
            count = min(_HELD_OUT, len(of))
            rows = data.order(len(of), 0, 0, count)  # a folder has its classes one after the other
            batch = jax.tree.map(jnp.asarray, next(data.batches(of, rows, count)))
            key = purpose_key(config.seed, "held out")
            found.append(evaluation.on_held_out(game, batch, key, name))
    if hasattr(recipe, "make_evaluators"):
        found += call(recipe, "make_evaluators", config, game, real, held_out)
    return found


def classifier_settings(config: ConfigDict) -> extractors.ClassifierSettings:
    """How the classifier that evaluates a run is trained."""
    return _filled(extractors.ClassifierSettings, config, "classifier")


def purpose_key(seed: int, purpose: str) -> PRNGKey:
    """A key drawn from a run's seed for what is no training."""
    return prng.fold_in(jax.random.key(seed), purpose)


def samples_key(seed: int) -> PRNGKey:
    """The key of a script's `--seed`, from which none of a run's is derived."""
    return purpose_key(seed, "samples")


def configure(recipe: ModuleType, variant: str = "", **overrides: Any) -> ConfigDict:
    """A recipe's config under dotted overrides, as `TINY` holds them.

    Raises:
      UserError: the config has no such setting, or it is of another type.
    """
    config = call(recipe, "get_config", *([variant] if variant else []))
    config.lock()
    for name, value in overrides.items():
        try:
            config.update_from_flattened_dict({name: value})
        except KeyError:
            raise UserError(f"{recipe.__file__}: the config has no {name!r}") from None
        except TypeError:
            wanted = type(reduce(getitem, name.split("."), config)).__name__
            said = f"{name} is {value!r}: it must be of type {wanted}"
            raise UserError(f"{recipe.__file__}: {said}") from None
    return config.unlock()


def columns_record(dataset: Dataset) -> Mapping[str, Any]:
    """Kind, shape and dtype of each column, as a run's record keeps them."""
    example = data.first(dataset, 1)
    return {
        name: {
            "kind": data.to_record(kind),
            "shape": list(example[name].shape[1:]),
            "dtype": str(example[name].dtype),
        }
        for name, kind in dataset.kinds.items()
    }
