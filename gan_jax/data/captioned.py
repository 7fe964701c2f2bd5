"""Scenes with captions: one coloured shape, or two and how they stand to one another."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from gan_jax.data.dataset import ArrayDataset, check_split
from gan_jax.data.draws import generator
from gan_jax.data.kinds import Image, Tokens
from gan_jax.data.scenes import SHAPES, inside
from gan_jax.types import UserError

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 190, 70),
    "blue": (50, 80, 230),
    "yellow": (235, 215, 50),
}
"""Of shapes, in 0..255; the ground is `GROUND`."""

GROUND = (24, 24, 24)

RELATIONS: Mapping[str, tuple[int, int]] = {
    "left of": (-1, 0),
    "right of": (1, 0),
    "above": (0, -1),
    "below": (0, 1),
}
"""Where the first shape lies, seen from the second: rightwards, downwards."""

HELD_OUT = (("red", "triangle"), ("blue", "circle"), ("yellow", "square"))
"""Combinations that the split `train` lacks; each colour and shape is in others."""

CAPTION_LENGTH = 8

WORDS = Tokens(
    ("", *sorted({"a", "of", *COLOURS, *SHAPES[1:], *" ".join(RELATIONS).split()} - {"ground"})),
    " ",
)
"""Of captions; the first stands for nothing."""

Thing = tuple[str, str]
"""A colour and a shape."""

_SPLITS = {"train": 0, "test": 1, "unseen": 2}
_KINDS = tuple(itertools.product(COLOURS, SHAPES[1:]))


def caption_of(things: Sequence[Thing], relation: str = "") -> str:
    """`a red circle left of a blue square`, of one or two things."""
    named = [f"a {colour} {shape}" for colour, shape in things]
    return f" {relation} ".join(named)


def things_of(caption: str) -> tuple[tuple[Thing, ...], str]:
    """What a caption tells: its things, and how the first stands to the second.

    Raises:
        UserError: if it is no such caption.
    """
    text = " ".join(caption.split())
    relation = next((r for r in RELATIONS if f" {r} " in text), "")
    parts = text.split(f" {relation} ") if relation else [text]
    things = tuple(tuple(part.split()[1:]) for part in parts)
    if not set(things) <= set(_KINDS) or caption_of(things, relation) != text:  # type: ignore[arg-type]
        raise UserError(f"{caption!r} is no caption like 'a red circle left of a blue square'")
    return things, relation  # type: ignore[return-value]


def captioned(count: int, *, seed: int = 0, side: int = 32, split: str = "train") -> ArrayDataset:
    """Images of one or two shapes on a dark ground, with captions.

    Two shapes are of different combinations and lie apart along one axis. `train` and `test` have
    the combinations that are not `HELD_OUT`, `unseen` has at least one of these in each scene. All
    has noise of 4 grey levels.

    Args:
        count: How many.
        seed: Of all that is drawn.
        side: Of the images.
        split: `train`, `test` or `unseen`, which have no image in common.

    Returns:
        `x` uint8 [side, side, 3] and `caption`, tokens int32 [8] of `WORDS`.

    Raises:
        UserError: for another split.
    """
    check_split("captioned", split, tuple(_SPLITS))
    random = generator(seed, _SPLITS[split])
    unseen = np.array([thing in HELD_OUT for thing in _KINDS])
    free = np.flatnonzero(~unseen)
    first = random.choice(np.flatnonzero(unseen) if split == "unseen" else free, count)
    others = np.arange(len(_KINDS)) if split == "unseen" else free
    second = random.choice(others, count)
    while np.any(same := first == second):
        second[same] = random.choice(others, same.sum())
    swap = random.random(count) < 0.5
    two = random.random(count) < 0.75
    first, second = np.where(swap & two, [second, first], [first, second])
    relation = random.integers(len(RELATIONS), size=count)

    step = np.array(list(RELATIONS.values()), np.float32)[relation]
    middle = random.uniform(0.3, 0.7, (count, 2)).astype(np.float32)  # of one alone
    shift = random.uniform(0.23, 0.27, (2, count, 2)).astype(np.float32)
    aside = random.uniform(-0.1, 0.1, (2, count, 2)).astype(np.float32)
    across = (np.arange(side, dtype=np.float32) + 0.5) / side
    y, x = across[None, :, None], across[None, None, :]
    ground, palette = np.array(GROUND, np.float32), np.array([*COLOURS.values()], np.float32)
    image = np.broadcast_to(ground, (count, side, side, 3))
    for place, (thing, sign) in enumerate(((first, 1), (second, -1))):
        pair = 0.5 + sign * step * shift[place] + (step == 0) * aside[place]
        centre = np.where(two[:, None], pair, middle)[:, :, None, None]
        radius = random.uniform(0.17, 0.21, (count, 1, 1)).astype(np.float32)
        colour, kind = np.divmod(thing, len(SHAPES) - 1)
        dx, dy = (x - centre[:, 0]) / radius, (y - centre[:, 1]) / radius
        within = inside(kind[:, None, None] + 1, dx, dy)
        within &= two[:, None, None] | (place == 0)
        image = np.where(within[..., None], palette[colour][:, None, None], image)
    image = image + random.normal(0, 4, image.shape).astype(np.float32)

    names = tuple(RELATIONS)
    captions = [
        caption_of((_KINDS[a], _KINDS[b]), names[r]) if both else caption_of((_KINDS[a],))
        for a, b, r, both in zip(first, second, relation, two, strict=True)
    ]
    tokens = np.stack([WORDS.tokens(caption, CAPTION_LENGTH) for caption in captions])
    columns = {"x": np.clip(np.rint(image), 0, 255).astype(np.uint8), "caption": tokens}
    return ArrayDataset("captioned", split, columns, {"x": Image(), "caption": WORDS})


def read_scene(image: np.ndarray, fewest: float = 0.01) -> list[tuple[Thing, tuple[float, float]]]:
    """The things in an image, the largest first, each with its middle: the inverse of drawing.

    A pixel is of the nearest colour, the ground's among them; what hangs together in a colour is
    one thing, of the shape that it shares most of its pixels with.

    Args:
        image: uint8 [side, side, 3].
        fewest: Share of the pixels that a thing has at least.

    Returns:
        Colour and shape, and the middle of its box: rightwards and downwards, in pixels.
    """
    from scipy import ndimage

    palette = np.array([*COLOURS.values(), GROUND], np.float32)
    apart = np.sum((image.astype(np.float32)[:, :, None] - palette) ** 2, axis=-1)
    nearest, found = np.argmin(apart, axis=-1), []
    for i, colour in enumerate(COLOURS):
        pieces, count = ndimage.label(nearest == i)
        for piece in range(1, count + 1):
            rows, columns = np.nonzero(pieces == piece)
            if len(rows) < fewest * nearest.size:
                continue
            top, left = rows.min(), columns.min()
            box = pieces[top : rows.max() + 1, left : columns.max() + 1] == piece
            middle = left + (box.shape[1] - 1) / 2, top + (box.shape[0] - 1) / 2
            found.append((len(rows), ((colour, _shape_of(box)), middle)))
    return [thing for _, thing in sorted(found, key=lambda one: -one[0])]


def _shape_of(box: np.ndarray) -> str:
    """The shape that, drawn in a box of these sides, shares the most of its pixels."""
    down, across = ((np.arange(n) + 0.5) / n * 2 - 1 for n in box.shape)
    extents = {1: (1, -1, 1), 2: (0.85, -0.85, 0.85), 3: (0.9, -1, 0.8)}  # half width, top, bottom
    shared = []
    for kind, (wide, top, bottom) in extents.items():
        dy = (down[:, None] + 1) / 2 * (bottom - top) + top
        ideal = inside(np.array(kind), wide * across[None], dy)
        shared.append(np.sum(ideal & box) / np.sum(ideal | box))
    return SHAPES[1 + int(np.argmax(shared))]
