"""Scenes drawn on the fly: coloured shapes before a shaded ground, each pixel with its class."""

import numpy as np

from gan_jax.data.dataset import ArrayDataset, check_split
from gan_jax.data.draws import generator
from gan_jax.data.kinds import Category, Image

SHAPES = ("ground", "circle", "square", "triangle")

_MOST = 3  # shapes in a scene
_SPLITS = {"train": 0, "test": 1}


def inside(kind: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Whether places, in radii from a shape's middle, rightwards and downwards, are within it.

    Args:
        kind: Place of the shape in `SHAPES`, from 1.
        dx: Of any shape that goes with `kind`'s.
        dy: Likewise.
    """
    return np.select(
        [kind == 1, kind == 2],
        [dx**2 + dy**2 < 1, np.maximum(np.abs(dx), np.abs(dy)) < 0.85],
        (dy < 0.8) & (dy > 2 * np.abs(dx) - 1),
    )


def shapes(count: int, *, seed: int = 0, side: int = 64, split: str = "train") -> ArrayDataset:
    """Images of one to three shapes, later ones before earlier, of any colours and sizes.

    Shapes lie within the image, have radii of 1/8 to 1/4 of its side, and may hide each other.
    The ground is a gradient between two colours, and all has noise of 4 grey levels.

    Args:
        count: How many.
        seed: Of all that is drawn.
        side: Of the images.
        split: `train` or `test`, which have nothing in common.

    Returns:
        `x` uint8 [side, side, 3] and `source`, its map uint8 [side, side] of `SHAPES`.

    Raises:
        UserError: for another split.
    """
    check_split("shapes", split, tuple(_SPLITS))
    random = generator(seed, _SPLITS[split])
    across = (np.arange(side, dtype=np.float32) + 0.5) / side
    y, x = across[None, :, None], across[None, None, :]

    direction = random.uniform(0, 2 * np.pi, (count, 1, 1)).astype(np.float32)
    slope = np.clip(0.5 + (x - 0.5) * np.cos(direction) + (y - 0.5) * np.sin(direction), 0, 1)
    one, other = random.integers(0, 256, (2, count, 1, 1, 3)).astype(np.float32)
    image = one + slope[..., None] * (other - one)
    classes = np.zeros((count, side, side), np.uint8)

    number = random.integers(1, _MOST + 1, count)
    for place in range(_MOST):
        radius = random.uniform(1 / 8, 1 / 4, (count, 1, 1)).astype(np.float32)
        middle = random.uniform(0, 1, (2, count, 1, 1)).astype(np.float32)
        left, top = radius + (1 - 2 * radius) * middle
        dx, dy = (x - left) / radius, (y - top) / radius
        kind = random.integers(1, len(SHAPES), (count, 1, 1))
        within = inside(kind, dx, dy)
        within &= (place < number)[:, None, None]
        colour = random.integers(0, 256, (count, 1, 1, 3)).astype(np.float32)
        image = np.where(within[..., None], colour, image)
        classes = np.where(within, kind, classes).astype(np.uint8)

    image += random.normal(0, 4, image.shape).astype(np.float32)
    columns = {"x": np.clip(np.rint(image), 0, 255).astype(np.uint8), "source": classes}
    return ArrayDataset("shapes", split, columns, {"x": Image(), "source": Category(SHAPES)})
