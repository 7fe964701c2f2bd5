"""Maps of other sides: twice or half, plainly or by a filter, which aliases less; shuffled pixels.

Making Convolutional Networks Shift-Invariant Again, Zhang, 2019, arXiv:1904.11486; for nets that
make images A Style-Based Generator Architecture, Karras et al., 2018, arXiv:1812.04948, appendix A,
and StyleGAN2, Karras et al., 2020, arXiv:1912.04958. Around a map lie zeros.

A filter is its taps along either side, such as the triangle (1, 2, 1) of bilinear interpolation or
the binomial (1, 3, 3, 1); only their ratios matter. It is as many taps of a sum here, not a
convolution: with few taps and every channel by itself there is no matrix product in it.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from gan_jax.types import Array

BINOMIAL = (1, 3, 3, 1)
TRIANGLE = (1, 2, 1)


def smooth(x: Array, taps: Sequence[float], padding: tuple[int, int]) -> Array:
    """Filters `x` [B, H, W, C] after so many zeros before and after either side.

    Returns:
      [B, H', W', C], where H' is H and the zeros, less all taps but one; W' likewise.
    """
    shares = _shares(taps)

    def along(x: Array, axis: int) -> Array:
        x = _padded(x, axis, *padding)
        size = x.shape[axis] - len(shares) + 1
        return _sum(shares, [lax.slice_in_dim(x, k, k + size, axis=axis) for k in range(len(taps))])

    return along(along(x, 1), 2)


def upsample(x: Array, taps: Sequence[float] = BINOMIAL) -> Array:
    """`x` [B, H, W, C] with zeros between its pixels, filtered: [B, 2H, 2W, C]. The mean stays."""
    shares = [2 * share for share in _shares(taps)]
    before = (len(taps) + 1) // 2  # of zeros, before the map with zeros between its pixels
    reach = len(taps)

    def along(x: Array, axis: int) -> Array:
        size, wide = x.shape[axis], _padded(x, axis, reach, reach)

        def phase(r: int) -> Array:
            met = [k for k in range(len(taps)) if (r + k - before) % 2 == 0]
            starts = [reach + (r + k - before) // 2 for k in met]
            parts = [lax.slice_in_dim(wide, i, i + size, axis=axis) for i in starts]
            return _sum([shares[k] for k in met], parts)

        both = jnp.stack([phase(0), phase(1)], axis=axis + 1)
        return both.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])

    return along(along(x, 1), 2)


def downsample(x: Array, taps: Sequence[float] = BINOMIAL) -> Array:
    """Every second pixel of `x` [B, 2H, 2W, C] filtered: [B, H, W, C]. The mean stays."""
    shares = _shares(taps)
    before = (len(taps) - 1) // 2

    def along(x: Array, axis: int) -> Array:
        size, more = x.shape[axis] // 2, (len(taps) + 1) // 2 - 1
        x = _padded(x, axis, before, 2 * more - before)
        pairs = x.reshape(*x.shape[:axis], size + more, 2, *x.shape[axis + 1 :])
        phases = [lax.index_in_dim(pairs, r, axis + 1, keepdims=False) for r in (0, 1)]
        return _sum(
            shares,
            [
                lax.slice_in_dim(phases[k % 2], k // 2, k // 2 + size, axis=axis)
                for k in range(len(taps))
            ],
        )

    return along(along(x, 1), 2)


def pixel_shuffle(x: Array, factor: int) -> Array:
    """`x` [B, H, W, C f²] with every pixel's channels laid out as f × f pixels: [B, f H, f W, C].

    Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network, Shi et al., 2016, arXiv:1609.05158, eq. 4, in the order of PyTorch's channels.
    """
    b, h, w, c = x.shape
    cells = x.reshape(b, h, w, c // factor**2, factor, factor)
    return cells.transpose(0, 1, 4, 2, 5, 3).reshape(b, h * factor, w * factor, -1)


def repeat_pixels(x: Array) -> Array:
    """`x` [B, H, W, C] with every pixel repeated: [B, 2H, 2W, C]."""
    b, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c)).reshape(b, 2 * h, 2 * w, c)


def mean_pool(x: Array) -> Array:
    """The means of 2×2 pixels: `x` [B, 2H, 2W, C] to [B, H, W, C]."""
    b, h, w, c = x.shape
    return jnp.mean(x.reshape(b, h // 2, 2, w // 2, 2, c), axis=(2, 4))


def _shares(taps: Sequence[float]) -> list[float]:
    return [tap / sum(taps) for tap in taps]


def _padded(x: Array, axis: int, before: int, after: int) -> Array:
    sides = [(before, after, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
    return lax.pad(x, jnp.zeros((), x.dtype), sides)


def _sum(weights: Sequence[float], parts: Sequence[Array]) -> Array:
    return sum(
        (w * part for w, part in zip(weights[1:], parts[1:], strict=True)), weights[0] * parts[0]
    )
