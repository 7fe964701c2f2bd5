"""Correlations to or from few channels, such as an image's, at stride 1 and without padding.

Of a matrix product with three columns little time goes into products. So the taps join the few
channels: all products are one matrix product of the many channels with planes, each a map of one
tap and one of the few channels, [B, *space], whose slices are contiguous along the last dimension.
"""

import functools
import itertools
import math
import operator

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Sizes = tuple[int, ...]

_FEW, _PLANES = 16, 256  # channels, and planes of all taps, at most


def suits(taps: Sizes, few: int, many: int) -> bool:
    """Whether there are few channels, beside those of the other side."""
    return few <= _FEW and 2 * few <= many and math.prod(taps) * few <= _PLANES


def correlate(x: Array, w: Array) -> Array:
    """To few channels: products with every tap's kernel, then sums of shifted planes.

    Args:
      x: `[B, *size, C]`.
      w: `[*taps, C, F]`, F small.

    Returns:
      `[B, *(size - taps + 1), F]`.
    """
    taps, (c, f) = w.shape[:-2], w.shape[-2:]
    factors = w.swapaxes(-1, -2).reshape(-1, c)  # [taps F, C]
    many, wide = x.reshape(-1, c), _wide(x)
    over_channels = (((1,), (1,)), ((), ()))
    products = lax.dot_general(factors, many, over_channels, preferred_element_type=wide)
    products = products.reshape(math.prod(taps), f, *x.shape[:-1])
    out = tuple(d - t + 1 for d, t in zip(x.shape[1:-1], taps, strict=True))
    shifted = (
        _slice(plane, shift, out) for plane, shift in zip(products, _shifts(taps), strict=True)
    )
    return jnp.moveaxis(functools.reduce(operator.add, shifted), 0, -1).astype(x.dtype)


def correlate_kernel(x: Array, dy: Array) -> Array:
    """The transpose of a correlation in its kernel, where x or dy has few channels.

    Args:
      x: `[B, *size, C]`.
      dy: `[B, *out, F]`.

    Returns:
      `[*(size - out + 1), C, F]`.
    """
    taps = tuple(d - o + 1 for d, o in zip(x.shape[1:-1], dy.shape[1:-1], strict=True))
    if x.shape[-1] <= dy.shape[-1]:
        return _products(x, dy, taps)
    # Every tap, backwards, of dy within a border of zeros.
    border = [(0, 0, 0), *((t - 1, t - 1, 0) for t in taps), (0, 0, 0)]
    w = _products(lax.pad(dy, jnp.zeros((), dy.dtype), border), x, taps)
    return jnp.flip(w, axis=range(len(taps))).swapaxes(-1, -2)


def _products(few: Array, many: Array, taps: Sizes) -> Array:
    """Of what each tap meets of the one with the other, `[*taps, C, F]`."""
    planes = jnp.moveaxis(few, -1, 0)
    met = jnp.stack([_slice(planes, shift, many.shape[1:-1]) for shift in _shifts(taps)])
    met, many = met.reshape(-1, math.prod(many.shape[:-1])), many.reshape(-1, many.shape[-1])
    w = lax.dot(met, many, preferred_element_type=_wide(few))
    return w.reshape(*taps, few.shape[-1], -1)


def _wide(x: Array) -> jnp.dtype:
    """Of sums."""
    return jnp.promote_types(x.dtype, jnp.float32)


def _shifts(taps: Sizes) -> itertools.product:
    return itertools.product(*map(range, taps))


def _slice(planes: Array, shift: Sizes, size: Sizes) -> Array:
    """`[C, B, *size]` of planes [C, B, ...], from `shift` on."""
    last = (s + d for s, d in zip(shift, size, strict=True))
    return lax.slice(planes, (0, 0, *shift), (*planes.shape[:2], *last))
