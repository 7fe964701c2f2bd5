"""Checkpoints: whole or invisible, checked when read. The only file that names orbax."""

import hashlib
import json
import logging
import math
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from gan_jax.files import sync, write_whole
from gan_jax.quiet import quiet
from gan_jax.types import UserError

_HEADER = "header"
_INCOMING = "incoming"  # being written
_OUTGOING = "outgoing"  # being removed
_DAMAGED = "damaged"  # set aside
_LOOKS = 5  # for checkpoints that a run replaces while another process reads them
_SLACK = 2**20  # bytes that a checkpoint may take on top of its arrays
_log = logging.getLogger(__name__)


class _DamagedError(Exception):
    """A checkpoint is not as it was written."""


class Checkpoints:
    """The checkpoints of one run: `directory/STEP/`, one orbax checkpoint each.

    A checkpoint appears by one rename once it is complete, and disappears by one, so that a process
    killed at any moment leaves whole checkpoints only. Each carries the digests of its files,
    verified before orbax reads them, since tensorstore prints a trace for each read that fails.
    Elsewhere, `orbax.checkpoint.PyTreeCheckpointer().restore(path)` gives the leaves by name.

    Kept are the newest `keep` and, where `best` names one of the metrics given to `save`, the one
    that is best by it. One that `restore` found damaged is set aside as `damaged-STEP` by the next
    `save`, never replaced. In a run of several processes every process calls `save` with the same
    state; one writes.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        keep: int = 3,
        best: str | None = None,
        higher_is_better: bool = True,
    ) -> None:
        if keep < 1:
            raise UserError(f"keep must be at least 1 checkpoint, not {keep}")
        self._name = os.fspath(directory)
        self._directory = pathlib.Path(directory).absolute()
        self._keep = keep
        self._best = best
        self._damaged: set[int] = set()
        self._sign = 1 if higher_is_better else -1
        with quiet():
            self._orbax = ocp.Checkpointer(ocp.PyTreeCheckpointHandler())

    def save(
        self,
        step: int,
        state: Any,
        metrics: Mapping[str, float] | None = None,
        unlogged: Mapping[str, float] | None = None,
    ) -> None:
        """Writes `state` as the checkpoint of `step`, in place of an earlier one of that step.

        Checkpoints of later steps are removed: the run that wrote them was turned back.

        Args:
          step: the number of steps taken.
          state: any pytree of arrays, scalars and typed PRNG keys.
          metrics: what the best checkpoint is chosen by, stored beside the state.
          unlogged: what the run's next log is to take in of the steps before, stored too.

        Raises:
          UserError: the checkpoint could not be written, on a full disk say. The others are intact.
        """
        leaves = _named_leaves(state)
        arrays = {name: _to_numpy(leaf) for name, leaf in leaves.items()}
        header: dict[str, Any] = {
            "step": int(step),
            "metrics": {name: float(value) for name, value in (metrics or {}).items()},
            "unlogged": dict(unlogged or {}),
            "leaves": {name: _spec(leaf) for name, leaf in leaves.items()},
        }
        try:
            self._write(step, header, arrays)
        except Exception as error:  # tensorstore, orbax and the file system each raise their own
            self._clear()
            last = self.latest_step()
            good = "there is none yet" if last is None else f"the last good one is at step {last}"
            raise UserError(
                f"could not write the checkpoint at step {step} to {self._name}:"
                f" {_reason(error)}; {good}"
            ) from error

    def restore(
        self, template: Any, step: int | Literal["best"] | None = None
    ) -> tuple[int, Any] | None:
        """Reads the newest intact checkpoint, that of `step`, or the best intact one.

        Args:
          template: a state of the same structure, shapes and dtypes, or what `jax.eval_shape` says
            of one; its values do not matter, its static fields are taken over.
          step: which checkpoint; "best" for the best by the metric `best`, None for the newest.

        Returns:
          The step and the state, its leaves NumPy arrays (Python scalars become arrays of shape
          `[]`) and typed PRNG keys; or None where no checkpoint has been saved.

        Raises:
          UserError: the checkpoint does not fit the template or cannot be read though it is there,
            none that was asked for is intact, or none has the metric that the best is chosen by.
        """
        for _ in range(_LOOKS):
            before = self.steps()
            try:
                return self._restore(template, step)
            except UserError:
                if set(before) <= set(self.steps()):
                    raise
        return self._restore(template, step)

    def _restore(self, template: Any, step: int | Literal["best"] | None) -> tuple[int, Any] | None:
        if step is None:
            return self._first_intact(template, self.steps()[::-1])
        if step == "best":
            ranked = self._by_merit()
            if self.steps() and not ranked:
                wanted = f"the metric {self._best}" if self._best else "a metric to be best by"
                raise UserError(
                    f"no checkpoint in {self._name} has {wanted}: let the run evaluate and save, or"
                    " choose a step"
                )
            return self._first_intact(template, ranked)
        if step not in self.steps():
            there = ", ".join(map(str, self.steps())) or "none"
            raise UserError(f"no checkpoint of step {step} in {self._name}; there are: {there}")
        return self._first_intact(template, [step])

    def steps(self) -> list[int]:
        """The steps of which there is a checkpoint, in rising order."""
        if not self._directory.is_dir():
            return []
        return sorted(int(path.name) for path in self._directory.iterdir() if path.name.isdigit())

    def latest_step(self) -> int | None:
        """The last of `steps`."""
        return max(self.steps(), default=None)

    def best_step(self) -> int | None:
        """The step whose metric `best` is best, the earliest among equals."""
        return next(iter(self._by_merit()), None)

    def unlogged(self, step: int) -> dict[str, float]:
        """What `save` was given to keep for the log; nothing where there is no such checkpoint."""
        if step not in self.steps():
            return {}
        return _read_header(self._directory / str(step)).get("unlogged", {})

    def close(self) -> None:
        """Frees what orbax holds."""
        self._orbax.close()

    def _write(
        self, step: int, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> None:
        self._clear()
        ocp.multihost.sync_global_processes("gan_jax: ready for a checkpoint")
        full = {name: array for name, array in arrays.items() if array.size}  # orbax wants them so
        if jax.process_index() == 0:
            self._make_room(sum(array.nbytes for array in full.values()))
        incoming = self._directory / _INCOMING
        with quiet():
            self._orbax.save(incoming, args=ocp.args.PyTreeSave(full))
        if jax.process_index() == 0:
            _write_header(incoming, {**header, "files": _digests(incoming)})
            sync(incoming)
            if step in self.steps():
                self._withdraw(step)
            incoming.rename(self._directory / str(step))
            for other in self._superfluous(step):
                self._withdraw(other)
            self._clear()
        ocp.multihost.sync_global_processes("gan_jax: checkpoint written")

    def _make_room(self, size: int) -> None:
        """Fails on a full disk before orbax does, whose pending writes would each print a trace."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "posix_fallocate"):  # not on macOS
            with tempfile.TemporaryFile(dir=self._directory) as file:
                os.posix_fallocate(file.fileno(), 0, size + _SLACK)

    def _first_intact(self, template: Any, steps: list[int]) -> tuple[int, Any] | None:
        for step in steps:
            try:
                header, arrays = self._read(step)
            except _DamagedError as error:
                if step not in self.steps():
                    continue  # its run has replaced it meanwhile
                self._damaged.add(step)
                _log.warning(
                    "skipping the damaged checkpoint at step %d in %s: %s",
                    step,
                    self._name,
                    _reason(error),
                )
                continue
            self._check_fit(step, header["leaves"], template)
            return step, _fill(template, arrays)
        if not steps:
            return None
        raise UserError(
            f"damaged: every checkpoint tried in {self._name} (of steps"
            f" {', '.join(map(str, steps))}); bring back a copy, or start in a new folder"
        )

    def _read(self, step: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """A checkpoint, if it is as it was written.

        Raises:
          _DamagedError: it is not.
          UserError: it may be, but cannot be read.
        """
        path = self._directory / str(step)
        try:
            header = _verified_header(path)
            with quiet():
                return header, self._orbax.restore(path, args=ocp.args.PyTreeRestore())
        except _DamagedError:
            raise
        except Exception as error:  # the file system, tensorstore and orbax each raise their own
            raise UserError(
                f"could not read the checkpoint at step {step} in {self._name}: {_reason(error)}"
            ) from error

    def _check_fit(self, step: int, stored: Mapping[str, str], template: Any) -> None:
        wanted = {name: _spec(leaf) for name, leaf in _named_leaves(template).items()}
        for name in [*wanted, *stored]:
            there, here = stored.get(name, "absent"), wanted.get(name, "absent")
            if there != here:
                raise UserError(
                    f"the checkpoint at step {step} in {self._name} does not fit: {name} is"
                    f" {there} in it and {here} in this model; use the config it was trained with"
                )

    def _by_merit(self) -> list[int]:
        merits = {step: self._merit(step) for step in self.steps()} if self._best else {}
        ranked = [step for step, merit in merits.items() if math.isfinite(merit)]
        return sorted(ranked, key=lambda step: -merits[step])

    def _merit(self, step: int) -> float:
        path = self._directory / str(step)
        try:
            return self._sign * _read_header(path)["metrics"].get(self._best, math.nan)
        except Exception:  # a damaged checkpoint has no merit
            return math.nan

    def _superfluous(self, step: int) -> set[int]:
        """Once `step` is saved: the later ones, and the old ones but for the best."""
        earlier = [other for other in self.steps() if other <= step]
        return set(self.steps()) - set(earlier[-self._keep :]) - ({self.best_step()} & set(earlier))

    def _withdraw(self, step: int) -> None:
        name = f"{_OUTGOING}-{step}"
        if step in self._damaged:
            self._damaged.remove(step)
            times = len(list(self._directory.glob(f"{_DAMAGED}-{step}*")))
            name = f"{_DAMAGED}-{step}" + (f"-{times}" if times else "")
        (self._directory / str(step)).rename(self._directory / name)

    def _clear(self) -> None:
        """Removes what was withdrawn, and what a killed `save` left; orbax suffixes its name."""
        if jax.process_index() == 0:
            for name in (_INCOMING, _OUTGOING):
                for path in self._directory.glob(f"{name}*"):
                    shutil.rmtree(path, ignore_errors=True)


def digest(state: Any) -> str:
    """What tells two states apart: a hash of every leaf's name, kind and bits."""
    found = hashlib.blake2b()
    for name, leaf in _named_leaves(state).items():
        found.update(f"{name} {_spec(leaf)}".encode())
        found.update(_to_numpy(leaf).tobytes())
    return found.hexdigest()


def _named_leaves(tree: Any) -> dict[str, Any]:
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in paths}


