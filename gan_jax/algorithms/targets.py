"""What the output of a translator stands for: an image, a map of classes, the filling of a hole."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.losses import absolute_error, pixel_cross_entropy, squared_error
from gan_jax.types import Array


class Target(NamedTuple):
    """How an output is compared with the data `x` and with what it was made from, the `source`.

    Attributes:
      name: of the error, as a metric.
      error: `(output, x, source) -> [B]`, what brings the two together by itself.
      see: `(output, source) -> image`, differentiable: the translation as D sees it.
      encode: `x -> image`: the data likewise.
      decode: `(output, source) -> x`: the translation as the data are.
    """

    name: str
    error: Callable[[Array, Array, Array], Array]
    see: Callable[[Array, Array], Array]
    encode: Callable[[Array], Array]
    decode: Callable[[Array, Array], Array]


def _image(name: str, error: Callable[[Array, Array], Array]) -> Target:
    itself = lambda output, source: output
    return Target(name, lambda output, x, source: error(output, x), itself, lambda x: x, itself)


L1, L2 = _image("l1", absolute_error), _image("l2", squared_error)
"""The output is the image, [B, H, W, C]."""


def labels(classes: int) -> Target:
    """The output is logits [B, H, W, classes] over the class of each pixel of `x` [B, H, W].

    D sees probabilities, and one-hot maps of the data.

    Semantic Segmentation using Adversarial Networks, Luc et al., 2016, arXiv:1611.08408.
    """
    return Target(
        name="cross_entropy",
        error=lambda output, x, source: pixel_cross_entropy(output, x),
        see=lambda output, source: jax.nn.softmax(output),
        encode=lambda x: one_hot(x, classes),
        decode=lambda output, source: jnp.argmax(output, axis=-1).astype(jnp.int32),
    )


def _fill(output: Array, source: Array) -> Array:
    return jnp.where(source[..., -1:] > 0, source[..., :-1], output)


def _error_within(output: Array, x: Array, source: Array) -> Array:
    missing = source[..., -1:] <= 0
    square = jnp.where(missing, (output - x) ** 2, 0.0)
    count = jnp.sum(missing, axis=(1, 2, 3), dtype=jnp.float32) * x.shape[-1]
    return jnp.sum(square, axis=(1, 2, 3)) / jnp.maximum(count, 1)


HOLE = Target("l2", _error_within, _fill, lambda x: x, _fill)
"""The output fills the holes of the source, whose last channel is 1 where it is known, else -1.

What is known stays as it is, bit for bit. The error is the mean square within holes.

Context Encoders: Feature Learning by Inpainting, Pathak et al., 2016, arXiv:1604.07379, eq. 1.
"""


def one_hot(label: Array, classes: int) -> Array:
    """Maps of classes [B, H, W] as images [B, H, W, classes] of 0 and 1."""
    return jax.nn.one_hot(label, classes, dtype=jnp.float32)
