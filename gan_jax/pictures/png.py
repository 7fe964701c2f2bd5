"""Pictures as PNG."""

import io
import os

import numpy as np
from PIL import Image

from gan_jax.files import write_whole


def encode_png(image: np.ndarray) -> bytes:
    """A uint8 image [H, W, 3] as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png")
    return buffer.getvalue()


def save_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Writes a uint8 image [H, W, 3] as PNG, whole or not at all.

    Raises:
      UserError: it could not be written.
    """
    write_whole(path, encode_png(image))
