"""Images of any size through a game that translates images, or past it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import data, prng
from gan_jax.game import Game, Players
from gan_jax.types import Array, Batch, PRNGKey, UserError

STEPS = tuple(2**k for k in range(9))
"""Sides are filled up to a multiple of the first of these that the nets take."""


def translator(game: Game, players: Players) -> Callable[[Any, PRNGKey], np.ndarray]:
    """What translates images of any size, such as those of `cyclegan` and `pix2pix`.

    Where the nets want sides of certain multiples the image is continued by its reflection, and the
    translation cut to size, so that borders look like the rest. A program is compiled for each
    size, filled up.

    Args:
      game: made from one column of the data, the first of its `conditions`.
      players: the variables of all.

    Returns:
      `(images [B, H, W, C] or maps of classes [B, H, W], keys [B]) -> translations [B, H', W', C']`
      on the host, as nets read and make them; H' is H or, where the game enlarges, a multiple.

    Raises:
      UserError: the game is made from something else; when it is called, for a size that no filling
        makes fit.
    """
    column = game.conditions[0] if game.conditions else "label"
    if column == "label":
        raise UserError("this game does not translate images: it is not made from any")

    @jax.jit
    def run(players: Players, x: Array, keys: PRNGKey) -> Array:
        return game.sample(players, game.inputs(keys, {column: x}))

    def size_of(sides: tuple[int, int], rest: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
        """Of the translation of an image with these sides, which nets may refuse."""
        like = jax.ShapeDtypeStruct((1, *sides, *rest), dtype)
        keys = jax.eval_shape(lambda: prng.per_example(jax.random.key(0), 1))
        return jax.eval_shape(run, players, like, keys).shape[1:3]

    @functools.cache
    def fitting(height: int, width: int, rest: tuple[int, ...], dtype: Any) -> tuple[int, int, int]:
        """The least sides that the nets take, and by how much a translation is larger."""
        said, largest = "", STEPS[-1]
        for step in STEPS:
            tall, wide = (-(-side // step) * step for side in (height, width))
            try:
                factor = size_of((largest, largest), rest, dtype)[0] // largest
                if size_of((tall, wide), rest, dtype) == (factor * tall, factor * wide):
                    return tall, wide, factor
            except (ValueError, TypeError, UserError) as error:
                said = str(error).splitlines()[0]
        raise UserError(f"images of {height}×{width} do not go through this game's nets: {said}")

    def translate(x: Any, keys: PRNGKey) -> np.ndarray:
        _, height, width, *rest = x.shape
        tall, wide, factor = fitting(height, width, tuple(rest), jnp.asarray(x).dtype)
        around = [(0, 0), (0, tall - height), (0, wide - width), *((0, 0) for _ in rest)]
        filled = np.pad(np.asarray(x), around, mode="symmetric")
        made = np.asarray(run(players, filled, keys))
        return made[:, : factor * height, : factor * width]

    return translate


def untranslated(
    game: Game, kinds: Mapping[str, data.Kind], shape: Sequence[int]
) -> Callable[[Players, Batch], np.ndarray]:
    """What draws the images that a game is given in place of what it makes of them.

    They are what a translator has to beat: Pillow's bicubic filter enlarges them, greys are
    colours, and a channel of what is known is left out.

    Args:
      game: made from one column of images, the first of its `conditions`.
      kinds: of the data's columns.
      shape: of what it makes, `[H, W, C]`.

    Returns:
      As `sampling.sampler`: `(players, inputs [N, ...]) -> images [N, H, W, C]`, as nets read them.

    Raises:
      UserError: the game does not make images from images; when it is called, where images that are
        no squares have to be enlarged.
    """
    source = game.conditions[0] if game.conditions else ""
    given, made = kinds.get(source), kinds[game.target]
    if not (isinstance(given, data.Image) and isinstance(made, data.Image)):
        raise UserError("this game does not make images from images")

    def draw(players: Players, columns: Batch) -> np.ndarray:
        images = given.to_stored(np.asarray(columns[source]))
        if images.shape[-1] == shape[-1] + 1:
            images = images[..., :-1]
        if images.shape[1:3] != tuple(shape[:2]):
            if len({*images.shape[1:3]}) > 1 or len({*shape[:2]}) > 1:
                raise UserError(
                    f"only squares are enlarged, not {images.shape[1]}×{images.shape[2]}"
                )
            images = data.resize(images, shape[0])
        return np.asarray(made.to_float(data.set_channels(images, shape[-1])))

    return draw
