"""A convolutional classifier, fast on a CPU, whose last hidden layer serves as features.

Strided convolutions with batch normalisation in place of pooling, as in Striving for Simplicity:
The All Convolutional Net, Springenberg et al., 2014, arXiv:1412.6806, and DCGAN's discriminator;
between them, where there are to be any, the residual blocks of Deep Residual Learning for Image
Recognition, He et al., 2015, arXiv:1512.03385.
"""

import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv
from gan_jax.types import Array

_init = nn.initializers.he_normal()
_LARGEST = 16  # sides of a map that blocks stand at, in the geometric mean


class ConvNet(nn.Module):
    """From an example to features and to logits over classes.

    Strided convolutions, with kernels of twice the stride, shrink the sides until the smallest is
    at most 4, and a dense layer follows. There may be any number of sides: an image has two, each
    halved, a signal one, a long one, which is quartered, and a vector, which has none, meets the
    dense layer at once.

    With `blocks` the net is a residual one: so many blocks of two convolutions of three taps stand
    at every map of at most 16 by 16 places, and the dense layer meets the means of the last map.
    Larger maps have fewer channels, so that an image of any size costs about the same.

    Attributes:
      num_classes: K.
      width: channels after the first convolution; each further one doubles them, up to eight times.
        With `blocks`: of the first map that has blocks; larger maps have half of them for each
        doubling of the sides, smaller ones twice for each halving, up to four times.
      features: D, width of the last hidden layer.
      blocks: at each map; 0 for none.
      dtype: of the computation; features and logits are float32.
    """

    num_classes: int
    width: int = 16
    features: int = 128
    blocks: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> tuple[Array, Array]:
        """Maps x [B, *sides, C], images in [-1, 1], to features [B, D], >= 0, and logits [B, K]."""
        del label

        def normalise(x: Array) -> Array:
            return BatchNorm(dtype=self.dtype)(x, train=train)

        def convolve(x: Array, width: int, taps: int, stride: int = 1) -> Array:
            kernel = (taps,) * (x.ndim - 2)
            conv = Conv(width, kernel, stride, use_bias=False, kernel_init=_init, dtype=self.dtype)
            return normalise(conv(x))

        stride = 4 if x.ndim == 3 else 2
        for width, blocks in self._maps(x.shape[1:-1], stride):
            x = nn.relu(convolve(x, width, 2 * stride, stride))
            for _ in range(blocks):
                x = nn.relu(x + convolve(nn.relu(convolve(x, width, 3)), width, 3))
        if self.blocks:
            x = jnp.mean(x, axis=range(1, x.ndim - 1))
        x = x.reshape(x.shape[0], -1)
        hidden = nn.Dense(self.features, use_bias=False, kernel_init=_init, dtype=self.dtype)
        x = nn.relu(normalise(hidden(x))).astype(jnp.float32)
        return x, nn.Dense(self.num_classes)(x)

    def _maps(self, sides: tuple[int, ...], stride: int) -> list[tuple[int, int]]:
        """Channels and blocks of the maps, from the largest to the smallest."""
        small = []
        while min(sides, default=0) > 4:
            sides = tuple(-(-side // stride) for side in sides)
            small.append(math.prod(sides) <= _LARGEST ** len(sides))
        if not self.blocks:
            return [(self.width << min(i, 3), 0) for i in range(len(small))]
        first = small.index(True) if True in small else len(small)
        halved = lambda by: max(self.width >> by, 1)
        return [
            (self.width << min(i - first, 2), self.blocks) if i >= first else (halved(first - i), 0)
            for i in range(len(small))
        ]
