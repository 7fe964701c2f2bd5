"""Nets that read captions: a generator and a discriminator of images under a text.

Generative Adversarial Text to Image Synthesis, Reed et al., 2016, arXiv:1605.05396, section 4. The
paper's encoder of texts is trained apart; here each net trains its own.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.layers import Conv, leaky_relu
from gan_jax.nets import dcgan
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array


class TextEncoder(nn.Module):
    """From tokens to a vector, by convolutions over places that are then told apart.

    Attributes:
      vocabulary: V, how many tokens there are.
      outputs: numbers of the vector; 128 in the paper.
      width: channels of the maps.
      dtype: of the computation; the output is float32.
    """

    vocabulary: int
    outputs: int = 128
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, text: Array) -> Array:
        """Maps tokens [B, L], or distributions over them [B, L, V], to [B, outputs]."""
        if text.ndim == 2:
            text = jax.nn.one_hot(text, self.vocabulary)
        x = nn.Dense(self.width, use_bias=False, dtype=self.dtype)(text)
        x = x + leaky_relu(Conv(self.width, (5,), dtype=self.dtype)(x))
        x = x.reshape(x.shape[0], -1)
        return leaky_relu(nn.Dense(self.outputs, dtype=self.dtype)(x)).astype(jnp.float32)


class Generator(nn.Module):
    """DCGAN's, whose latent stands beside the vector of a text.

    Attributes:
      resolution: of `dcgan.Generator`.
      vocabulary: of `TextEncoder`.
      channels: of the image.
      width: of `dcgan.Generator`.
      text: numbers that the text becomes.
      axis_name: of `dcgan.Generator`.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    vocabulary: int
    channels: int = 3
    width: int = 64
    text: int = 128
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array, train: bool = False) -> Array:
        """Maps latents [B, Z] and texts, as `TextEncoder` reads them, to images in [-1, 1]."""
        text = TextEncoder(self.vocabulary, self.text, dtype=self.dtype)(label)
        body = dcgan.Generator(
            self.resolution, self.channels, self.width, axis_name=self.axis_name, dtype=self.dtype
        )
        return body(jnp.concatenate([latent, text], axis=-1), train=train)


class Discriminator(nn.Module):
    """DCGAN's, on whose last map the vector of a text is laid at every place.

    Attributes:
      vocabulary: of `TextEncoder`.
      width: of `dcgan.Body`, which is not normalised.
      text: numbers that the text becomes.
      dtype: of the computation; the output is float32.
    """

    vocabulary: int
    width: int = 64
    text: int = 128
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array, train: bool = False) -> Array:
        """Maps images [B, H, H, C] and texts, as `TextEncoder` reads them, to logits [B]."""
        text = TextEncoder(self.vocabulary, self.text, dtype=self.dtype)(label)
        base, stages = base_and_stages(x.shape[1])
        channels = self.width << (stages - 1)
        maps = dcgan.Body(self.width, batch_norm=False, dtype=self.dtype)(x, train)
        maps = maps.reshape(-1, base, base, channels)
        everywhere = jnp.broadcast_to(text[:, None, None], (*maps.shape[:3], self.text))
        both = jnp.concatenate([maps, everywhere.astype(maps.dtype)], axis=-1)
        both = leaky_relu(Conv(channels, (1, 1), dtype=self.dtype)(both))
        return nn.Dense(1, dtype=self.dtype)(both.reshape(x.shape[0], -1))[:, 0].astype(jnp.float32)


class PairEncoder(nn.Module):
    """From images and texts to vectors of one space.

    Attributes:
      vocabulary: of `TextEncoder`.
      outputs: numbers of a vector.
      width: of `dcgan.Encoder`.
    """

    vocabulary: int
    outputs: int = 64
    width: int = 32

    @nn.compact
    def __call__(self, x: Array, text: Array, train: bool = False) -> tuple[Array, Array]:
        """Maps images [B, H, H, C] and texts to [B, outputs] each."""
        image = dcgan.Encoder(self.outputs, self.width, batch_norm=False)(x, train=train)
        told = TextEncoder(self.vocabulary, 2 * self.outputs)(text)
        return image, nn.Dense(self.outputs)(told)
