"""Modulated convolution: a style scales every input channel, and outputs keep unit size."""

import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from gan_jax.layers.conv import conv, conv_input
from gan_jax.layers.equalised import EqualisedDense
from gan_jax.layers.resample import BINOMIAL, smooth
from gan_jax.types import Array


class ModulatedConv(nn.Module):
    """A convolution whose kernel each example's style modulates and demodulates.

    Analyzing and Improving the Image Quality of StyleGAN, Karras et al., 2020, arXiv:1912.04958,
    section 2.2. With s a linear image of the style, 1 at first,

        w'_kcf = s_c w_kcf,    w''_kcf = w'_kcf / √(Σ_kc w'_kcf² + 1e-8),

    and w'' is what `x` is convolved with before a bias is added. As both factors leave the taps
    alone, that is w between a scaling of the input and one of the output: no example has a kernel
    of its own.

    Attributes:
      features: output channels.
      kernel: taps along either side, odd.
      up: whether the map is doubled: convolved with zeros between its pixels, then smoothed.
      demodulate: whether w'' stands in place of w'.
      dtype: of the computation; the factors of demodulation are float32.
    """

    features: int
    kernel: int = 3
    up: bool = False
    demodulate: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, style: Array) -> Array:
        """Maps `x` [B, H, W, C] and styles [B, W] to [B, H, W, features], or [B, 2H, 2W, ...]."""
        _, height, width, c = x.shape
        taps = (self.kernel, self.kernel)
        w = self.param("kernel", nn.initializers.normal(1.0), (*taps, c, self.features))
        w = w / math.sqrt(math.prod(taps) * c)
        scales = EqualisedDense(c, bias_init=nn.initializers.ones)(style.astype(jnp.float32))
        x = x.astype(self.dtype) * scales.astype(self.dtype)[:, None, None]
        low = w.astype(self.dtype)
        if self.up:
            # The transpose of a flipped convolution of stride 2, k - 2 pixels wider than double.
            flipped = jnp.flip(low, axis=(0, 1)).swapaxes(2, 3)
            size = (2 * height + self.kernel - 2, 2 * width + self.kernel - 2)
            y = conv_input(x, flipped, (2, 2), ((0, 0), (0, 0)), size)
            before = (len(BINOMIAL) + 1 - self.kernel) // 2
            y = 4 * smooth(y, BINOMIAL, (before, before))
        else:
            sides = ((self.kernel // 2,) * 2,) * 2
            y = conv(x, low, (1, 1), sides)
        if self.demodulate:
            squares = scales**2 @ jnp.sum(w**2, axis=(0, 1))
            y = y * lax.rsqrt(squares + 1e-8).astype(self.dtype)[:, None, None]
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return y + bias.astype(self.dtype)[None, None, None]
