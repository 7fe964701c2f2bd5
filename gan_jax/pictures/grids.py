"""Images side by side."""

import colorsys
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_jax.pictures.canvas import INK
from gan_jax.types import UserError

_LEGIBLE = 48  # pixels a side; what is smaller is enlarged
_WHITE = 255


def grid(
    images: np.ndarray, columns: int | None = None, border: int = 2, *, legible: bool = True
) -> np.ndarray:
    """Lays images out in a grid, filled row by row.

    Args:
      images: [N, H, W, C] with C of 1 or 3, or one more for opacity.
      columns: images in a row; the square root of N, rounded up, if None.
      border: white pixels around each image.
      legible: whether images smaller than 48 pixels are enlarged by a whole factor.

    Returns:
      The picture.

    Raises:
      UserError: the shape is another, or there are no images.
    """
    images = _to_rgb(images)
    cells = _enlarge(images, _side(images)) if legible else images
    return _tile(cells, columns or math.ceil(math.sqrt(len(cells))), border)


def rows(named: Mapping[str, np.ndarray], border: int = 2) -> np.ndarray:
    """Sets strips of images below each other, each with its name to the left.

    Args:
      named: images [N, H, W, C] by name, such as `input` and `reconstruction`; the i-th of each
        stand in one column.
      border: white pixels around each image.

    Returns:
      The picture.

    Raises:
      UserError: a shape is wrong, or the strips are of unequal length.
    """
    images = {name: _to_rgb(strip) for name, strip in named.items()}
    lengths = {name: len(strip) for name, strip in images.items()}
    if len(set(lengths.values())) != 1:
        raise UserError(f"strips of one picture need equally many images, got {lengths}")
    side = max(_side(strip) for strip in images.values())
    cells = [_centre(_enlarge(strip, side), side) for strip in images.values()]
    strips = [_tile(strip, len(strip), border) for strip in cells]
    labels = _labels(list(images), height=strips[0].shape[0])
    return np.concatenate([labels, np.concatenate(strips)], axis=1)


def neighbours(samples: np.ndarray, nearest: np.ndarray, border: int = 2) -> np.ndarray:
    """Sets samples, one below the other, beside the images they are nearest to.

    Args:
      samples: [N, H, W, C] with C of 1 or 3.
      nearest: [N, K, H, W, C], the nearest first.
      border: white pixels around each image.

    Returns:
      The picture: in each row a sample, a gap and its K images.

    Raises:
      UserError: a shape is another.
    """
    samples, nearest = np.asarray(samples), np.asarray(nearest)
    if nearest.ndim != 5 or (len(nearest), *nearest.shape[2:]) != samples.shape:
        raise UserError(
            f"neighbours of samples {list(samples.shape)} have shape [N, K, H, W, C] of the same "
            f"N, H, W and C; got {list(nearest.shape)}"
        )
    strips = samples, nearest.reshape(-1, *nearest.shape[2:])
    images = [_to_rgb(strip) for strip in strips]
    cells = [_enlarge(strip, _side(strip)) for strip in images]
    left, right = (_tile(strip, len(strip) // len(samples), border) for strip in cells)
    gap = np.full((len(left), cells[0].shape[2] // 3, 3), _WHITE, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def palette(count: int) -> np.ndarray:
    """Colours for so many classes, [count, 3] uint8; the first is dark, the hues lie far apart."""
    hues = [(k * 0.618034) % 1 for k in range(count)]  # the golden section never comes back
    bright = [0.95 if k % 2 else 0.7 for k in range(count)]
    colours = [colorsys.hsv_to_rgb(hue, 0.6, v) for hue, v in zip(hues, bright, strict=True)]
    colours[:1] = [(0.15, 0.15, 0.2)]
    return np.round(255 * np.array(colours)).astype(np.uint8)[:count]


def _to_rgb(images: np.ndarray) -> np.ndarray:
    """Images of bytes in three channels; a second or fourth is opacity, over white."""
    images = np.asarray(images)
    if images.ndim != 4 or not 1 <= images.shape[3] <= 4 or not images.size:
        raise UserError(
            f"a picture takes images [N, H, W, 1 to 4], at least one; got shape {images.shape}"
        )
    if images.dtype != np.uint8:
        images = np.nan_to_num(images.astype(np.float32), nan=-1, posinf=1, neginf=-1)
        images = np.round((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
    if images.shape[3] % 2 == 0:
        opacity = images[..., -1:] / np.float32(_WHITE)
        images = np.round(images[..., :-1] * opacity + _WHITE * (1 - opacity)).astype(np.uint8)
    return np.broadcast_to(images, (*images.shape[:3], 3))


def _side(images: np.ndarray) -> int:
    """The longer side that images [N, H, W, 3] have once they are legible."""
    side = max(images.shape[1:3])
    return side * math.ceil(_LEGIBLE / side)


def _enlarge(images: np.ndarray, side: int) -> np.ndarray:
    """Repeats pixels as often as fits into a square of `side`."""
    factor = side // max(images.shape[1:3])
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def _centre(images: np.ndarray, side: int) -> np.ndarray:
    """Pads images [N, H, W, 3] with white to [N, side, side, 3]."""
    gaps = [(side - length) for length in images.shape[1:3]]
    around = [(0, 0), *((gap // 2, gap - gap // 2) for gap in gaps), (0, 0)]
    return np.pad(images, around, constant_values=_WHITE)


def _tile(cells: np.ndarray, columns: int, border: int) -> np.ndarray:
    """Arranges cells [N, H, W, 3] in rows of `columns`."""
    blank = -len(cells) % columns
    framed = np.pad(
        cells, [(0, blank), (border, border), (border, border), (0, 0)], constant_values=_WHITE
    )
    _, height, width, channels = framed.shape
    lattice = framed.reshape(-1, columns, height, width, channels).swapaxes(1, 2)
    return lattice.reshape(-1, columns * width, channels)


def _labels(names: Sequence[str], height: int) -> np.ndarray:
    """A column of names, one every `height` pixels, set flush right."""
    font = ImageFont.load_default(size=14)
    width = math.ceil(max(font.getlength(name) for name in names)) + 16
    image = Image.new("RGB", (width, height * len(names)), "white")
    draw = ImageDraw.Draw(image)
    for row, name in enumerate(names):
        middle = (width - 8, height * row + height // 2)
        draw.text(middle, name, fill=INK, font=font, anchor="rm")
    return np.asarray(image)
