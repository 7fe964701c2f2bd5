"""Pictures of text, and pictures under headings."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_jax.pictures.canvas import INK, SHADE
from gan_jax.types import UserError

_SIZE = 14  # of letters, in pixels
_LINE = 19
_MARGIN = 12
_ACROSS = 88  # letters of a line
_DOWN = 10  # lines of a text
_FONT = "fonts/ttf/DejaVuSansMono.ttf"  # Matplotlib's own: Latin with accents, Greek, Cyrillic


def texts(texts: Sequence[str]) -> np.ndarray:
    """Draws texts one below the other, each with its number, broken after 88 letters.

    Args:
      texts: of one line or several; what does not fit into ten is cut off, and what cannot be
        printed is a dot.

    Returns:
      The picture, uint8 [H, W, 3].

    Raises:
      UserError: there is none.
    """
    if not texts:
        raise UserError("a picture of texts takes at least one")
    blocks = [_broken(text) for text in texts]
    font = _font(_SIZE)
    left = _MARGIN + font.getlength(f"{len(blocks)}  ")
    right = left + max(font.getlength(line) for block in blocks for line in block) + _MARGIN
    height = _LINE * sum(map(len, blocks)) + 2 * _MARGIN
    image = Image.new("RGB", (math.ceil(right), height), "white")
    draw = ImageDraw.Draw(image)
    top = _MARGIN
    for number, block in enumerate(blocks, start=1):
        draw.line([(_MARGIN, top), (right - _MARGIN, top)], fill="#eeeeee")
        draw.text((_MARGIN, top + 2), str(number), fill=SHADE, font=font)
        for line in block:
            draw.text((left, top + 2), line, fill=INK, font=font)
            top += _LINE
    return np.asarray(image)


def sections(titled: Mapping[str, np.ndarray]) -> np.ndarray:
    """Sets pictures below each other, each under its title.

    Args:
      titled: pictures uint8 [H, W, 3] by title.

    Returns:
      The picture, as wide as the widest.
    """
    font = _font(_SIZE)
    headings = []
    for title in titled:
        heading = Image.new("RGB", (math.ceil(font.getlength(title)) + 2 * _MARGIN, 28), "white")
        ImageDraw.Draw(heading).text((_MARGIN, 6), title, fill=INK, font=font)
        headings.append(np.asarray(heading))
    parts = [part for pair in zip(headings, titled.values(), strict=True) for part in pair]
    width = max(part.shape[1] for part in parts)
    padded = [
        np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255)
        for part in parts
    ]
    return np.concatenate(padded)


def legend(colours: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Names and the colours [K, 3] that stand for them, in columns; uint8 [H, W, 3]."""
    font = _font(_SIZE)
    across = math.ceil(max(font.getlength(name) for name in names)) + _LINE + 2 * _MARGIN
    columns = max(1, 560 // across)
    down = math.ceil(len(names) / columns)
    image = Image.new("RGB", (across * columns, _LINE * down + _MARGIN), "white")
    draw = ImageDraw.Draw(image)
    for index, (name, colour) in enumerate(zip(names, colours.tolist(), strict=True)):
        left, top = across * (index % columns) + _MARGIN // 2, _LINE * (index // columns) + 6
        draw.rectangle([left, top, left + 12, top + 12], fill=tuple(colour), outline=INK)
        draw.text((left + _LINE, top - 2), name, fill=INK, font=font)
    return np.asarray(image)


def _broken(text: str) -> list[str]:
    shown = ("".join(c if c.isprintable() else "·" for c in line) for line in text.split("\n"))
    lines = [part for line in shown for part in _wrapped(line)]
    return lines if len(lines) <= _DOWN else [*lines[: _DOWN - 1], "…"]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _ACROSS, drop_whitespace=False, replace_whitespace=False) or [""]


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path(), _FONT), size)
