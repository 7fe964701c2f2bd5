"""WaveGAN: DCGAN for raw audio, with long kernels in one dimension and strides of four.

SpecGAN has the same nets for spectrograms, with kernels of 5×5 in place of 25 and strides of two
each way. Adversarial Audio Synthesis, Donahue et al., 2018, arXiv:1802.04208, tables 3 to 6. The
generator is conditioned by one-hot labels beside its latent, the discriminator by projection.
"""

import math
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv, ConvTranspose, PhaseShuffle, leaky_relu
from gan_jax.nets.heads import Judgement, WithHeads, with_label
from gan_jax.types import Array, PRNGKey, UserError

_glorot = nn.initializers.glorot_uniform()
_BASE, _STRIDE = 16, 4
_LINE = {"kernel_size": (25,), "strides": 4}
_SQUARE = {"kernel_size": (5, 5), "strides": 2}


def stages(length: int) -> int:
    """How often 16 samples, or 4×4 places, become four times as many to make 64, 256, ..., 16,384.

    Raises:
      UserError: for a length that is not reached so.
    """
    for count in range(1, 12):
        if _BASE * _STRIDE**count == length:
            return count
    raise UserError(
        f"{length} samples are not 16 times a power of four (64, 256, 1024, 4096, 16384, ...)"
    )


class Generator(nn.Module):
    """From a latent, of 100 numbers in the paper, to a signal or a square in [-1, 1].

    Attributes:
      length: T, samples of the signal or places of the square, see `stages`; the paper's is 16,384.
      channels: of the signal.
      width: channels before the last convolution; each one before has twice as many.
      square: whether it is SpecGAN's.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the signal is float32.
    """

    length: int = 16_384
    channels: int = 1
    width: int = 64
    square: bool = False
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to signals [B, T, channels], or to squares [B, √T, √T, channels]."""
        del train
        sizes = _SQUARE if self.square else _LINE
        up = partial(ConvTranspose, **sizes, kernel_init=_glorot, dtype=self.dtype)
        count = stages(self.length)
        features = self.width << (count - 1)
        x = with_label(latent, label, self.num_classes)
        x = nn.Dense(_BASE * features, kernel_init=_glorot, dtype=self.dtype)(x)
        x = nn.relu(x.reshape(-1, *((4, 4) if self.square else (_BASE,)), features))
        for stage in reversed(range(count - 1)):
            x = nn.relu(up(self.width << stage)(x))
        return nn.tanh(up(self.channels)(x).astype(jnp.float32))


class Discriminator(WithHeads):
    """From a signal or a square to its logit.

    Attributes:
      width: channels after the first convolution; each further one doubles them.
      shuffle: reach of the phase shuffle after every convolution of a signal but the last, in
        training.
      num_classes: of the labels the net is conditioned on, by projection; None for none.
      dtype: of the computation; the outputs are float32.
    """

    width: int = 64
    shuffle: int = 2
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Judgement:
        """Maps signals [B, T, C] or squares [B, √T, √T, C] to logits [B], or as `heads.Head` does.

        `keys` [B] are those of the phase shuffle.
        """
        square = x.ndim == 4
        sizes, count = _SQUARE if square else _LINE, stages(math.prod(x.shape[1:-1]))
        for stage in range(count):
            x = Conv(self.width << stage, **sizes, kernel_init=_glorot, dtype=self.dtype)(x)
            x = leaky_relu(x)
            if train and not square and stage < count - 1:
                x = PhaseShuffle(self.shuffle)(x, keys)
        x = x.reshape(x.shape[0], -1)
        head = self.head(num_classes=self.num_classes, kernel_init=_glorot, dtype=self.dtype)
        return head(x, label, train)
