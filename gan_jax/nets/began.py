"""The nets of BEGAN: a generator, and an autoencoder whose decoder is the same architecture.

BEGAN: Boundary Equilibrium Generative Adversarial Networks, Berthelot et al., 2017,
arXiv:1703.10717, section 3.5. An autoencoder as discriminator is that of Energy-based Generative
Adversarial Network, Zhao et al., 2016, arXiv:1609.03126. The paper stops at maps of 8² pixels,
these go down to 4² or 7²; and images end in a tanh here, of which the paper does not speak.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv
from gan_jax.layers.resample import repeat_pixels
from gan_jax.nets.heads import with_label
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array


class Generator(nn.Module):
    """From a latent to a square image in [-1, 1]: nearest-neighbour doublings, two layers between.

    Attributes:
      resolution: side of the image, see `stages.base_and_stages`.
      channels: of the image.
      width: channels of every map.
      num_classes: of the labels that stand one-hot beside the latent; None for none.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    channels: int = 3
    width: int = 64
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to images [B, resolution, resolution, channels]."""
        del train
        convolve = partial(Conv, kernel_size=(3, 3), dtype=self.dtype)
        base, stages = base_and_stages(self.resolution)
        x = with_label(latent, label, self.num_classes)
        x = nn.Dense(base * base * self.width, dtype=self.dtype)(x)
        x = x.reshape(-1, base, base, self.width)
        for stage in range(stages + 1):
            x = repeat_pixels(x) if stage else x
            x = nn.elu(convolve(self.width)(nn.elu(convolve(self.width)(x))))
        return nn.tanh(convolve(self.channels)(x).astype(jnp.float32))


class Encoder(nn.Module):
    """From a square image to a code: strided convolutions, two layers between.

    Attributes:
      outputs: numbers of the code.
      width: channels of the largest map; each halving adds as many.
      dtype: of the computation; the code is float32.
    """

    outputs: int
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> Array:
        """Maps images [B, H, H, C] to codes [B, outputs]."""
        del label, train
        convolve = partial(Conv, kernel_size=(3, 3), dtype=self.dtype)
        _, stages = base_and_stages(x.shape[1])
        x = nn.elu(convolve(self.width)(x))
        for stage in range(1, stages + 2):
            features = self.width * stage
            x = nn.elu(convolve(features)(nn.elu(convolve(features)(x))))
            if stage <= stages:
                x = nn.elu(convolve(features + self.width, strides=2)(x))
        x = nn.Dense(self.outputs, dtype=self.dtype)(x.reshape(x.shape[0], -1))
        return x.astype(jnp.float32)


class Autoencoder(nn.Module):
    """From a square image to its reconstruction: a discriminator whose error is the energy.

    Attributes:
      code: numbers between encoder and decoder; the paper's 64 or 128.
      width: of `Encoder` and `Generator`.
      features: whether the code is given too.
      dtype: of the computation; the outputs are float32.
    """

    code: int = 64
    width: int = 64
    features: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Array, label: None = None, train: bool = False
    ) -> Array | dict[str, Array]:
        """Maps images [B, H, H, C] to reconstructions of that shape, in [-1, 1].

        With `features` the output is a mapping with `reconstruction` and `features` [B, code].
        """
        del label, train
        code = Encoder(self.code, self.width, self.dtype)(x)
        decoder = Generator(x.shape[1], x.shape[-1], self.width, dtype=self.dtype)
        made = decoder(code)
        return {"reconstruction": made, "features": code} if self.features else made


class Energy(nn.Module):
    """EBGAN's discriminator: logits are minus the mean squared error of an autoencoder.

    Attributes:
      code: of `Autoencoder`.
      width: of `Autoencoder`.
      dtype: of the computation; the outputs are float32.
    """

    code: int = 64
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> dict[str, Array]:
        """Maps images [B, H, H, C] to `logits` [B], at most 0, and `features` [B, code]."""
        del label, train
        said = Autoencoder(self.code, self.width, features=True, dtype=self.dtype)(x)
        error = jnp.mean((said["reconstruction"] - x) ** 2, axis=(1, 2, 3))
        return {"logits": -error, "features": said["features"]}
