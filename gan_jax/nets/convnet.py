"""A small convolutional classifier, fast on a CPU, whose last hidden layer serves as features.

Strided convolutions with batch normalisation in place of pooling, as in Striving for Simplicity:
The All Convolutional Net, Springenberg et al., 2014, arXiv:1412.6806, and DCGAN's discriminator.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv
from gan_jax.types import Array

_init = nn.initializers.he_normal()


class ConvNet(nn.Module):
    """From an example to features and to logits over classes.

    Strided convolutions, with kernels of twice the stride, shrink the sides until the smallest is
    at most 4, and a dense layer follows. There may be any number of sides: an image has two, each
    halved, a signal one, a long one, which is quartered, and a vector, which has none, meets the
    dense layer at once.

    Attributes:
      num_classes: K.
      width: channels after the first convolution; each further one doubles them, up to eight times.
      features: D, width of the last hidden layer.
      dtype: of the computation; features and logits are float32.
    """

    num_classes: int
    width: int = 16
    features: int = 128
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> tuple[Array, Array]:
        """Maps x [B, *sides, C], images in [-1, 1], to features [B, D], >= 0, and logits [B, K]."""
        del label

        def activate(x: Array) -> Array:
            return nn.relu(BatchNorm(dtype=self.dtype)(x, train=train))

        width, sides = self.width, x.ndim - 2
        stride = 4 if sides == 1 else 2
        kernel = (2 * stride,) * sides
        while min(x.shape[1:-1], default=0) > 4:
            conv = Conv(width, kernel, stride, use_bias=False, kernel_init=_init, dtype=self.dtype)
            x, width = activate(conv(x)), min(2 * width, 8 * self.width)
        x = x.reshape(x.shape[0], -1)
        hidden = nn.Dense(self.features, use_bias=False, kernel_init=_init, dtype=self.dtype)
        x = activate(hidden(x)).astype(jnp.float32)
        return x, nn.Dense(self.num_classes)(x)
