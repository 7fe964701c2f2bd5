"""The U-Net of pix2pix: an image in, an image of the same size out, details carried across.

Image-to-Image Translation with Conditional Adversarial Networks, Isola et al., 2016,
arXiv:1611.07004, section 3.2.1 and appendix.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv, ConvTranspose, Dropout, InstanceNorm, leaky_relu
from gan_jax.types import Array, PRNGKey, UserError

_init = nn.initializers.normal(0.02)


def halvings(height: int, width: int | None = None, wanted: int | None = None) -> int:
    """How often both sides of an image are halved, at most 8 times: 256² to a single pixel.

    Args:
      height: of the image.
      width: of the image, the same if None.
      wanted: so often; as often as they can be if None.

    Raises:
      UserError: if they cannot be halved so often, or at all.
    """
    width = height if width is None else width
    count, sides = 0, (height, width)
    while count < (wanted or 8) and not sides[0] % 2 and not sides[1] % 2:
        count, sides = count + 1, (sides[0] // 2, sides[1] // 2)
    if count == 0 or (wanted and count < wanted):
        raise UserError(
            f"a U-Net halves the sides of its images {wanted or 1} times or more, and "
            f"{height}×{width} has an odd one after {count}"
        )
    return count


class Translator(nn.Module):
    """Halve as often as the sides allow, double as often; each map meets that of its size again.

    Noise enters as dropout in the innermost doublings, three of them at most, and stays in
    evaluation.

    Attributes:
      channels: of the output image.
      width: channels after the first halving; each further one doubles them, up to eight times.
      batch_norm: whether to normalise by the batch; else each image by itself, as the paper's is at
        its batch size of 1. By itself an image loses in maps of few pixels what it has throughout.
      depth: how often sides are halved, which they must allow; as often as they do if None.
      dropout: rate of the dropout.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      final: after the last layer; None for logits.
      dtype: of the computation; the image is float32, in [-1, 1].
    """

    channels: int = 3
    width: int = 64
    batch_norm: bool = False
    depth: int | None = None
    dropout: float = 0.5
    axis_name: str | None = None
    final: Callable[[Array], Array] | None = nn.tanh
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

        depth = halvings(x.shape[1], x.shape[2], self.depth)
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
        x = last(nn.relu(x)).astype(jnp.float32)
        return x if self.final is None else self.final(x)