def _is_key(leaf: Any) -> bool:
    kind = getattr(leaf, "dtype", None)
    return kind is not None and jax.dtypes.issubdtype(kind, jax.dtypes.prng_key)


def _to_numpy(leaf: Any) -> np.ndarray:
    if isinstance(leaf, bool | int | float | complex):
        return np.asarray(leaf, jax.dtypes.result_type(leaf))  # as jax would, int32 say
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _typed(leaf: Any) -> Any:
    """Something of a leaf's shape and dtype."""
    return leaf if _is_key(leaf) or isinstance(leaf, jax.ShapeDtypeStruct) else _to_numpy(leaf)


def _spec(leaf: Any) -> str:
    """A leaf's kind in one word, such as `float32[4,3]` or `key<fry>[]`."""
    typed = _typed(leaf)
    return f"{typed.dtype}[{','.join(map(str, typed.shape))}]"


def _digests(checkpoint: pathlib.Path) -> dict[str, str]:
    """The digest of every file but the header, by path."""
    digests = {}
    for path in checkpoint.rglob("*"):
        if path.is_file() and path.name != _HEADER:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, hashlib.blake2b)
            digests[path.relative_to(checkpoint).as_posix()] = digest.hexdigest()
    return digests


def _verified_header(checkpoint: pathlib.Path) -> dict[str, Any]:
    """The header of a checkpoint whose files are all as it says.

    Raises:
      _DamagedError: one is not, or is absent. Other errors of reading pass.
    """
    try:
        header, found = _read_header(checkpoint), _digests(checkpoint)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise _DamagedError(_reason(error)) from error
    for name in sorted(header["files"].keys() | found.keys()):
        if header["files"].get(name) != found.get(name):
            raise _DamagedError(f"its file {name} is not as it was written")
    return header


