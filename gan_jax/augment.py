"""Augmentation on the device: pure functions `(keys [B], x [B, ...]) -> x`, each example by itself.

What is drawn of a key depends on the sides of an image and not on its values or dtype: an image
and the map of its classes, which carries a channel axis of 1, stay together under the same keys.
Images are [B, ..., H, W, C], so that videos pass too, all frames alike; real ones are float32 in
[-1, 1].

`colour`, `translation` and `cutout` are those of Differentiable Augmentation for Data-Efficient GAN
Training, Zhao et al., 2020, arXiv:2006.10738: differentiable in `x`, for real and generated images
alike on their way to the discriminator.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax import prng
from gan_jax.types import Array, Batch, PRNGKey, UserError

Transform = Callable[[PRNGKey, Array], Array]
"""`(keys [B], x [B, ...]) -> x`."""


def flip(keys: PRNGKey, x: Array) -> Array:
    """Mirrors left and right of half of the images."""
    return _choose(jax.vmap(jax.random.bernoulli)(keys), jnp.flip(x, axis=-2), x)


def shift(
    keys: PRNGKey, x: Array, share: float, fill: Literal["edge", "constant"] = "edge"
) -> Array:
    """Moves each example along all its sides by whole steps, uniform on [-n, n].

    Args:
      keys: [B].
      x: [B, *sides, C], with any number of sides.
      share: n as a share of each side, rounded up.
      fill: what comes in at the border: its continuation, or zeros ("constant").
    """
    sides = x.shape[1:-1]
    most = [math.ceil(share * side) for side in sides]
    if not any(most):
        return x
    wide = jnp.pad(x, [(0, 0), *((by, by) for by in most), (0, 0)], mode=fill)
    return _windows(wide, _integers(keys, [2 * by + 1 for by in most]), sides)


def crop(keys: PRNGKey, x: Array, size: int | tuple[int, int]) -> Array:
    """A window of `size`, a side or (height, width), at a random place: [B, ..., h, w, C].

    Raises:
      ValueError: if the images are smaller.
    """
    sides = (size, size) if isinstance(size, int) else size
    rooms = [of - side + 1 for of, side in zip(x.shape[-3:-1], sides, strict=True)]
    if min(rooms) < 1:
        raise ValueError(f"a crop of {sides} does not fit into images of {x.shape[-3:-1]}")
    frames = x.shape[1:-3]
    starts = _integers(keys, rooms)
    starts = jnp.pad(starts, [(0, 0), (len(frames), 0)])
    return _windows(x, starts, (*frames, *sides))


def segment(keys: PRNGKey, x: Array, length: int) -> Array:
    """So many samples of a sound [B, T, C] from a random one on: [B, length, C].

    Raises:
      ValueError: if it is shorter.
    """
    rooms = x.shape[1] - length + 1
    if rooms < 1:
        raise ValueError(f"a segment of {length} samples does not fit into {x.shape[1]}")
    return _windows(x, _integers(keys, [rooms]), (length,))


def mask(keys: PRNGKey, x: Array, share: float) -> tuple[Array, Array]:
    """Hides a rectangle at a random place within each image.

    Args:
      keys: [B].
      x: [B, ..., H, W, C].
      share: of the rectangle's sides in the image's, in [0, 1], rounded to whole pixels.

    Returns:
      x with zeros in the rectangle, and the mask [B, ..., H, W, 1], float32: 1 where x is hidden.
    """
    sides = x.shape[-3:-1]
    sizes = [round(share * side) for side in sides]
    rooms = [side - size + 1 for side, size in zip(sides, sizes, strict=True)]
    hidden = _rectangle(_integers(keys, rooms), sizes, x)
    shown = jnp.broadcast_to(hidden, (*x.shape[:-1], 1)).astype(jnp.float32)
    return jnp.where(hidden, 0, x), shown


def colour(keys: PRNGKey, x: Array) -> Array:
    """Brightness, saturation and contrast of images [B, ..., H, W, C], at random.

    With u uniform on [0, 1): `x + u - 1/2`; then 2u times the distance to the mean of the channels;
    then u + 1/2 times that to the mean of the image.
    """
    drawn = prng.uniform(keys, (3,)).reshape(-1, 3, *(1,) * (x.ndim - 1))
    brightness, saturation, contrast = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    x = x + brightness - 0.5
    grey = jnp.mean(x, axis=-1, keepdims=True)
    x = grey + 2 * saturation * (x - grey)
    mean = jnp.mean(x, axis=tuple(range(1, x.ndim)), keepdims=True)
    return mean + (contrast + 0.5) * (x - mean)


def translation(keys: PRNGKey, x: Array, share: float = 1 / 8) -> Array:
    """Moves each image by up to `share` of its sides, as `shift`; zeros come in."""
    return shift(keys, x, share, "constant")


def cutout(keys: PRNGKey, x: Array, share: float = 1 / 2) -> Array:
    """Zeros a rectangle of `share` of the sides around a random pixel, as far as it is within."""
    sides = x.shape[-3:-1]
    sizes = [round(share * side) for side in sides]
    rooms = [side + 1 - size % 2 for side, size in zip(sides, sizes, strict=True)]
    starts = _integers(keys, rooms) - np.array([[size // 2 for size in sizes]])
    return jnp.where(_rectangle(starts, sizes, x), 0, x)


def affine(
    keys: PRNGKey, x: Array, scale: float = 0.1, shear: float = 0.15, move: float = 0.04
) -> Array:
    """Images stretched, sheared and moved along rows, then along columns; -1 comes in.

    Args:
      keys: [B].
      x: square images [B, H, H, C] in [-1, 1].
      scale: a side is divided by up to `1 ± scale`, uniform, as are the others.
      shear: tangent of the angle by which either axis leans, at most.
      move: along either axis at most, as a share of the side.
    """
    side = x.shape[1]
    drawn = 2 * prng.uniform(keys, (6,)) - 1
    place = jnp.arange(side) - (side - 1) / 2

    def along_rows(x: Array, scaled: Array, sheared: Array, moved: Array) -> Array:
        across, down = place[None, None, :], place[None, :, None]
        draw = lambda column: column[:, None, None]
        source = (1 + scale * draw(scaled)) * across + shear * draw(sheared) * down
        source = source + move * side * draw(moved)  # [B, H, H], where each pixel comes from
        linear = jax.nn.relu(1 - jnp.abs(source[..., None] - place[None, None, None]))
        return jnp.einsum("bhij,bhjc->bhic", linear, x)

    y = along_rows(x + 1, *drawn.T[:3]).swapaxes(1, 2)
    return along_rows(y, *drawn.T[3:]).swapaxes(1, 2) - 1


def noise(keys: PRNGKey, x: Array, std: float | Array) -> Array:
    """Adds normal noise to every number; of data and samples alike it is instance noise.

    Amortised MAP Inference for Image Super-resolution, Sønderby et al., 2017, arXiv:1610.04490,
    section 3.2, where its standard deviation falls to 0 in training.
    """
    return x + std * prng.normal(keys, x.shape[1:])


def drop_pixels(keys: PRNGKey, x: Array, share: float, value: float = -1.0) -> Array:
    """Gives each pixel of [B, ..., H, W, C], all its channels, the value with probability `share`.

    Block-pixels of AmbientGAN, Bora et al., 2018, openreview.net/forum?id=Hy7fDog0b, section 3.
    """
    drawn = prng.uniform(keys, (*x.shape[1:-1], 1))
    return jnp.where(drawn < share, value, x)


def with_probability(keys: PRNGKey, x: Array, transform: Transform, p: float | Array) -> Array:
    """`transform` of each example with probability `p`, which may be traced; else it stays.

    The transform keeps shapes.
    """
    chosen = prng.uniform(prng.fold_in(keys, "chosen"), ()) < p
    return _choose(chosen, transform(prng.fold_in(keys, "transform"), x), x)


def alike(transform: Transform, *names: str) -> Callable[[PRNGKey, Batch], Batch]:
    """`(keys, batch) -> batch`, as `Game.transform` is: these columns under the same keys.

    Maps of classes beside images [B, H, W, C] are images of one channel to the transform.
    """

    def changed(keys: PRNGKey, batch: Batch) -> Batch:
        rank = max(batch[name].ndim for name in names)

        def one(x: Array) -> Array:
            y = transform(keys, x.reshape(*x.shape, *(1,) * (rank - x.ndim)))
            return y.reshape(y.shape[: x.ndim])

        return {**batch, **{name: one(batch[name]) for name in names}}

    return changed


def policy(names: Sequence[str]) -> list[Transform]:
    """Transforms by name, as configs have them, with what they have by default.

    Raises:
      UserError: for a name of none of these.
    """
    some: tuple[Transform, ...] = (colour, translation, cutout, flip, affine)
    known = {function.__name__: function for function in some}
    if unknown := [name for name in names if name not in known]:
        raise UserError(f"policy: {unknown[0]!r} is none of {', '.join(known)}")
    return [known[name] for name in names]


def compose(*transforms: Transform) -> Transform:
    """One after the other, each with keys of its own."""

    def composed(keys: PRNGKey, x: Array) -> Array:
        for i, transform in enumerate(transforms):
            x = transform(prng.fold_in(keys, i), x)
        return x

    return composed


def _choose(chosen: Array, x: Array, otherwise: Array) -> Array:
    """By `chosen` [B]."""
    return jnp.where(chosen.reshape(-1, *(1,) * (x.ndim - 1)), x, otherwise)


def _integers(keys: PRNGKey, counts: Sequence[int]) -> Array:
    """[B, len(counts)], each uniform below its count."""
    limits = np.array(counts)
    return jax.vmap(lambda key: jax.random.randint(key, limits.shape, 0, limits))(keys)


def _windows(x: Array, starts: Array, sides: Sequence[int]) -> Array:
    """[B, *sides, C] of `x` [B, ..., C], from `starts` [B, len(sides)] on."""
    shape = (*sides, x.shape[-1])
    return jax.vmap(lambda x, start: lax.dynamic_slice(x, (*start, 0), shape))(x, starts)


def _rectangle(starts: Array, sizes: Sequence[int], x: Array) -> Array:
    """Whether pixels of `x` [B, ..., H, W, C] lie in a rectangle: [B, 1, ..., H, W, 1]."""
    height, width = x.shape[-3:-1]
    within = []
    for start, size, side in zip(starts.T, sizes, (height, width), strict=True):
        place = jnp.arange(side)[None] - start[:, None]
        within.append((place >= 0) & (place < size))  # [B, side]
    rows, columns = within
    inside = rows[:, :, None] & columns[:, None, :]
    return inside.reshape(-1, *(1,) * (x.ndim - 4), height, width, 1)
