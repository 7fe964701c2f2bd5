"""Arrays that are costly to make, kept in files: whole or absent, and never to be relied on."""

import contextlib
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.files import replacing
from gan_jax.types import UserError

_DIGEST = "digest"  # the name of what tells the others whole
_log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Where a user's caches live: `$XDG_CACHE_HOME/gan_jax`, else `~/.cache/gan_jax`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gan_jax"


def recall(path: Path) -> dict[str, np.ndarray] | None:
    """Arrays by name that were kept, or None, with a warning where they are damaged or others'."""
    try:
        with path.open("rb") as file:
            arrays = dict(np.load(file))
        digest = arrays.pop(_DIGEST, None)
        if digest is None or str(digest) != _digest(arrays):
            raise ValueError("its arrays are not those that were kept")
        return arrays
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:  # damage has many faces in zipfile and NumPy
        _log.warning("%s is damaged, and made anew: %s", path, error)
        return None


def keep(path: Path, arrays: Mapping[str, Any]) -> None:
    """Keeps arrays, at once or not at all, whoever else may be writing the same."""
    try:
        with replacing(path) as incoming, incoming.open("wb") as file:
            whole: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
            np.savez(file, **{**whole, _DIGEST: np.array(_digest(whole))})
    except UserError as error:
        _log.warning("%s; it will be made again", error)


@contextlib.contextmanager
def alone(path: Path, say: Callable[[str], None] = lambda line: None) -> Iterator[None]:
    """Holds a file to be kept against other processes, so that one makes what all want.

    Others wait, and find it made unless that failed; where a folder cannot be written or has no
    locks none do.

    Args:
      path: of the file.
      say: is told where there is a wait.
    """
    name = path.with_suffix(".lock")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(name.open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another process, which makes {path}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            # A forked child may have the file open still.
            stack.callback(fcntl.flock, lock, fcntl.LOCK_UN)
            # Whoever waits for it holds a file without a name by then, which does no harm.
            stack.callback(name.unlink, missing_ok=True)
        yield


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """A hash of every array's name, kind and bits."""
    found = hashlib.blake2b()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype} {arrays[name].shape}\n".encode())
        found.update(array.data)
    return found.hexdigest()
