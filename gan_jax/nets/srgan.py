"""SRGAN's nets: a residual net that enlarges an image, and a discriminator of images.

Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network, Ledig et al.,
2017, arXiv:1609.04802, section 2.1 and figure 4.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv, leaky_relu
from gan_jax.layers.resample import pixel_shuffle
from gan_jax.types import Array, UserError

_init = nn.initializers.he_normal()


class Generator(nn.Module):
    """SRResNet: residual blocks at the small size, then doublings by sub-pixel convolution.

    Attributes:
      channels: of the image.
      width: of all maps.
      blocks: how many residual blocks; 16 in the paper.
      factor: by which both sides grow, a power of two.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation; the image is float32.
    """

    channels: int = 3
    width: int = 64
    blocks: int = 16
    factor: int = 4
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> Array:
        """Maps images [B, h, w, C] to images [B, factor h, factor w, channels] in [-1, 1].

        Raises:
          UserError: for a factor that is no power of two.
        """
        del label
        if self.factor < 1 or self.factor & (self.factor - 1):
            raise UserError(f"an image grows by doubling: {self.factor} is no power of two")

        def convolve(x: Array, features: int, kernel: int, bias: bool = True) -> Array:
            size = (kernel, kernel)
            conv = Conv(features, size, use_bias=bias, kernel_init=_init, dtype=self.dtype)
            return conv(x)

        def normalise(x: Array) -> Array:
            return BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(x, train=train)

        def activate(x: Array) -> Array:
            return nn.PReLU(negative_slope_init=0.25, param_dtype=jnp.float32)(x)

        first = x = activate(convolve(x, self.width, 9))
        for _ in range(self.blocks):
            y = activate(normalise(convolve(x, self.width, 3, bias=False)))
            x = x + normalise(convolve(y, self.width, 3, bias=False))
        x = first + normalise(convolve(x, self.width, 3, bias=False))
        for _ in range(self.factor.bit_length() - 1):
            x = activate(pixel_shuffle(convolve(x, 4 * self.width, 3), 2))
        return nn.tanh(convolve(x, self.channels, 9).astype(jnp.float32))


class Discriminator(nn.Module):
    """Pairs of convolutions, the second of which halves the map, and two dense layers.

    Attributes:
      width: channels of the first pair, doubled at each further one.
      pairs: how many; 4 in the paper.
      hidden: width of the first dense layer.
      axis_name: as `Generator`'s.
      dtype: of the computation; the logits are float32.
    """

    width: int = 64
    pairs: int = 4
    hidden: int = 1024
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> Array:
        """Maps images [B, H, W, C] to logits [B]."""
        del label
        for i in range(2 * self.pairs):
            features, stride, plain = self.width << (i // 2), 1 + i % 2, i == 0
            conv = Conv(
                features, (3, 3), stride, use_bias=plain, kernel_init=_init, dtype=self.dtype
            )
            x = conv(x)
            if not plain:
                x = BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(x, train=train)
            x = leaky_relu(x)
        x = nn.Dense(self.hidden, dtype=self.dtype)(x.reshape(x.shape[0], -1))
        return nn.Dense(1, dtype=jnp.float32)(leaky_relu(x))[:, 0].astype(jnp.float32)
