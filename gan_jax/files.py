"""The one way to write a file: whole or not at all."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator

from gan_jax.types import UserError

_PARTIAL = ".partial-"


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Where to write what becomes `path` by one rename, once the block has ended well.

    The name yielded is new, so that two processes may write the same file, and lies in the same
    folder, made if need be, with the same suffix. After an exception it is removed, and `path` is
    as it was.

    Raises:
      UserError: in place of an OSError, in one line that names `path`.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f"{_PARTIAL}{secrets.token_hex(4)}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        sync(partial)
        partial.replace(path)
    except OSError as error:
        raise UserError(f"could not write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes a file, text as UTF-8; see `replacing`.

    Raises:
      UserError: it could not be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as partial:
        partial.write_bytes(data)


def sync(path: pathlib.Path) -> None:
    """Waits until a file, or all of a folder, is on the disk: a rename may get there first."""
    for each in [path, *path.rglob("*")] if path.is_dir() else [path]:
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_partial(name: str) -> bool:
    """Whether a file of this name is what a killed process left of `replacing`."""
    return name.startswith(_PARTIAL)


def remove_partial(folder: pathlib.Path, name: str = "*") -> None:
    """Removes what killed processes left of files of this name or pattern; nobody may write one."""
    for partial in folder.glob(f"{_PARTIAL}*-{name}"):
        partial.unlink(missing_ok=True)
