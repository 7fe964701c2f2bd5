"""The contract of a run's folder: what it was made with, and that one process at a time has it."""

import ast
import contextlib
import datetime
import fcntl
import importlib.machinery
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from gan_jax.files import is_partial, write_whole
from gan_jax.types import UserError

_CONFIG = "config.json"
_RECIPE = "recipe.py"
_LOCK = ".lock"
# what alters neither the steps already taken nor, but for rounding, those to come
_HARMLESS = re.compile("steps|(log|sample|evaluate|checkpoint)_every|keep|best")
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "gan_jax")


@contextlib.contextmanager
def lock(workdir: str | os.PathLike[str]) -> Iterator[None]:
    """Holds a run's folder, made if need be, against other processes; death lets go of it.

    Raises:
      UserError: another process holds it, or the folder cannot be made.
    """
    path = pathlib.Path(workdir) / _LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644), "r+")
    except OSError as error:
        raise UserError(f"could not open {workdir} as a run's folder: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise UserError(
                f"{workdir} is in use by process {file.read().strip() or 'unknown'};"
                " wait for it, stop it, or choose another --workdir"
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # a forked child may still have the file open


def record(
    config: Mapping[str, Any],
    *,
    recipe: str,
    seed: int,
    columns: Mapping[str, Mapping[str, Any]],
    examples: int,
) -> dict[str, Any]:
    """What a run is made with. Call it after `jax.distributed.initialize`: it asks for devices.

    Args:
      config: the resolved config, plain values that JSON knows.
      recipe: the recipe's path as given.
      seed: the run's seed.
      columns: of a batch, by name: its `kind`, as `data.kinds.to_record` has it, `shape` and
        `dtype`, from which a state can be built again without the data.
      examples: how many there are to train on.
    """
    devices = jax.devices()
    return {
        "config": json.loads(json.dumps(config)),  # tuples become lists, as they will on reading
        "recipe": recipe,
        "seed": seed,
        "columns": json.loads(json.dumps(columns)),
        "examples": examples,
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "platform": platform.platform(),
        "devices": f"{len(devices)} x {devices[0].device_kind}",
        "git": _git(),
    }


def claim(
    workdir: str | os.PathLike[str],
    record: Mapping[str, Any],
    recipe_source: str,
    *,
    allow_config_change: bool = False,
    extendable: bool = False,
) -> None:
    """Makes a folder that of this run, or checks that it is.

    A new folder gets `config.json`, the record, and `recipe.py`, the recipe's source, so that the
    folder alone suffices to sample from, and so does one of a run that neither logged nor saved
    anything. A folder of the same config and recipe is left as it is.

    Args:
      workdir: the folder, held by `lock`.
      record: what `record` returned.
      recipe_source: the text of the recipe.
      allow_config_change: replaces the record of another config or recipe, and keeps the old one in
        the new under `previous`, oldest first.
      extendable: whether more steps than before leave the others as they are, as under constant
        schedules: then a config that only adds steps, or alters how often a run logs, samples,
        evaluates and saves or what it keeps, replaces the old one in
        the same way without being allowed.

    Raises:
      UserError: the config, the recipe or the number of examples is another, or the folder is not
        a run's.
    """
    workdir = pathlib.Path(workdir)
    if not (workdir / _CONFIG).exists():
        _check_new(workdir, recipe_source)
        _write_run(workdir, record, recipe_source)
        return
    old = load(workdir)
    old_source = _read_recipe(workdir)
    changes = diff(old["config"], record["config"])
    if old_source != recipe_source:
        changes.append(f"{_RECIPE}: the source of {record['recipe']} changed")
    if old.get("examples") != record["examples"]:
        changes.append(f"data: {old.get('examples')} -> {record['examples']} examples")
    if not changes:
        return
    if not _has_begun(workdir):  # it failed before it had anything to lose
        _write_run(workdir, record, recipe_source)
        return
    extended = extendable and old_source == recipe_source
    extended = extended and old.get("examples") == record["examples"]
    extended = extended and _extends(old["config"], record["config"])
    if not (allow_config_change or extended):
        raise UserError(
            f"{workdir} holds a run of another config; choose another --workdir, or continue"
            " under the new one with --allow_config_change:\n  " + "\n  ".join(changes)
        )
    past = {name: value for name, value in old.items() if name != "previous"}
    previous = [*old.get("previous", []), {**past, "recipe_source": old_source}]
    _write_run(workdir, {**record, "previous": previous}, recipe_source)


def _has_begun(workdir: pathlib.Path) -> bool:
    return (workdir / "metrics.jsonl").exists() or any(workdir.glob("checkpoints/*"))


def load(workdir: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the record of a run.

    Raises:
      UserError: there is none, or it cannot be read.
    """
    path = pathlib.Path(workdir) / _CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no {_CONFIG} in {workdir}: expected the folder of a run, as"
            " `python -m experiments.train --workdir=DIR` makes it"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"could not read {path}: {error}; bring back a copy") from error
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise UserError(f"{path} holds no record of a run: it lacks `config`; bring back a copy")
    return found


def check_owner(workdir: str | os.PathLike[str]) -> None:
    """Checks that what a folder would execute is one's own.

    Raises:
      UserError: its recipe belongs to another user, who is not root.
    """
    path = pathlib.Path(workdir) / _RECIPE
    try:
        owner = path.stat().st_uid
    except OSError as error:
        raise UserError(f"could not read {path}: {error.strerror}; bring back a copy") from error
    if owner not in (0, os.getuid()):
        raise UserError(
            f"{path} is another user's, and would be executed: read it, then say --trust"
        )


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The differences of two configs, a line per key: `data.resolution: 16 -> 32`."""
    return [f"{key}: {before} -> {after}" for key, (before, after) in _changed(old, new).items()]


def siblings(recipe_path: str | os.PathLike[str]) -> list[str]:
    """The modules beside a recipe that it imports, by name, and that are not installed.

    A run's folder holds the recipe alone, so that what is sampled from there cannot import them.

    Raises:
      UserError: the recipe cannot be read as Python.
    """
    path = pathlib.Path(recipe_path).absolute()
    folder = path.parent
    try:
        names = _imported(ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"could not read the recipe {recipe_path}: {error}") from error
    if folder == pathlib.Path(__file__).absolute().parents[1]:
        return []  # what lies beside this library is found wherever it is
    # The first entry is where Python was started, which another process need not be.
    started, *others = sys.path
    elsewhere = others if pathlib.Path(started).absolute() == folder else sys.path
    find = importlib.machinery.PathFinder.find_spec
    return sorted(
        name
        for name in names - sys.stdlib_module_names
        if find(name, [str(folder)]) and not find(name, elsewhere)
    )


def _imported(module: ast.Module) -> set[str]:
    """The first part of each module's name that is imported, in functions too."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} if node.module else {alias.name for alias in node.names}
    return {name.partition(".")[0] for name in names}


def _extends(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether `new` is `old` but for what is harmless, and its steps are no fewer."""
    harmless = all(_HARMLESS.fullmatch(key) for key in _changed(old, new))
    return harmless and new.get("steps", 0) >= old.get("steps", 0)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Of each dotted key that differs, in order, the JSON text before and after."""
    before, after = _flatten(old), _flatten(new)
    return {
        key: (before.get(key, "absent"), after.get(key, "absent"))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    }


def _flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The JSON text of each value, by dotted key."""
    flat: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = json.dumps(value)
    return flat


def versions() -> dict[str, str | None]:
    """Python's version and each package's; None where it runs from a checkout uninstalled."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def _git() -> dict[str, Any] | None:
    """The commit of this code and whether tracked files differ from it; None outside git."""
    here = pathlib.Path(__file__)

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)  # or this is the repository around a venv
        commit = git("rev-parse", "HEAD")
        dirty = bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit, "dirty": dirty}


def _check_new(workdir: pathlib.Path, recipe_source: str) -> None:
    """Refuses a folder with anything in it but what a `claim` cut short leaves."""
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir} is a file, not a folder; choose another --workdir")
    names = {path.name for path in workdir.iterdir()} if workdir.exists() else set()
    names = {name for name in names if name != _LOCK and not is_partial(name)}
    if _read_recipe(workdir) == recipe_source:
        names.discard(_RECIPE)
    if names:
        raise UserError(
            f"{workdir} is not the folder of a run: it holds {min(names)} but no {_CONFIG};"
            " choose another --workdir"
        )


def _read_recipe(workdir: pathlib.Path) -> str | None:
    path = workdir / _RECIPE
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write_run(workdir: pathlib.Path, record: Mapping[str, Any], recipe_source: str) -> None:
    """Writes both files, the record last: with it the folder is a run's."""
    text = json.dumps(record, indent=2, sort_keys=True) + "\n"
    write_whole(workdir / _RECIPE, recipe_source)
    write_whole(workdir / _CONFIG, text)
