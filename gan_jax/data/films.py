"""Films drawn on the fly: a coloured shape on its way, and images that bounce off the walls."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from gan_jax.data.dataset import ArrayDataset, Dataset, Example, check_split, where
from gan_jax.data.draws import generator
from gan_jax.data.kinds import Category, Image, Kind, Video
from gan_jax.data.transforms import resize
from gan_jax.data.views import changed
from gan_jax.types import UserError

MOVING_SHAPES = ("circle", "square", "triangle")
MOTIONS = ("across", "up and down", "diagonal", "round")

_PERIOD = 16  # frames of a motion, within a quarter of it
_BOX = 28 / 64  # of the side of a film, an image's in it
_STEP = 0.1  # of the way from wall to wall, in a frame


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """Examples that are drawn when they are read; made by `moving_shapes` and `moving_images`.

    Attributes:
        name: What the source is called.
        split: Which part of it this is.
        kinds: Of the columns.
        count: How many there are.
        draw: The i-th of them.
    """

    name: str
    split: str
    kinds: Mapping[str, Kind]
    count: int
    draw: Callable[[int], Example]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Example:
        if not -self.count <= i < self.count:
            raise IndexError(i)
        return self.draw(i % self.count)


def moving_shapes(
    count: int, *, seed: int = 0, side: int = 32, frames: int = 16, split: str = "train"
) -> Drawn:
    """Films of one shape before black, which keeps its colour and size and moves as it began.

    Colours are of any hue; radii are 1/8 to 3/16 of the side. A motion comes back after about 16
    frames. The i-th film depends on seed, split and i alone. The shapes are after those of MoCoGAN:
    Decomposing Motion and Content for Video Generation, Tulyakov et al., 2018, arXiv:1707.04993.

    Args:
        count: How many.
        seed: Of all that is drawn.
        side: Of the frames.
        frames: Of a film.
        split: `train` or `test`, which have nothing in common.

    Returns:
        `x` uint8 [frames, side, side, 3], `shape` of `MOVING_SHAPES` and `motion` of `MOTIONS`.

    Raises:
        UserError: for another split.
    """
    check_split("moving_shapes", split, ("train", "test"))

    def draw(i: int) -> Example:
        random = _generator(seed, split, i)
        shape, motion = (int(random.integers(len(n))) for n in (MOVING_SHAPES, MOTIONS))
        radius = side * random.uniform(1 / 8, 3 / 16)
        value = random.uniform(0.7, 1)
        hue = np.abs((6 * random.uniform() + np.array([0, 4, 2])) % 6 - 3) - 1
        colour = 255 * value * np.clip(hue, 0, 1)
        place, phase, turn = random.uniform(-1, 1, 3)
        speed = np.copysign(1 + turn / 4, random.uniform(-1, 1)) / _PERIOD
        angle = 2 * np.pi * (phase + speed * np.arange(frames))
        swing, still = np.sin(angle), np.full(frames, place)
        ways = ((swing, still), (still, swing), (swing, swing), (swing, np.cos(angle)))
        x, y = (side / 2 + (side / 2 - radius) * way for way in ways[motion])
        film = _covered(shape, x, y, radius, side)[..., None] * colour
        return {
            "x": np.rint(film).astype(np.uint8),
            "shape": np.array(shape, np.int32),
            "motion": np.array(motion, np.int32),
        }

    kinds = {"x": Video(), "shape": Category(MOVING_SHAPES), "motion": Category(MOTIONS)}
    return Drawn("moving_shapes", split, kinds, count, draw)


def moving_images(
    images: ArrayDataset,
    count: int,
    *,
    seed: int = 0,
    side: int = 64,
    frames: int = 20,
    number: int = 2,
) -> Drawn:
    """Films of images, such as digits, that go straight on and bounce off the walls.

    Each image is 28/64 of the side and goes a tenth of the way from wall to wall in a frame; where
    they meet the brighter is seen. The i-th film depends on the images, seed, their split and i
    alone. Moving MNIST, of Unsupervised Learning of Video Representations using LSTMs, Srivastava
    et al., 2015, arXiv:1502.04681, is two digits in 20 frames of 64 pixels.

    Args:
        images: Square ones, before black; no more than these is decoded, once.
        count: How many films.
        seed: Of all that is drawn.
        side: Of the frames.
        frames: Of a film.
        number: Of images in a film.

    Returns:
        `x` uint8 [frames, side, side, C].

    Raises:
        UserError: if `images` has no images.
    """
    if not isinstance(images.kinds.get("x"), Image):
        raise UserError(f"{where(images)} has no images that could move")
    box = round(_BOX * side)
    small, room = resize(images.kinds["x"].to_stored(images.columns["x"]), box), side - box

    def draw(i: int) -> Example:
        random = _generator(seed, images.split, i)
        chosen = random.integers(len(small), size=number)
        start = random.uniform(0, room, (number, 2))
        angle = random.uniform(0, 2 * np.pi, (number, 1))
        way = _STEP * room * np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
        unfolded = start + way * np.arange(frames)[:, None, None]
        corners = np.rint(room - np.abs(unfolded % (2 * room) - room)).astype(int)
        film = np.zeros((frames, side, side, small.shape[-1]), np.uint8)
        for frame, places in zip(film, corners, strict=True):
            for image, (top, left) in zip(small[chosen], places, strict=True):
                window = frame[top : top + box, left : left + box]
                np.maximum(window, image, out=window)
        return {"x": film}

    return Drawn(f"moving_{images.name}", images.split, {"x": Video()}, count, draw)


def past_and_future(dataset: Dataset, past: int, future: int) -> Dataset:
    """A view of films in which the first frames are `source` and those that follow them `x`.

    Args:
        dataset: Whose `x` is [T, H, W, C], with no fewer frames than are asked for.
        past: Frames of `source`.
        future: Frames of `x`; what comes after them is dropped, as all other columns are.

    Raises:
        UserError: if there are no films, or they are too short.
    """
    kind = dataset.kinds.get("x")
    if not isinstance(kind, Video):
        raise UserError(f"{where(dataset)} has no films: let data.kinds say that x is video")
    there, whole = len(dataset[0]["x"]), past + future
    if min(past, future) < 1 or there < whole:
        raise UserError(
            f"{where(dataset)}: films of {there} frames are no {past} and {future} to come"
        )
    cut = lambda row: {"source": row["x"][:past], "x": row["x"][past:whole]}
    return changed(dataset, {"source": kind, "x": kind}, cut)


def _covered(shape: int, x: np.ndarray, y: np.ndarray, radius: float, side: int) -> np.ndarray:
    """The share of each pixel that a shape covers, [T, side, side], for middles x and y [T]."""
    across = np.arange(side) + 0.5
    dx, dy = across[None, None, :] - x[:, None, None], across[None, :, None] - y[:, None, None]
    if shape == 0:
        within = radius - np.hypot(dx, dy)
    elif shape == 1:
        within = 0.85 * radius - np.maximum(np.abs(dx), np.abs(dy))
    else:
        flank = (radius + dy - 2 * np.abs(dx)) / np.sqrt(5)
        within = np.minimum(0.8 * radius - dy, flank)
    return np.clip(within + 0.5, 0, 1)


def _generator(seed: int, split: str, i: int) -> np.random.Generator:
    """The draws of the i-th example of a split."""
    number = int.from_bytes(split.encode()[:8], "little")
    return generator(seed, number, i)
