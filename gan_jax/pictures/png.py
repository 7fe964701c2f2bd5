"""Pictures as PNG."""

import contextlib
import io
import os
import pathlib

import numpy as np
from PIL import Image

from gan_jax.types import UserError


def encode_png(image: np.ndarray) -> bytes:
    """A uint8 image [H, W, 3] as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png")
    return buffer.getvalue()


def save_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Writes a uint8 image [H, W, 3] as PNG, whole or not at all."""
    path = pathlib.Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(encode_png(image))
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise UserError(f"could not write {path}: {error.strerror or error}") from error
