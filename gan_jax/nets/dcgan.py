"""DCGAN: strided convolutions both ways, batch normalisation, no pooling, no hidden dense layers.

Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks,
Radford et al., 2015, arXiv:1511.06434. The generator is conditioned by one-hot labels beside its
latent, the discriminator by projection (cGANs with Projection Discriminator, Miyato & Koyama,
2018, arXiv:1802.05637).
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv, ConvTranspose, MinibatchDiscrimination, leaky_relu
from gan_jax.nets.heads import Judgement, WithHeads, with_label
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array

_init = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """From a latent to a square image in [-1, 1].

    Attributes:
      resolution: side of the image, see `stages.base_and_stages`.
      channels: of the image.
      width: channels of the largest feature map; each halving of the side doubles them.
      num_classes: of the labels the net is conditioned on; None for none.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    channels: int = 3
    width: int = 64
    num_classes: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to images [B, resolution, resolution, channels]."""

        def activate(x: Array) -> Array:
            return nn.relu(BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(x, train=train))

        base, stages = base_and_stages(self.resolution)
        x = with_label(latent, label, self.num_classes)
        features = self.width << (stages - 1)
        x = nn.Dense(base * base * features, use_bias=False, kernel_init=_init, dtype=self.dtype)(x)
        x = activate(x.reshape(-1, base, base, features))
        for stage in reversed(range(stages - 1)):
            x = ConvTranspose(
                self.width << stage, (4, 4), 2, use_bias=False, kernel_init=_init, dtype=self.dtype
            )(x)
            x = activate(x)
        x = ConvTranspose(self.channels, (4, 4), 2, kernel_init=_init, dtype=self.dtype)(x)
        return nn.tanh(x.astype(jnp.float32))


class Body(nn.Module):
    """From a square image to its features: the convolutions of a discriminator or an encoder.

    Attributes:
      width: channels after the first convolution; each halving of the side doubles them.
      batch_norm: whether to normalise, from the second convolution on; leave it out under a
        gradient penalty.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation and of the features.
    """

    width: int = 64
    batch_norm: bool = True
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Maps images [B, H, H, C] to features [B, D], the last map of 4 or 7 pixels square."""
        _, stages = base_and_stages(x.shape[1])
        for stage in range(stages):
            normalise = self.batch_norm and stage > 0
            x = Conv(
                self.width << stage,
                (4, 4),
                2,
                use_bias=not normalise,
                kernel_init=_init,
                dtype=self.dtype,
            )(x)
            if normalise:
                x = BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(x, train=train)
            x = leaky_relu(x)
        return x.reshape(x.shape[0], -1)


class Encoder(nn.Module):
    """From a square image to `outputs` numbers, such as a VAE's moments.

    Attributes:
      outputs: how many.
      width: of `Body`.
      batch_norm: of `Body`.
      num_classes: of the labels that stand one-hot beside the features; None for none.
      axis_name: of `Body`.
      dtype: of the computation; the output is float32.
    """

    outputs: int
    width: int = 64
    batch_norm: bool = True
    num_classes: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps images [B, H, H, C] to [B, outputs]."""
        x = Body(self.width, self.batch_norm, self.axis_name, self.dtype)(x, train)
        x = with_label(x, label, self.num_classes)
        y = nn.Dense(self.outputs, kernel_init=_init, dtype=self.dtype)(x)
        return y.astype(jnp.float32)


class Discriminator(WithHeads):
    """From a square image to its logit.

    Attributes:
      width: of `Body`.
      batch_norm: of `Body`.
      num_classes: of the labels the net is conditioned on, by projection; None for none.
      axis_name: of `Body`.
      dtype: of the computation; the outputs are float32.
      minibatch: what the features of several examples tell besides; None for nothing.
      hidden: units of a dense layer that the features pass first, as InfoGAN's do; 0 for none.
    """

    width: int = 64
    batch_norm: bool = True
    num_classes: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32
    minibatch: MinibatchDiscrimination | None = None
    hidden: int = 0

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps images [B, H, H, C] to logits [B], or to a mapping as `heads.Head` does."""
        x = Body(self.width, self.batch_norm, self.axis_name, self.dtype)(x, train)
        if self.hidden:
            dense = nn.Dense(
                self.hidden, use_bias=not self.batch_norm, kernel_init=_init, dtype=self.dtype
            )
            x = dense(x)
            if self.batch_norm:
                x = BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(x, train=train)
            x = leaky_relu(x)
        if self.minibatch is not None:
            x = self.minibatch(x, train)
        head = self.head(num_classes=self.num_classes, kernel_init=_init, dtype=self.dtype)
        return head(x, label, train)
