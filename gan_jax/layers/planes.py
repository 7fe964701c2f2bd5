"""Correlations to or from few channels, such as an image's, at stride 1.

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
Padding = tuple[tuple[int, int], ...]

_FEW, _PLANES = 16, 256  # channels, and planes of all taps, at most


def suits(taps: Sizes, few: int, many: int) -> bool:
    """Whether there are few channels, beside those of the other side."""
    return few <= _FEW and 2 * few <= many and math.prod(taps) * few <= _PLANES


def correlate(x: Array, w: Array, padding: Padding) -> Array:
    """To few channels: products with every tap's kernel, then sums of shifted planes.

    Args:
      x: `[B, *space, C]`.
      w: `[*taps, C, F]`, F small.
      padding: zeros before and after, per spatial dimension; negative values crop.

    Returns:
      `[B, *out, F]`.
    """
    taps, (c, f) = w.shape[:-2], w.shape[-2:]
    factors = w.swapaxes(-1, -2).reshape(-1, c)  # [taps F, C]
    many, wide = x.reshape(-1, c), _wide(x)
    over_channels = (((1,), (1,)), ((), ()))
    products = lax.dot_general(factors, many, over_channels, preferred_element_type=wide)
    products = _pad(products.reshape(math.prod(taps), f, *x.shape[:-1]), 3, padding)
    out = tuple(d - t + 1 for d, t in zip(products.shape[3:], taps, strict=True))
    shifted = (
        _slice(plane, shift, out) for plane, shift in zip(products, _shifts(taps), strict=True)
    )
    return jnp.moveaxis(functools.reduce(operator.add, shifted), 0, -1).astype(x.dtype)


def correlate_kernel(x: Array, dy: Array, padding: Padding) -> Array:
    """The transpose of a correlation in its kernel, where x or dy has few channels.

    Args:
      x: `[B, *space, C]`.
      dy: `[B, *out, F]`.
      padding: of x, as `correlate` has it.

    Returns:
      `[*taps, C, F]`.
    """
    taps = tuple(
        d + lo + hi - o + 1
        for d, (lo, hi), o in zip(x.shape[1:-1], padding, dy.shape[1:-1], strict=True)
    )
    if x.shape[-1] <= dy.shape[-1]:
        return _products(x, padding, dy, taps)
    # What many channels meet of the few, from the last tap to the first.
    border = tuple((t - 1 - lo, t - 1 - hi) for t, (lo, hi) in zip(taps, padding, strict=True))
    w = _products(dy, border, x, taps)
    return jnp.flip(w, axis=range(len(taps))).swapaxes(-1, -2)


def _products(few: Array, padding: Padding, many: Array, taps: Sizes) -> Array:
    """Of what each tap meets of the padded one with the other, `[*taps, C, F]`."""
    planes = _pad(jnp.moveaxis(few, -1, 0), 2, padding)
    met = jnp.stack([_slice(planes, shift, many.shape[1:-1]) for shift in _shifts(taps)])
    met, many = met.reshape(-1, math.prod(many.shape[:-1])), many.reshape(-1, many.shape[-1])
    w = lax.dot(met, many, preferred_element_type=_wide(few))
    return w.reshape(*taps, few.shape[-1], -1)


def _pad(x: Array, leading: int, padding: Padding) -> Array:
    """With zeros along all dimensions after the leading ones."""
    sides = [*[(0, 0, 0)] * leading, *((lo, hi, 0) for lo, hi in padding)]
    return lax.pad(x, jnp.zeros((), x.dtype), sides)


def _wide(x: Array) -> jnp.dtype:
    """Of sums."""
    return jnp.promote_types(x.dtype, jnp.float32)


def _shifts(taps: Sizes) -> itertools.product:
    return itertools.product(*map(range, taps))


def _slice(planes: Array, shift: Sizes, size: Sizes) -> Array:
    """`[C, B, *size]` of planes [C, B, ...], from `shift` on."""
    last = (s + d for s, d in zip(shift, size, strict=True))
    return lax.slice(planes, (0, 0, *shift), (*planes.shape[:2], *last))
