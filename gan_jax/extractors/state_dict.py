"""PyTorch's state dicts without PyTorch: where published weights come from."""

import hashlib
import http.client
import io
import os
import pickle
import re
import urllib.request
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from gan_jax.files import write_whole
from gan_jax.types import UserError

_LEGACY = 0x1950A86A20F9469CFC6C
"""What a file begins with that `torch.save` wrote before PyTorch 1.6 made archives."""

_LIMIT = 2**32
"""Bytes of weights, in the file and unpacked: Inception's are 2**27."""


def read_state_dict(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], str]:
    """Reads what `torch.save(module.state_dict(), path)` wrote, or `.npz` of the same names.

    Of a pickle only float32 and int64 tensors are made; whatever else it names is refused, so that
    a file of unknown origin cannot run code. `np.savez(npz, **read_state_dict(pth)[0])` turns the
    one form into the other.

    Args:
      path: of the file. Eight or more hexadecimal digits at the end of its name, as in
        `inception-6726825d.pth`, must be the first of its SHA-256.

    Returns:
      Arrays by name; the file's SHA-256 in hexadecimal digits.

    Raises:
      UserError: the file is missing, damaged, another than its name says, or holds something else.
    """
    path = Path(path).expanduser()
    try:
        if (size := path.stat().st_size) > _LIMIT:
            raise UserError(f"cannot read weights from {path}: {size:,} bytes are too many")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read weights from {path}: {error.strerror}") from None
    digest = _checked_digest(path, content)
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            members = zipfile.ZipFile(io.BytesIO(content)).infolist()
            if (size := sum(member.file_size for member in members)) > _LIMIT:
                raise ValueError(f"its {size:,} bytes unpacked are too many")
        if path.suffix == ".npz":
            return dict(np.load(io.BytesIO(content), allow_pickle=False)), digest
        return _load(io.BytesIO(content)), digest
    except Exception as error:  # a damaged pickle may raise anything
        raise UserError(f"{path} is no state dict: {str(error) or type(error).__name__}") from None


def download(url: str, folder: str | os.PathLike[str]) -> Path:
    """Fetches weights once; whole and of the checksum that their name carries, or not at all.

    Args:
      url: of the file, its name as `read_state_dict` has it.
      folder: where it is kept, made where there is none; `cache.default_folder()` is the usual one.

    Returns:
      The file's path.

    Raises:
      UserError: the file cannot be fetched or kept, or is another than its name says.
    """
    path = Path(folder).expanduser() / url.rpartition("/")[2]
    if path.is_file():
        return path
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            content = response.read()
        _checked_digest(path, content)
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"cannot download {url} ({error}): fetch it elsewhere and put it at {path}"
        ) from None
    write_whole(path, content)
    return path


def _checked_digest(path: Path, content: bytes) -> str:
    """The SHA-256, which must begin with the digits that the file's name ends in, if any."""
    digest = hashlib.sha256(content).hexdigest()
    promised = re.search(r"-([0-9a-f]{8,64})\.\w+$", path.name)
    if promised and not digest.startswith(promised[1]):
        raise UserError(f"{path} is not what its name says: its SHA-256 is {digest}; fetch it anew")
    return digest


class _Tensor(NamedTuple):
    """A view of a storage that is still to be read; offset and strides are in elements."""

    storage: tuple[np.dtype, str]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, storages: Mapping[str, bytes]) -> np.ndarray:
        dtype, key = self.storage
        offset, *strides = (dtype.itemsize * count for count in (self.offset, *self.strides))
        # NumPy checks the view against the buffer's bounds.
        return np.ndarray(self.shape, dtype, storages[key], offset, strides)


_STORED: dict[str, np.dtype] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Unpickler(pickle.Unpickler):
    """Makes plain values, ordered dicts and `_Tensor`s, and nothing else that a pickle may name.

    A pickle may set attributes of what it names: it gets names, and functions of its own.
    """

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict  # whose attributes cannot be set
            case "torch._utils", "_rebuild_tensor_v2":
                return lambda *arguments: _Tensor(*arguments[:4])
            case "torch", _ if name in _STORED:
                return name
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, description: tuple) -> tuple[np.dtype, str]:
        _, name, key, *_ = description
        return _STORED[name], key


def _load(file: IO[bytes]) -> dict[str, np.ndarray]:
    def unpickle(file: IO[bytes]) -> Any:
        return _Unpickler(file).load()

    if zipfile.is_zipfile(file):
        archive = zipfile.ZipFile(file)
        root = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        folder = root.removesuffix("data.pkl") + "data/"
        tensors = unpickle(archive.open(root))
        storages = {key: archive.read(folder + key) for (_, key), *_ in tensors.values()}
    else:
        file.seek(0)
        if unpickle(file) != _LEGACY:
            raise pickle.UnpicklingError("torch.save did not write it")
        _protocol, _system, tensors, keys = (unpickle(file) for _ in range(4))
        sizes = {key: dtype.itemsize for (dtype, key), *_ in tensors.values()}
        storages = {
            key: file.read(sizes[key] * int.from_bytes(file.read(8), "little")) for key in keys
        }
    return {name: tensor.array(storages) for name, tensor in tensors.items()}
