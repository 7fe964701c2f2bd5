"""The residual nets of SN-GAN: pre-activation blocks that double or halve the map.

Spectral Normalization for Generative Adversarial Networks, Miyato et al., 2018, arXiv:1802.05957,
tables 3 to 5. Labels choose the generator's scales and biases of batch normalisation and enter the
discriminator by projection (cGANs with Projection Discriminator, Miyato & Koyama, 2018,
arXiv:1802.05637). Where the papers are silent, on initial values and the width inside a block,
this follows their authors' code, pfnet-research/sngan_projection.

With `attention=32`, and `spectral=True` in both, these are the nets of Self-Attention Generative
Adversarial Networks, Zhang et al., 2019, arXiv:1805.08318.

The values are those of the papers, the arithmetic is less: a convolution after a doubling, or
before a halving, is one strided convolution whose kernel is the given one smeared over a pixel
more (4/9 of the products), and a 1×1 convolution sees the smaller of the two maps (a quarter).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv, SelfAttention
from gan_jax.layers.conv import Padding, Sizes, conv, conv_input
from gan_jax.layers.resample import mean_pool, repeat_pixels
from gan_jax.layers.spectral import run
from gan_jax.nets.heads import Judgement, WithHeads
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array, UserError

_glorot = nn.initializers.glorot_uniform()
_before_relu = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")
_INITS = (_before_relu, _glorot)


def _smeared(w: Array) -> Array:
    """The kernel [k, k, C, F] summed over its four places on a grid of [k + 1, k + 1, C, F]."""
    exact = w.astype(jnp.float32)
    places = [((i, 1 - i), (j, 1 - j), (0, 0), (0, 0)) for i in (0, 1) for j in (0, 1)]
    return sum((jnp.pad(exact, place) for place in places), jnp.zeros(())).astype(w.dtype)


def _sides(w: Array) -> Padding:
    return tuple((k // 2 - 1, k // 2 - 1) for k in w.shape[:2])


class UpsampleConv(Conv):
    """`Conv` of the upsampled map, for odd kernels, stride 1 and padding "SAME"."""

    def _convolve(self, x: Array, w: Array, strides: Sizes, padding: str | Padding) -> Array:
        del strides, padding
        # The transpose of a flipped convolution and of a sum of 2×2 pixels.
        w = _smeared(jnp.flip(w, axis=(0, 1)).swapaxes(2, 3))
        _, height, width, _ = x.shape
        return conv_input(x, w, (2, 2), _sides(w), (2 * height, 2 * width))


class ConvDownsample(Conv):
    """The map of a `Conv`, downsampled, for odd kernels, stride 1 and padding "SAME"."""

    def _convolve(self, x: Array, w: Array, strides: Sizes, padding: str | Padding) -> Array:
        del strides, padding
        w = _smeared(w / 4)
        return conv(x, w, (2, 2), _sides(w))


def widths(resolution: int, width: int) -> tuple[int, ...]:
    """Channels of the maps from the largest to the smallest, one more than there are stages.

    Up to 32² all maps have `width` (table 3). Above, the largest has, and each halving doubles
    it, up to 16 times (tables 4 and 5).
    """
    _, stages = base_and_stages(resolution)
    return tuple(width if resolution <= 32 else width << min(s, 4) for s in range(stages + 1))


def falling(resolution: int, widths: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Channels after each of the discriminator's blocks, and how many of these halve the map.

    Up to 32² two blocks halve the map and two keep it (table 3); above, blocks halve it to the
    base of 4 or 7 pixels and one more keeps it (tables 4 and 5).

    Args:
      resolution: side of the image.
      widths: of the maps, see `widths`.
    """
    stages = len(widths) - 1
    return (widths[:1] * 4, min(stages, 2)) if resolution <= 32 else (widths, stages)


def check_attention(side: int | None, sides: Sequence[int]) -> None:
    """Raises a UserError where attention is to stand at a map of a side that no map has."""
    if side is not None and side not in sides:
        raise UserError(f"attention={side}: the sides of the maps are {', '.join(map(str, sides))}")


def up_block(
    x: Array,
    features: int,
    activate: Callable[[Array], Array],
    through: Callable[[nn.Module, Array], Array],
    inits: tuple[Callable, Callable] = _INITS,
    dtype: Any = jnp.float32,
) -> Array:
    """A generator's block: a map [B, H, W, C] to one [B, 2H, 2W, features].

    Args:
      x: the map.
      features: channels of the next.
      activate: normalises and rectifies.
      through: `(layer, x) -> y`, with or without spectral normalisation.
      inits: of the kernels of 3×3, and of that of 1×1.
      dtype: of the computation.
    """
    inner, outer = inits
    y = activate(x)
    y = through(UpsampleConv(features, (3, 3), use_bias=False, kernel_init=inner, dtype=dtype), y)
    y = activate(y)
    y = through(Conv(features, (3, 3), kernel_init=inner, dtype=dtype), y)
    x = through(Conv(features, (1, 1), kernel_init=outer, dtype=dtype), x)
    return repeat_pixels(x) + y


