"""PatchGAN: a discriminator that judges every patch of an image by itself.

Image-to-Image Translation with Conditional Adversarial Networks, Isola et al., 2016,
arXiv:1611.07004, section 3.2.2.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv, InstanceNorm, leaky_relu
from gan_jax.types import Array

_init = nn.initializers.normal(0.02)


class Discriminator(nn.Module):
    """Strided convolutions with instance normalisation, then a logit a patch.

    Attributes:
      width: channels after the first convolution, doubled at each further one, up to eight times.
      layers: strided convolutions; each doubles the patch and halves the map. Three, with 64
        channels, give the 70×70 patches of the paper.
      dtype: of the computation; the logits are float32.
    """

    width: int = 64
    layers: int = 3
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> Array:
        """Maps images [B, H, W, C] to logits [B, h, w]."""
        del label, train
        for layer in range(self.layers + 1):
            stride = 2 if layer < self.layers else 1
            features = self.width * min(2**layer, 8)
            first = layer == 0
            x = Conv(features, (4, 4), stride, use_bias=first, kernel_init=_init, dtype=self.dtype)(
                x
            )
            if not first:
                x = InstanceNorm(dtype=self.dtype)(x)
            x = leaky_relu(x)
        return Conv(1, (4, 4), kernel_init=_init, dtype=self.dtype)(x).astype(jnp.float32)[..., 0]
