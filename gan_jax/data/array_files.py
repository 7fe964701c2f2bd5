"""A user's own data: NumPy files."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.dataset import ArrayDataset, check_split
from gan_jax.data.kinds import FULL_SCALE, Audio, Image, Kind, make_kind
from gan_jax.types import UserError

_KEYS = {"x": ("x", "images", "samples"), "label": ("label", "labels")}


def array_file(
    path: str | Path, *, split: str = "train", kinds: Mapping[str, Any] | None = None
) -> ArrayDataset:
    """Reads a `.npy` file (`x` alone) or a `.npz` file, each of whose arrays becomes a column.

    Of a `.npz`, `x`, else `images` or `samples` becomes `x`, and `label`, else `labels` becomes
    `label`; the others keep their names. What `experiments.sample --out=FILE.npz` writes can be
    read.

    Args:
        path: The file.
        split: `train`: a file has no other.
        kinds: Of columns, as `make_kind` takes them. Those left out are told by `kind_of`, and
            uint8 [N, H, W] is grey images, int16 [N, T] audio of one channel.

    Raises:
        UserError: if the file is missing, damaged, or holds something else.
    """
    path = Path(path).expanduser()
    check_split(str(path), split, ("train",))
    arrays = _named(_read_arrays(path))
    if "x" not in arrays:
        raise UserError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; name its main array "
            f"{' or '.join(_KEYS['x'])}"
        )
    unknown = sorted(set(kinds or {}) - set(arrays))
    if unknown:
        raise UserError(f"{path} holds {', '.join(arrays)}, but data.kinds names {unknown[0]!r}")
    told = {name: make_kind(kind, arrays[name]) for name, kind in (kinds or {}).items()}
    columns = {name: _column(path, name, array, told) for name, array in arrays.items()}
    return ArrayDataset(str(path), split, columns, told)


def is_there(path: Path) -> bool:
    """Whether a path exists; one that is too long for the file system does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    if not is_there(path):
        raise UserError(f"there is no file {path}")
    try:
        if not zipfile.is_zipfile(path):
            return {"x": np.lib.format.open_memmap(path, mode="r")}
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > (memory := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")):
            raise ValueError(f"its arrays take {size:,} bytes, of {memory:,} in this machine")
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return {key: loaded[key] for key in loaded.files}
    except Exception as error:  # damage has many faces in zipfile, zlib and NumPy
        said = str(error).splitlines() or [type(error).__name__]
        raise UserError(f"{path} cannot be read as a NumPy file: {said[0]}") from None


def _named(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays by the names of their columns."""
    names = {
        next((key for key in keys if key in arrays), None): column for column, keys in _KEYS.items()
    }
    return {names.get(key, key): array for key, array in arrays.items()}


def _column(path: Path, name: str, x: np.ndarray, kinds: Mapping[str, Kind]) -> np.ndarray:
    """An array as a column is stored: floats of 32 bits, pictures and audio with channels."""
    kind = kinds.get(name)
    if x.ndim == 0 or not x.size:
        raise UserError(f"{path}: {name} has shape {list(x.shape)}: there is nothing in it")
    if x.dtype.kind == "f":
        x = x.astype(np.float32, copy=False)
    if name == "x" and x.ndim < 2 and kind is None:
        raise UserError(f"{path}: x has shape {list(x.shape)}; it must be [N, ...]")
    grey = x.ndim == 3 and (isinstance(kind, Image) or (kind is None and x.dtype == np.uint8))
    mono = x.ndim == 2 and (isinstance(kind, Audio) or (kind is None and x.dtype == np.int16))
    if grey or mono:
        x = x[..., None]
    if x.ndim == 4 and (kind is None or isinstance(kind, Image)):
        if x.shape[1] in (1, 3) and x.shape[3] > 4:
            raise UserError(
                f"{path}: {name} {list(x.shape)} has its channels first; transpose it to "
                "[N, H, W, C]"
            )
        unscaled = x.dtype.kind == "f" and max(-x.min(), x.max()) > FULL_SCALE
        if kind is None and unscaled and x.shape[3] in (1, 3):
            raise UserError(
                f"{path}: {name} {list(x.shape)} looks like images, which must lie in [-1, 1], "
                f"but has values in [{x.min():g}, {x.max():g}]; rescale it, or set "
                f"data.kinds.{name} to real"
            )
    return x
