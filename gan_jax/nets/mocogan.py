"""MoCoGAN: one content for a film, a motion for each frame, and a discriminator of frame and film.

MoCoGAN: Decomposing Motion and Content for Video Generation, Tulyakov et al., 2018,
arXiv:1707.04993. Frames are DCGAN's; the film's discriminator halves time as it halves sides.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.layers import Conv, leaky_relu
from gan_jax.nets import dcgan
from gan_jax.nets.heads import Head
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array, PRNGKey

_init = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """A frame of the content and of what a recurrent net makes of the noise up to it.

    Attributes:
      resolution: side of the frames, see `stages.base_and_stages`.
      channels: of the frames.
      frames: T, of a film.
      motion: numbers of each frame's noise and of its code, 10 in the paper.
      width: of `dcgan.Generator`.
      axis_name: likewise.
      dtype: of the computation; the film is float32.
    """

    resolution: int
    channels: int = 3
    frames: int = 16
    motion: int = 10
    width: int = 64
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: None = None, train: bool = False) -> Array:
        """Maps latents [B, Z + T motion], the content first, to films [B, T, H, W, channels]."""
        del label
        size = self.frames * self.motion
        content, noise = latent[:, :-size], latent[:, -size:].reshape(-1, self.frames, self.motion)
        motion = nn.RNN(nn.GRUCell(self.motion))(noise)
        content = jnp.broadcast_to(content[:, None], (*motion.shape[:2], content.shape[-1]))
        codes = jnp.concatenate([content, motion], axis=-1)
        image = dcgan.Generator(
            self.resolution, self.channels, self.width, axis_name=self.axis_name, dtype=self.dtype
        )
        films = image(codes.reshape(-1, codes.shape[-1]), train=train)
        return films.reshape(*codes.shape[:2], *films.shape[1:])


class FilmDiscriminator(nn.Module):
    """Convolutions over time and space, each of which halves both, then a logit.

    Attributes:
      width: channels after the first convolution; each further one doubles them.
      dtype: of the computation; the logits are float32.
    """

    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> Array:
        """Maps films [B, T, H, H, C] to logits [B]."""
        _, stages = base_and_stages(x.shape[2])
        for stage in range(stages):
            conv = Conv(self.width << stage, (4, 4, 4), 2, kernel_init=_init, dtype=self.dtype)
            x = leaky_relu(conv(x))
        return Head(kernel_init=_init, dtype=self.dtype)(x.reshape(len(x), -1), label, train)


class Discriminator(nn.Module):
    """One frame of a film, drawn at random, and the whole film, each judged by a net of its own.

    Attributes:
      width: of both nets.
      dtype: of the computation; the logits are float32.
    """

    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Array,
        label: None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Array:
        """Maps films [B, T, H, H, C] to logits [B, 2], of the frame and of the film.

        `keys` [B] are those of the choice of frames; without them it is the middle one.
        """
        place = jnp.full(len(x), x.shape[1] // 2)
        if keys is not None:
            draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, x.shape[1]))
            place = draw(prng.fold_in(keys, "frame"))
        frame = jax.vmap(lambda film, t: jnp.asarray(film)[t])(x, place)
        image = dcgan.Discriminator(self.width, batch_norm=False, dtype=self.dtype)
        film = FilmDiscriminator(self.width, self.dtype)
        return jnp.stack([image(frame, label, train), film(x, label, train)], axis=-1)
