"""BigGAN: the residual nets of SAGAN, wide, in which latent and class speak to every block.

Large Scale GAN Training for High Fidelity Natural Image Synthesis, Brock et al., 2018,
arXiv:1809.11096, appendix B. The latent is cut into as many chunks as there are maps: the first
makes the smallest map, each other one sits beside the class's embedding, which all blocks share,
and both give scale and bias of batch normalisation by linear maps. Kernels of both nets are divided
by their largest singular values and start orthogonal.

The first convolution of a generator's block has no bias here, which the normalisation after it
would take away.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Conv, SelfAttention
from gan_jax.layers.spectral import run
from gan_jax.nets import resnet
from gan_jax.nets.heads import Judgement, WithHeads, needed
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array, UserError

_orthogonal = nn.initializers.orthogonal()
_INITS = (_orthogonal, _orthogonal)
_MULTIPLES = {256: (1, 2, 4, 8, 8, 16, 16), 512: (1, 1, 2, 4, 8, 8, 16, 16)}


def widths(resolution: int, width: int) -> tuple[int, ...]:
    """Channels of the maps from the largest to the smallest, one more than there are stages.

    Those of the paper's tables 4 to 9; at other resolutions as `resnet.widths`.
    """
    if resolution in _MULTIPLES:
        return tuple(width * m for m in _MULTIPLES[resolution])
    return resnet.widths(resolution, width)


class Generator(nn.Module):
    """From a latent to a square image in [-1, 1].

    Attributes:
      resolution: side of the image, see `stages.base_and_stages`.
      channels: of the image.
      width: see `widths`; the paper's is 96 at 128².
      num_classes: of the labels the net is conditioned on; None for none.
      embedding: numbers that the class is embedded in.
      attention: side of the map that self-attention stands at, 64 in the paper; None for none.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    channels: int = 3
    width: int = 96
    num_classes: int | None = None
    embedding: int = 128
    attention: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to images [B, resolution, resolution, channels].

        Z is a multiple of the number of chunks, one more than there are blocks: 120 of 6 at 128².
        """
        through = partial(run, spectral=True, train=train)
        dense = partial(nn.Dense, kernel_init=_orthogonal, dtype=self.dtype)

        def activate(x: Array, code: Array | None = None) -> Array:
            plain = code is None
            norm = BatchNorm(axis_name=self.axis_name, dtype=self.dtype, affine=plain)
            x = norm(x, train=train)
            if not plain:
                scale, bias = (
                    through(dense(x.shape[-1], use_bias=False), code)[:, None, None]
                    for _ in range(2)
                )
                x = x * (1 + scale) + bias
            return nn.relu(x)

        base, stages = base_and_stages(self.resolution)
        resnet.check_attention(self.attention, [base << s for s in range(1, stages + 1)])
        if latent.shape[-1] % (stages + 1):
            raise UserError(
                f"a latent of {latent.shape[-1]} numbers is not cut into {stages + 1} equal "
                f"chunks, as an image of {self.resolution}×{self.resolution} needs"
            )
        first, *chunks = jnp.split(latent, stages + 1, axis=-1)
        if self.num_classes is not None:
            embed = nn.Embed(self.num_classes, self.embedding, embedding_init=_orthogonal)
            shared = embed(needed(label, self.num_classes))
            chunks = [jnp.concatenate([shared, chunk], axis=-1) for chunk in chunks]
        smallest, *larger = reversed(widths(self.resolution, self.width))
        x = through(dense(base * base * smallest), first).reshape(-1, base, base, smallest)
        for features, code in zip(larger, chunks, strict=True):
            spoken_to = partial(activate, code=code)
            x = resnet.up_block(x, features, spoken_to, through, _INITS, self.dtype)
            if x.shape[1] == self.attention:
                x = SelfAttention(True, _orthogonal, self.dtype)(x, train)
        last = Conv(self.channels, (3, 3), kernel_init=_orthogonal, dtype=self.dtype)
        return nn.tanh(through(last, activate(x)).astype(jnp.float32))


class Discriminator(WithHeads):
    """From a square image to its logit.

    The blocks are those of `resnet.Discriminator`, but their second convolution is as wide as the
    first.

    Attributes:
      width: see `widths`; the paper's is 96 at 128².
      num_classes: of the labels the net is conditioned on, by projection; None for none.
      attention: side of the map that self-attention stands at, 64 in the paper; None for none.
      dtype: of the computation; features are summed, and logits made, in float32.
    """

    width: int = 96
    num_classes: int | None = None
    attention: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps images [B, H, H, C] to logits [B], or to a mapping as `heads.Head` does."""
        through = partial(run, spectral=True, train=train)
        resolution = x.shape[1]
        features, halvings = resnet.falling(resolution, widths(resolution, self.width))
        resnet.check_attention(self.attention, [resolution >> s for s in range(1, halvings + 1)])
        for i, f in enumerate(features):
            first, halves = i == 0, i < halvings
            x = resnet.down_block(
                x,
                f,
                f,
                first=first,
                halves=halves,
                through=through,
                inits=_INITS,
                dtype=self.dtype,
            )
            if halves and x.shape[1] == self.attention:
                x = SelfAttention(True, _orthogonal, self.dtype)(x, train)
        x = jnp.sum(nn.relu(x).astype(jnp.float32), axis=(1, 2))
        head = self.head(num_classes=self.num_classes, spectral=True, kernel_init=_orthogonal)
        return head(x, label, train)
