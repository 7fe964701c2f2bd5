"""Residual convolutions over the characters of a line, as distributions or one-hot.

Improved Training of Wasserstein GANs, Gulrajani et al., 2017, arXiv:1704.00028, section 5.4 and
appendix. Where the paper is silent, on initial values, this follows its authors' code,
igul222/improved_wgan_training.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv
from gan_jax.nets.heads import Judgement, WithHeads, with_label
from gan_jax.types import Array

_glorot = nn.initializers.glorot_uniform()
_before_relu = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")


class Block(nn.Module):
    """`x + 0.3 f(x)`, f twice a ReLU and a convolution over five places."""

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, L, width] to its like."""
        y = x
        for _ in range(2):
            y = Conv(x.shape[-1], (5,), kernel_init=_before_relu, dtype=self.dtype)(nn.relu(y))
        return x + 0.3 * y


class Generator(nn.Module):
    """From a latent, of 128 numbers in the paper, to a distribution over the vocabulary a place.

    Attributes:
      length: L, places of a line.
      vocabulary: V, how many tokens there are.
      width: channels of the hidden maps.
      blocks: how many.
      num_classes: of the labels that stand one-hot beside the latent; None for none.
      dtype: of the computation; the probabilities are float32.
    """

    length: int
    vocabulary: int
    width: int = 512
    blocks: int = 5
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to probabilities [B, L, V]."""
        del train
        x = with_label(latent, label, self.num_classes)
        x = nn.Dense(self.length * self.width, kernel_init=_glorot, dtype=self.dtype)(x)
        x = x.reshape(-1, self.length, self.width)
        for _ in range(self.blocks):
            x = Block(self.dtype)(x)
        x = Conv(self.vocabulary, (1,), kernel_init=_glorot, dtype=self.dtype)(x)
        return nn.softmax(x.astype(jnp.float32))


class Discriminator(WithHeads):
    """From a line, one-hot or of distributions, to its logit.

    Attributes:
      width: channels of the hidden maps.
      blocks: how many.
      num_classes: of the labels the net is conditioned on, by projection; None for none.
      dtype: of the computation; the outputs are float32.
    """

    width: int = 512
    blocks: int = 5
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps lines [B, L, V], float32, to logits [B], or to a mapping as `heads.Head` does."""
        x = Conv(self.width, (1,), kernel_init=_glorot, dtype=self.dtype)(x)
        for _ in range(self.blocks):
            x = Block(self.dtype)(x)
        x = x.reshape(x.shape[0], -1)
        head = self.head(num_classes=self.num_classes, kernel_init=_glorot, dtype=self.dtype)
        return head(x, label, train)
