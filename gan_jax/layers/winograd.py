"""Correlations of two or three taps with fewer multiplications than their definition has.

A tile of two outputs of `r` taps is had from `r + 1` products in place of `2 r`,

    y = A ((G w) ⊙ (B x)),

with the small matrices below, once for each spatial dimension: 9 products in place of 16 for 2 by 2
taps, 16 in place of 36 for 3 by 3. Over channels the products are matrix products. See Fast
Algorithms for Convolutional Neural Networks, Lavin & Gray, 2016, arXiv:1509.09308; for two taps it
is Karatsuba's trick. The matrices hold 0, ±1 and ±1/2, so that rounding hardly grows.

`correlate` is linear in either argument, and its transposes are what `jax.linear_transpose` makes
of it.
"""

import functools
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

# By the number of taps: A, G and B.
_MATRICES = {
    2: (
        ((1, 1, 0), (0, 1, -1)),
        ((1, 0), (1, 1), (0, 1)),
        ((1, -1, 0), (0, 1, 0), (0, 1, -1)),
    ),
    3: (
        ((1, 1, 1, 0), (0, 1, -1, -1)),
        ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
        ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    ),
}
TAPS = tuple(_MATRICES)
"""The numbers of taps that there are matrices for."""

Array = jax.Array
Sizes = tuple[int, ...]


def transform_kernel(w: Array) -> list[Array]:
    """What `correlate` takes of a kernel [*taps, C, F]: its products' factors, each [C, F]."""
    parts = [w]
    for taps in w.shape[:-2]:
        _, G, _ = _MATRICES[taps]
        parts = [q for p in parts for q in _combine(G, _unstack(p, 0))]
    return parts


def correlate(x: Array, kernel: Sequence[Array], taps: Sizes) -> Array:
    """Correlates, at stride 1 and without padding.

    Args:
      x: `[B, *(out + 2), C]`, with `out` even; where there are two taps the last is not looked at.
      kernel: transformed, of `[*taps, C, F]`.
      taps: one of `TAPS` per spatial dimension.

    Returns:
      `[B, *out, F]`.
    """
    tiles = tuple(d // 2 - 1 for d in x.shape[1:-1])
    parts = [x]
    for axis, r in enumerate(taps, 1):
        _, _, B = _MATRICES[r]
        parts = [q for p in parts for q in _combine(B, _inputs_of_tiles(p, axis)[: r + 1])]
    parts = [
        lax.dot(v.reshape(-1, v.shape[-1]), u).reshape(x.shape[0], *tiles, -1)
        for v, u in zip(parts, kernel, strict=True)
    ]
    for axis, r in reversed(list(enumerate(taps, 1))):
        A, _, _ = _MATRICES[r]
        outputs = (
            jnp.stack(_combine(A, parts[i : i + r + 1]), axis + 1)
            for i in range(0, len(parts), r + 1)
        )
        parts = [y.reshape(*y.shape[:axis], -1, *y.shape[axis + 2 :]) for y in outputs]
    return parts[0]


def _combine(matrix: Sequence[Sequence[float]], parts: Sequence[Array]) -> list[Array]:
    return [
        functools.reduce(operator.add, (c * p for c, p in zip(row, parts, strict=True) if c))
        for row in matrix
    ]


def _inputs_of_tiles(x: Array, axis: int) -> list[Array]:
    """What every tile, in turn, has as its first, second, third and fourth input along an axis."""
    # Halves of every pair, not slices at stride 2: the transpose of those is slow.
    halves = _unstack(x.reshape(*x.shape[:axis], -1, 2, *x.shape[axis + 1 :]), axis + 1)
    tiles = x.shape[axis] // 2 - 1
    return [lax.slice_in_dim(half, i, i + tiles, axis=axis) for i in range(2) for half in halves]


def _unstack(x: Array, axis: int) -> list[Array]:
    return [p.squeeze(axis) for p in lax.split(x, (1,) * x.shape[axis], axis)]