def down_block(
    x: Array,
    features: int,
    hidden: int,
    *,
    first: bool,
    halves: bool,
    through: Callable[[nn.Module, Array], Array],
    inits: tuple[Callable, Callable] = _INITS,
    dtype: Any = jnp.float32,
) -> Array:
    """A discriminator's block: a map [B, H, W, C] to one of `features` channels.

    Args:
      x: the map.
      features: channels of the next.
      hidden: channels between the two convolutions.
      first: whether `x` is the image, which is not rectified.
      halves: whether the next map has half the sides.
      through: `(layer, x) -> y`, with or without spectral normalisation.
      inits: of the kernels of 3×3, and of that of 1×1.
      dtype: of the computation.
    """
    inner, outer = inits
    last = ConvDownsample if halves else Conv
    y = x if first else nn.relu(x)
    y = nn.relu(through(Conv(hidden, (3, 3), kernel_init=inner, dtype=dtype), y))
    y = through(last(features, (3, 3), kernel_init=inner, dtype=dtype), y)
    channels = x.shape[-1]
    x = mean_pool(x) if halves else x
    if halves or features != channels:
        x = through(Conv(features, (1, 1), kernel_init=outer, dtype=dtype), x)
    return x + y


class Generator(nn.Module):
    """From a latent to a square image in [-1, 1].

    Attributes:
      resolution: side of the image, see `stages.base_and_stages`; with 32 it is that of CIFAR-10.
      channels: of the image.
      width: see `widths`; None for the papers', 256 up to 32² and 64 above.
      num_classes: of the labels the net is conditioned on; None for none.
      attention: side of the map that self-attention stands at; None for none.
      spectral: whether every kernel is divided by its largest singular value.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    channels: int = 3
    width: int | None = None
    num_classes: int | None = None
    attention: int | None = None
    spectral: bool = False
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to images [B, resolution, resolution, channels]."""
        through = partial(run, spectral=self.spectral, train=train)

        def activate(x: Array, num_classes: int | None = None) -> Array:
            norm = BatchNorm(axis_name=self.axis_name, dtype=self.dtype, num_classes=num_classes)
            return nn.relu(norm(x, label, train=train))

        base, stages = base_and_stages(self.resolution)
        check_attention(self.attention, [base << s for s in range(1, stages + 1)])
        width = self.width or (256 if self.resolution <= 32 else 64)
        smallest, *larger = reversed(widths(self.resolution, width))
        dense = nn.Dense(base * base * smallest, kernel_init=_glorot, dtype=self.dtype)
        x = through(dense, latent).reshape(-1, base, base, smallest)
        of_class = partial(activate, num_classes=self.num_classes)
        for features in larger:
            x = up_block(x, features, of_class, through, dtype=self.dtype)
            if x.shape[1] == self.attention:
                x = SelfAttention(self.spectral, dtype=self.dtype)(x, train)
        last = Conv(self.channels, (3, 3), kernel_init=_glorot, dtype=self.dtype)
        return nn.tanh(through(last, activate(x)).astype(jnp.float32))


class Discriminator(WithHeads):
    """From a square image to its logit.

    Attributes:
      width: see `widths`; None for the papers', 128 up to 32² and 64 above.
      num_classes: of the labels the net is conditioned on; None for none.
      attention: side of the map that self-attention stands at; None for none.
      spectral: whether every kernel is divided by its largest singular value.
      dtype: of the computation; features are summed, and logits made, in float32.
    """

    width: int | None = None
    num_classes: int | None = None
    attention: int | None = None
    spectral: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps images [B, H, H, C] to logits [B], or to a mapping as `heads.Head` does."""
        through = partial(run, spectral=self.spectral, train=train)
        resolution = x.shape[1]
        width = self.width or (128 if resolution <= 32 else 64)
        features, halvings = falling(resolution, widths(resolution, width))
        check_attention(self.attention, [resolution >> s for s in range(1, halvings + 1)])
        for i, f in enumerate(features):
            first, halves = i == 0, i < halvings
            hidden = f if first else x.shape[-1]
            x = down_block(
                x, f, hidden, first=first, halves=halves, through=through, dtype=self.dtype
            )
            if halves and x.shape[1] == self.attention:
                x = SelfAttention(self.spectral, dtype=self.dtype)(x, train)
        x = jnp.sum(nn.relu(x).astype(jnp.float32), axis=(1, 2))
        head = self.head(num_classes=self.num_classes, spectral=self.spectral, kernel_init=_glorot)
        return head(x, label, train)
