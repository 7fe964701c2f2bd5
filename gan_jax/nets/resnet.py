"""The residual nets of SN-GAN: pre-activation blocks that double or halve the map.

Spectral Normalization for Generative Adversarial Networks, Miyato et al., 2018, arXiv:1802.05957,
tables 3 to 5. Labels choose the generator's scales and biases of batch normalisation and enter the
discriminator by projection (cGANs with Projection Discriminator, Miyato & Koyama, 2018,
arXiv:1802.05637). Where the papers are silent, on initial values and the width inside a block,
this follows their authors' code, pfnet-research/sngan_projection.

The values are those of the papers, the arithmetic is less: a convolution after a doubling, or
before a halving, is one strided convolution whose kernel is the given one smeared over a pixel
more (4/9 of the products), and a 1×1 convolution sees the smaller of the two maps (a quarter).
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv, SpectralNorm
from gan_jax.layers.conv import Padding, Sizes, conv, conv_input
from gan_jax.nets.dcgan import base_and_stages
from gan_jax.nets.heads import Head, Judgement, WithHeads
from gan_jax.types import Array

_glorot = nn.initializers.glorot_uniform()
_before_relu = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")


def upsample(x: Array) -> Array:
    """`x` [B, H, W, C] with every pixel repeated: [B, 2H, 2W, C]."""
    b, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c)).reshape(b, 2 * h, 2 * w, c)


def downsample(x: Array) -> Array:
    """The means of 2×2 pixels: `x` [B, 2H, 2W, C] to [B, H, W, C]."""
    b, h, w, c = x.shape
    return jnp.mean(x.reshape(b, h // 2, 2, w // 2, 2, c), axis=(2, 4))


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


class Generator(nn.Module):
    """From a latent to a square image in [-1, 1].

    Attributes:
      resolution: side of the image, see `dcgan.base_and_stages`; with 32 it is that of CIFAR-10.
      channels: of the image.
      width: see `widths`; None for the papers', 256 up to 32² and 64 above.
      num_classes: of the labels the net is conditioned on; None for none.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    channels: int = 3
    width: int | None = None
    num_classes: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to images [B, resolution, resolution, channels]."""

        def activate(x: Array, num_classes: int | None = None) -> Array:
            norm = BatchNorm(axis_name=self.axis_name, dtype=self.dtype, num_classes=num_classes)
            return nn.relu(norm(x, label, train=train))

        def block(x: Array, features: int) -> Array:
            y = activate(x, self.num_classes)
            y = UpsampleConv(
                features, (3, 3), use_bias=False, kernel_init=_before_relu, dtype=self.dtype
            )(y)
            y = activate(y, self.num_classes)
            y = Conv(features, (3, 3), kernel_init=_before_relu, dtype=self.dtype)(y)
            x = Conv(features, (1, 1), kernel_init=_glorot, dtype=self.dtype)(x)
            return upsample(x) + y

        base, _ = base_and_stages(self.resolution)
        width = self.width or (256 if self.resolution <= 32 else 64)
        smallest, *larger = reversed(widths(self.resolution, width))
        x = nn.Dense(base * base * smallest, kernel_init=_glorot, dtype=self.dtype)(latent)
        x = x.reshape(-1, base, base, smallest)
        for features in larger:
            x = block(x, features)
        x = Conv(self.channels, (3, 3), kernel_init=_glorot, dtype=self.dtype)(activate(x))
        return nn.tanh(x.astype(jnp.float32))


class Discriminator(WithHeads):
    """From a square image to its logit.

    Up to 32² two blocks halve the map and two keep it (table 3); above, blocks halve it to the
    base of 4 or 7 pixels and one more keeps it (tables 4 and 5).

    Attributes:
      width: see `widths`; None for the papers', 128 up to 32² and 64 above.
      num_classes: of the labels the net is conditioned on; None for none.
      spectral: whether every kernel is divided by its largest singular value.
      dtype: of the computation; features are summed, and logits made, in float32.
    """

    width: int | None = None
    num_classes: int | None = None
    spectral: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps images [B, H, H, C] to logits [B], or to a mapping as `heads.Head` does."""

        def run(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train) if self.spectral else layer(x)

        def block(x: Array, features: int, *, first: bool, halves: bool) -> Array:
            channels = x.shape[-1]
            inner = Conv(
                features if first else channels,
                (3, 3),
                kernel_init=_before_relu,
                dtype=self.dtype,
            )
            outer = (ConvDownsample if halves else Conv)(
                features, (3, 3), kernel_init=_before_relu, dtype=self.dtype
            )
            y = run(outer, nn.relu(run(inner, x if first else nn.relu(x))))
            x = downsample(x) if halves else x
            if halves or features != channels:
                x = run(Conv(features, (1, 1), kernel_init=_glorot, dtype=self.dtype), x)
            return x + y

        resolution = x.shape[1]
        _, stages = base_and_stages(resolution)
        small = resolution <= 32
        width = self.width or (128 if small else 64)
        features = (width,) * 4 if small else widths(resolution, width)
        halvings = min(stages, 2) if small else stages
        for i, f in enumerate(features):
            x = block(x, f, first=i == 0, halves=i < halvings)
        x = jnp.sum(nn.relu(x).astype(jnp.float32), axis=(1, 2))
        head = Head(
            self.num_classes, self.spectral, _glorot, heads=self.heads, features=self.features
        )
        return head(x, label, train)
