"""The residual translator: an image in, an image of the same size out.

Perceptual Losses for Real-Time Style Transfer and Super-Resolution, Johnson et al., 2016,
arXiv:1603.08155, as CycleGAN uses it (Zhu et al., 2017, arXiv:1703.10593, appendix).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv, ConvTranspose, InstanceNorm
from gan_jax.types import Array, UserError

_init = nn.initializers.normal(0.02)


class Translator(nn.Module):
    """Convolve, halve, transform by residual blocks, double, convolve; instance-normalised.

    Attributes:
      channels: of the output image.
      width: channels at full resolution; each halving doubles them.
      halvings: how often the side is halved; it must divide by two so often.
      blocks: residual blocks at the smallest side (CycleGAN: 6 at 128², 9 from 256² on).
      kernel: side of the first and last kernel.
      final: after the last layer; None for logits.
      dtype: of the computation; the image is float32, in [-1, 1].
    """

    channels: int = 3
    width: int = 64
    halvings: int = 2
    blocks: int = 9
    kernel: int = 7
    final: Callable[[Array], Array] | None = nn.tanh
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> Array:
        """Maps images [B, H, W, C] to images [B, H, W, channels].

        Raises:
          UserError: the sides do not divide by two so often.
        """
        del label, train
        if any(side % 2**self.halvings for side in x.shape[1:3]):
            raise UserError(
                f"a net that halves sides {self.halvings} times takes multiples of "
                f"{2**self.halvings}, not {x.shape[1]}×{x.shape[2]}"
            )

        def normalise(x: Array) -> Array:
            return InstanceNorm(dtype=self.dtype)(x)

        def mirrored(x: Array, kernel: int) -> Array:
            """The image continued beyond its border by its own reflection."""
            sides = ((kernel - 1) // 2, kernel // 2)
            return jnp.pad(x, [(0, 0), sides, sides, (0, 0)], mode="reflect")

        def convolve(x: Array, features: int, kernel: int, stride: int = 1) -> Array:
            conv = partial(Conv, features, (kernel, kernel), stride, "VALID", use_bias=False)
            return normalise(conv(kernel_init=_init, dtype=self.dtype)(mirrored(x, kernel)))

        def deconvolve(x: Array, features: int) -> Array:
            conv = partial(ConvTranspose, features, (3, 3), 2, use_bias=False)
            return normalise(conv(kernel_init=_init, dtype=self.dtype)(x))

        x = nn.relu(convolve(x, self.width, self.kernel))
        for halving in range(self.halvings):
            x = nn.relu(convolve(x, self.width << (halving + 1), 3, 2))
        for _ in range(self.blocks):
            x = x + convolve(nn.relu(convolve(x, x.shape[-1], 3)), x.shape[-1], 3)
        for halving in reversed(range(self.halvings)):
            x = nn.relu(deconvolve(x, self.width << halving))
        kernel = (self.kernel, self.kernel)
        last = Conv(self.channels, kernel, 1, "VALID", kernel_init=_init, dtype=self.dtype)
        x = last(mirrored(x, self.kernel)).astype(jnp.float32)
        return x if self.final is None else self.final(x)
