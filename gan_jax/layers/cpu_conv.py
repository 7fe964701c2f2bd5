"""The maps of `conv` in operations that XLA runs fast on CPU, in a loop and out of it.

Which way is the fastest depends on the shape, by measurement on x86:

- `winograd`, for kernels of two or three taps to a phase of the stride, where it spares enough
  multiplications; all three maps;
- `planes`, to few channels, as an image's, and for the gradient of a kernel that leads to or from
  few;
- in three dimensions, one in two of the planes that the taps of the first meet, side by side as
  channels: XLA's own is up to ten times slower;
- otherwise XLA's own convolution, also for an input's gradient, which is one at stride 1 of folded
  kernels; and for a kernel's gradient a matrix product for each tap.

To fold is to put side by side, as channels, what lies in one block of the stride's size.

What is larger than what it is made from is made for a part of the batch at a time, to stay in the
caches.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.layers import planes, winograd

# Multiplications that winograd must spare for each number that it transforms, and the bytes of
# these in a part of the batch.
_SPARED, _TRANSFORMED_BYTES = 25, 24 * 2**20
# With fewer channels or more taps, kernels' gradients are faster folded; and the bytes that meet a
# tap in a part of the batch.
_FEW_CHANNELS, _MANY_TAPS, _MET_BYTES = 16, 32, 2**19
# Bytes of planes in a part of the batch; and from so few channels, by so many taps, XLA convolves
# in half the time to pairs of neighbours.
_PLANES_BYTES, _IMAGE_CHANNELS = 16 * 2**20, 4
_NONE = (0, 0, 0)  # no padding

Array = jax.Array
Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def native(x: Array, w: Array, strides: Sizes, padding: Padding) -> Array:
    """XLA's own convolution; arguments as `conv.conv`."""
    n = len(strides)
    space = "DHW"[-n:]
    specs = (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(x, w, strides, padding, dimension_numbers=specs)


def transposed(f: Callable[[Array], Array], shape: Sizes, y: Array) -> Array:
    """The transpose at `y` of a map that is linear in arrays of this shape."""
    return jax.linear_transpose(f, jax.ShapeDtypeStruct(shape, y.dtype))(y)[0]


def conv(x: Array, w: Array, strides: Sizes, padding: Padding) -> Array:
    """As `conv.conv`."""
    if len(strides) == 3:
        met = _side_by_side(x, w.shape[0], strides[0], padding[0])
        y = conv(_merge(met), _first_as_channels(w), strides[1:], padding[1:])
        return y.reshape(*met.shape[:2], *y.shape[1:])
    quick = _Quick(x.shape[1:-1], w.shape, strides, padding)
    if quick.suits(x):
        transformed = quick.transform(w)
        return _map_parts(lambda x: quick(x, transformed), x, quick.parts(len(x)))
    if math.prod(strides) > 1:
        return native(x, w, strides, padding)
    return _conv_at_stride_1(x, w, padding)


def conv_input(dy: Array, w: Array, strides: Sizes, padding: Padding, size: Sizes) -> Array:
    """As `conv.conv_input`."""
    if len(strides) == 3:
        met = conv_input(_merge(dy), _first_as_channels(w), strides[1:], padding[1:], size[1:])
        meet = lambda x: _side_by_side(x, w.shape[0], strides[0], padding[0])
        shape = (len(dy), *size, w.shape[-2])
        return transposed(meet, shape, met.reshape(*dy.shape[:2], *met.shape[1:]))
    quick = _Quick(size, w.shape, strides, padding)
    if not quick.suits(dy):
        return _by_folding(dy, w, strides, padding, size)
    transformed = quick.transform(w)

    def part(dy: Array) -> Array:
        shape = (len(dy), *size, w.shape[-2])
        return transposed(lambda x: quick(x, transformed), shape, dy)

    return _map_parts(part, dy, quick.parts(len(dy)))


def conv_kernel(x: Array, dy: Array, strides: Sizes, padding: Padding, kernel: Sizes) -> Array:
    """As `conv.conv_kernel`."""
    shape = (*kernel, x.shape[-1], dy.shape[-1])
    if len(strides) == 3:
        met = _side_by_side(x, kernel[0], strides[0], padding[0])
        w = conv_kernel(_merge(met), _merge(dy), strides[1:], padding[1:], kernel[1:])
        return transposed(_first_as_channels, shape, w)
    quick = _Quick(x.shape[1:-1], shape, strides, padding)
    if quick.suits(x):
        part = lambda x, dy: transposed(lambda w: quick(x, quick.transform(w)), shape, dy)
        return _sum_parts(part, x, dy, quick.parts(len(x)))
    taps, folded = _quotients(kernel, strides), math.prod(strides) * x.shape[-1]
    few, many = sorted((folded, dy.shape[-1]))
    if not planes.suits(taps, few, many):
        return _by_taps(x, dy, strides, padding, kernel)
    if math.prod(strides) > 1:
        spans = tuple(o + t - 1 for o, t in zip(dy.shape[1:-1], taps, strict=True))
        x, padding = _fold(x, strides, padding, spans), ((0, 0),) * len(strides)
    parts = _parts(len(x), 4 * math.prod((*taps, few, *x.shape[:-1])), _PLANES_BYTES)
    part = lambda x, dy: planes.correlate_kernel(x, dy, padding)
    w = _sum_parts(part, x, dy, parts)
    return transposed(lambda w: _fold_kernel(w, strides), shape, w).astype(dy.dtype)


def _conv_at_stride_1(x: Array, w: Array, padding: Padding) -> Array:
    """By planes, or by XLA's own."""
    *taps, c, f = w.shape
    out = [d + lo + hi - t + 1 for d, (lo, hi), t in zip(x.shape[1:-1], padding, taps, strict=True)]
    if planes.suits(tuple(taps), f, c) and min(out) > 0:
        parts = _parts(len(x), 4 * math.prod((*taps, f, *x.shape[:-1])), _PLANES_BYTES)
        return _map_parts(lambda x: planes.correlate(x, w, padding), x, parts)
    n = len(taps)
    if c > _IMAGE_CHANNELS or math.prod(taps) <= _MANY_TAPS or out[-1] % 2:
        return native(x, w, (1,) * n, padding)
    beside = lambda first: [*[_NONE] * (n - 1), (first, 1 - first, 0), _NONE, _NONE]
    pair = [lax.pad(w, jnp.zeros((), w.dtype), beside(first)) for first in (0, 1)]
    y = native(x, jnp.concatenate(pair, axis=-1), (*[1] * (n - 1), 2), padding)
    return y.reshape(len(x), *out, f)


def _side_by_side(x: Array, taps: int, stride: int, padding: tuple[int, int]) -> Array:
    """Of each output along the first dimension the inputs that its taps meet, as channels."""
    x = lax.pad(x, jnp.zeros((), x.dtype), [_NONE, (*padding, 0), *[_NONE] * (x.ndim - 2)])
    span = max((x.shape[1] - taps) // stride + 1, 0) * stride
    return jnp.concatenate([x[:, i:][:, :span:stride] for i in range(taps)], axis=-1)


def _merge(x: Array) -> Array:
    """The first two axes as one."""
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def _first_as_channels(w: Array) -> Array:
    """A kernel [d, ..., C, F] as [..., d C, F]."""
    w = jnp.moveaxis(w, 0, -3)
    return w.reshape(*w.shape[:-3], -1, w.shape[-1])


class _Quick(NamedTuple):
    """A convolution by `winograd`, as a map of an input and a transformed kernel.

    Attributes:
      size: spatial shape of the input.
      kernel: shape of the kernel, `[*kernel, C, F]`.
      strides: one per spatial dimension.
      padding: as `conv.conv`'s.
    """

    size: Sizes
    kernel: Sizes
    strides: Sizes
    padding: Padding

    def transform(self, w: Array) -> list[Array]:
        return winograd.transform_kernel(_fold_kernel(w, self.strides))

    def __call__(self, x: Array, transformed: Sequence[Array]) -> Array:
        x = _fold(x, self.strides, self.padding, tuple(2 * n + 2 for n in self.tiles))
        y = winograd.correlate(x, transformed, self.taps)
        return y[(slice(None), *map(slice, self.out))]

    @property
    def taps(self) -> Sizes:
        return _quotients(self.kernel[:-2], self.strides)

    @property
    def out(self) -> Sizes:
        spans = (
            d + lo + hi - k
            for d, (lo, hi), k in zip(self.size, self.padding, self.kernel[:-2], strict=True)
        )
        return tuple(span // s + 1 for span, s in zip(spans, self.strides, strict=True))

    @property
    def tiles(self) -> Sizes:
        return _quotients(self.out, (2,) * len(self.out))

    @property
    def transformed(self) -> tuple[int, int]:
        """Rows of the products' matrices in an example, and their inputs' channels."""
        rows = math.prod(n * (t + 1) for n, t in zip(self.tiles, self.taps, strict=True))
        return rows, self.kernel[-2] * math.prod(self.strides)

    def suits(self, x: Array) -> bool:
        """Whether it spares enough multiplications for the numbers that it transforms."""
        exact = jnp.finfo(x.dtype).bits >= 32  # sums of inputs would cost a narrower one digits
        known = all(taps in winograd.TAPS for taps in self.taps)
        if not (exact and known and len(x) and min(self.out) > 0):
            return False
        (rows, c), f = self.transformed, self.kernel[-1]
        spared = math.prod(self.out) * math.prod(self.kernel) - rows * c * f
        return spared >= _SPARED * rows * (c + f)

    def parts(self, batch: int) -> int:
        (rows, c), f = self.transformed, self.kernel[-1]
        return _parts(batch, 4 * batch * rows * (c + f), _TRANSFORMED_BYTES)


def _by_folding(dy: Array, w: Array, strides: Sizes, padding: Padding, size: Sizes) -> Array:
    """A convolution at stride 1 to the blocks of the stride that the input lies in."""
    n, taps = len(strides), _quotients(w.shape[:-2], strides)
    first = [lo // s for (lo, _), s in zip(padding, strides, strict=True)]
    last = [(lo + d - 1) // s for (lo, _), d, s in zip(padding, size, strides, strict=True)]
    sides = tuple(
        (t - 1 - i, j + 1 - o) for t, i, j, o in zip(taps, first, last, dy.shape[1:-1], strict=True)
    )
    turned = jnp.flip(_fold_kernel(w, strides), axis=range(n)).swapaxes(-1, -2)
    blocks = _conv_at_stride_1(dy, turned, sides)
    within = tuple((lo - i * s, 0) for (lo, _), i, s in zip(padding, first, strides, strict=True))
    shape = (len(dy), *size, w.shape[-2])
    return transposed(lambda x: _fold(x, strides, within, blocks.shape[1:-1]), shape, blocks)


def _by_taps(x: Array, dy: Array, strides: Sizes, padding: Padding, kernel: Sizes) -> Array:
    """A matrix product for each tap, of the inputs that it meets with dy."""
    n, out, shape = len(kernel), dy.shape[1:-1], (*kernel, x.shape[-1], dy.shape[-1])
    wide = jnp.promote_types(x.dtype, jnp.float32)  # of the sums
    fold = shape[-2] < _FEW_CHANNELS or math.prod(kernel) > _MANY_TAPS
    block, steps = (strides, (1,) * n) if fold else ((1,) * n, strides)
    taps = _quotients(kernel, block)
    spans = tuple((o - 1) * s + t for o, s, t in zip(out, steps, taps, strict=True))

    def part(x: Array, dy: Array) -> Array:
        x, dy = _fold(x, block, padding, spans), dy.reshape(-1, dy.shape[-1])

        def product(shift: Sizes) -> Array:
            last = (i + (o - 1) * s + 1 for i, o, s in zip(shift, out, steps, strict=True))
            met = x[(slice(None), *map(slice, shift, last, steps))]
            return lax.dot(met.reshape(-1, met.shape[-1]).T, dy, preferred_element_type=wide)

        return jnp.stack([product(shift) for shift in itertools.product(*map(range, taps))])

    met = math.prod(dy.shape[:-1]) * shape[-2] * x.dtype.itemsize
    made = math.prod(shape) * wide.itemsize
    parts = _parts(len(x), met, max(_MET_BYTES, made // 4)) if met >= 4 * _MET_BYTES else 1
    w = _sum_parts(part, x, dy, parts).reshape(*taps, -1, shape[-1])
    return transposed(lambda w: _fold_kernel(w, block), shape, w).astype(x.dtype)


def _quotients(sizes: Sizes, strides: Sizes) -> Sizes:
    """Sizes divided by strides, rounded up: what falls to each phase of the stride."""
    return tuple(-(-d // s) for d, s in zip(sizes, strides, strict=True))


def _interleave(a: Sequence[int], b: Sequence[int]) -> list[int]:
    return [d for pair in zip(a, b, strict=True) for d in pair]


def _fold(x: Array, strides: Sizes, padding: Padding, blocks: Sizes) -> Array:
    """`x`, padded or cropped to so many blocks of the stride's size, folded.

    Of folded inputs and kernels a convolution is one at stride 1.
    """
    n, folded = len(strides), math.prod(strides) * x.shape[-1]
    sides = [
        (lo, b * s - d - lo, 0)
        for (lo, _), b, s, d in zip(padding, blocks, strides, x.shape[1:-1], strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [_NONE, *sides, _NONE])
    x = x.reshape(x.shape[0], *_interleave(blocks, strides), x.shape[-1])
    x = x.transpose(0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2), 2 * n + 1)
    return x.reshape(x.shape[0], *blocks, folded)


def _fold_kernel(w: Array, strides: Sizes) -> Array:
    n, taps = len(strides), _quotients(w.shape[:-2], strides)
    sides = [(0, t * s - k, 0) for t, s, k in zip(taps, strides, w.shape[:-2], strict=True)]
    w = lax.pad(w, jnp.zeros((), w.dtype), [*sides, _NONE, _NONE])
    w = w.reshape(*_interleave(taps, strides), *w.shape[-2:])
    w = w.transpose(*range(0, 2 * n, 2), *range(1, 2 * n, 2), 2 * n, 2 * n + 1)
    return w.reshape(*taps, -1, w.shape[-1])


def _parts(batch: int, total: int, wanted: int) -> int:
    """Into how many equal parts a batch goes, for so many of a total of bytes in one."""
    fewest = max(min(-(-total // wanted), batch), 1)
    return next(n for n in range(fewest, max(batch, 1) + 1) if batch % n == 0)


def _map_parts(f: Callable[[Array], Array], x: Array, parts: int) -> Array:
    if parts == 1:
        return f(x)
    y = lax.map(f, x.reshape(parts, -1, *x.shape[1:]))
    return y.reshape(-1, *y.shape[2:])


def _sum_parts(f: Callable[[Array, Array], Array], x: Array, y: Array, parts: int) -> Array:
    if parts == 1:
        return f(x, y)
    split = [v.reshape(parts, -1, *v.shape[1:]) for v in (x, y)]
    zeros = jnp.zeros_like(jax.eval_shape(f, *(v[0] for v in split)))
    return lax.scan(lambda total, part: (total + f(*part), None), zeros, split)[0]
