"""The U-Net of pix2pix: an image in, an image of the same size out, details carried across.

Image-to-Image Translation with Conditional Adversarial Networks, Isola et al., 2016,
arXiv:1611.07004, section 3.2.1 and appendix.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv, ConvTranspose, Dropout, InstanceNorm
from gan_jax.nets.mlp import leaky_relu
from gan_jax.types import Array, PRNGKey, UserError

_init = nn.initializers.normal(0.02)


def halvings(height: int, width: int) -> int:
    """How often both sides of an image can be halved, at most 8 times: 256² to a single pixel.

    Raises:
      UserError: if they cannot be halved at all.
    """
    count = 0
    while count < 8 and height % 2 == width % 2 == 0:
        count, height, width = count + 1, height // 2, width // 2
    if count == 0:
        raise UserError(
            f"a U-Net halves the sides of its images, and {height}×{width} has an odd one"
        )
    return count


class Translator(nn.Module):
    """Halve as often as the sides allow, double as often; each map meets that of its size again.

    Noise enters as dropout in the innermost doublings, three of them at most, and stays in
    evaluation.

    Attributes:
      channels: of the output image.
      width: channels after the first halving; each further one doubles them, up to eight times.
      batch_norm: whether to normalise by the batch; else each image by itself.
      dropout: rate of the dropout.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation; the image is float32, in [-1, 1].
    """

    channels: int = 3
    width: int = 64
    batch_norm: bool = True
    dropout: float = 0.5
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Array, label: None = None, train: bool = False, keys: PRNGKey | None = None
    ) -> Array:
        """Maps images [B, H, W, C] to images [B, H, W, channels].

        `keys` [B] are those of the dropout. Without them evaluation has no noise, and training
        raises a ValueError.
        """
        del label

        def normalise(x: Array) -> Array:
            if self.batch_norm:
                return BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(x, train=train)
            return InstanceNorm(dtype=self.dtype)(x)

        depth = halvings(*x.shape[1:3])
        maps: list[Array] = []
        for stage in range(depth):
            plain = stage in (0, depth - 1)  # the last map may be of one pixel
            features = self.width * min(2**stage, 8)
            conv = Conv(features, (4, 4), 2, use_bias=False, kernel_init=_init, dtype=self.dtype)
            x = conv(leaky_relu(x) if stage else x)
            x = x if plain else normalise(x)
            maps.append(x)
        maps.pop()
        noisy = min(3, depth // 2)
        for stage in range(depth - 1):
            carried = maps.pop()
            x = ConvTranspose(
                carried.shape[-1], (4, 4), 2, use_bias=False, kernel_init=_init, dtype=self.dtype
            )(nn.relu(x))
            x = normalise(x)
            if stage < noisy:
                x = Dropout(self.dropout)(x, keys, train or keys is not None)
            x = jnp.concatenate([x, carried], axis=-1)
        last = ConvTranspose(self.channels, (4, 4), 2, kernel_init=_init, dtype=self.dtype)
        return nn.tanh(last(nn.relu(x)).astype(jnp.float32))