def _write_header(checkpoint: pathlib.Path, header: Mapping[str, Any]) -> None:
    """Writes the header as two lines, its digest first."""
    text = json.dumps(header)
    digest = hashlib.blake2b(text.encode()).hexdigest()
    write_whole(checkpoint / _HEADER, f"{digest}\n{text}\n")


def _read_header(checkpoint: pathlib.Path) -> dict[str, Any]:
    digest, text, *_ = (checkpoint / _HEADER).read_text().split("\n")
    if digest != hashlib.blake2b(text.encode()).hexdigest():
        raise ValueError(f"its file {_HEADER} is not as it was written")
    return json.loads(text)


def _fill(template: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The template with the arrays for leaves; those without elements are not stored."""
    filled = []
    for name, leaf in _named_leaves(template).items():
        array = arrays.get(name)
        if array is None:
            typed = _typed(leaf)
            array = np.empty(typed.shape, typed.dtype)
        if _is_key(leaf):
            implementation = jax.random.key_impl(jnp.empty((), leaf.dtype))
            array = jax.random.wrap_key_data(jnp.asarray(array), impl=implementation)
        filled.append(array)
    return jax.tree.unflatten(jax.tree.structure(template), filled)


def _reason(error: BaseException) -> str:
    """The innermost cause of an error in one line; a long one's end, where tensorstore says it."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 120 else f"...{lines[0][-120:]}"
