"""Equalised learning rates: kernels are kept near unit size and scaled where they are used.

Progressive Growing of GANs for Improved Quality, Stability, and Variation, Karras et al., 2018,
arXiv:1710.10196, section 4.1. A parameter is drawn from N(0, 1) and used times 1 / √fan_in, so that
an optimizer whose steps do not know a parameter's size, such as Adam, moves all alike.
"""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers.conv import Conv, Padding, Sizes
from gan_jax.types import Array


class EqualisedDense(nn.Module):
    """A dense layer of equalised learning rate.

    Attributes:
      features: outputs.
      rate: its learning rate is so many times that of others; parameters are kept divided by it.
      bias_init: initialiser of the bias as it is used.
      dtype: of the computation.
    """

    features: int
    rate: float = 1.0
    bias_init: Callable = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps `x` [..., D] to [..., features]."""
        kernel_init = nn.initializers.normal(1 / self.rate)
        w = self.param("kernel", kernel_init, (x.shape[-1], self.features), jnp.float32)
        bias_init = lambda *args: self.bias_init(*args) / self.rate
        bias = self.param("bias", bias_init, (self.features,), jnp.float32)
        w, bias = w * (self.rate / math.sqrt(x.shape[-1])), bias * self.rate
        y = x.astype(self.dtype) @ w.astype(self.dtype)
        return y + bias.astype(self.dtype).reshape((1,) * (y.ndim - 1) + (-1,))


class EqualisedConv(Conv):
    """`Conv` of equalised learning rate."""

    kernel_init: Callable = nn.initializers.normal(1.0)

    def _convolve(self, x: Array, w: Array, strides: Sizes, padding: str | Padding) -> Array:
        return super()._convolve(x, w / math.sqrt(math.prod(w.shape[:-1])), strides, padding)
