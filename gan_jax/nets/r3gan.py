"""R3GAN: residual nets without normalisation, of grouped convolutions, D the mirror of G.

The GAN is dead; long live the GAN! A Modern GAN Baseline, Huang et al., 2024, arXiv:2501.05441.
The smallest map is made of learned pictures, one a channel, each as strong as latent and class say;
stages of residual blocks follow, with bilinear interpolation between them. A block's last
convolution starts at zero and the others small (Fixup Initialization, Zhang et al., 2019,
arXiv:1901.09321), so that a net starts as its resampling alone.

The label enters the discriminator by projection, as in the paper, and beside it stands a logit of
the image alone, which the paper has for want of a label only.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv, leaky_relu, resample
from gan_jax.nets.heads import Judgement, WithHeads, needed
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array, UserError

_linear = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
_BEFORE_LEAKY = 2 / (1 + 0.2**2)  # of variances, what a leaky rectifier takes away
_upsample = partial(resample.upsample, taps=resample.TRIANGLE)
_downsample = partial(resample.downsample, taps=resample.TRIANGLE)


def widths(resolution: int, width: int, full: int = 32) -> tuple[int, ...]:
    """Channels of the maps, the smallest first: `width` up to side `full`, then halved."""
    base, stages = base_and_stages(resolution)
    sides = (base << s for s in range(stages + 1))
    return tuple(width >> ((side - 1) // full).bit_length() for side in sides)


class Stage(nn.Module):
    """Residual blocks on maps of one size: 1×1 to twice the width, grouped 3×3, 1×1 back.

    Attributes:
      groups: of the 3×3 convolution.
      blocks: how many.
      depth: blocks of the whole net, which the initial values depend on.
      dtype: of the computation and of the map.
    """

    groups: int
    blocks: int
    depth: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps `x` [B, H, W, C] to its like.

        Raises:
          UserError: where twice the width is not a multiple of the groups.
        """
        width = x.shape[-1]
        if self.groups < 1 or 2 * width % self.groups:
            raise UserError(
                f"{2 * width} channels are not {self.groups} equal groups: the cardinality is to "
                "divide twice the width, in every stage"
            )
        # Two layers with a kernel that is not zero: by L^(-1/4) each, in variance by L^(-1/2).
        init = nn.initializers.variance_scaling(
            _BEFORE_LEAKY * self.depth**-0.5, "fan_in", "normal"
        )
        for _ in range(self.blocks):
            y = Conv(2 * width, (1, 1), kernel_init=init, dtype=self.dtype)(x)
            grouped = Conv(
                2 * width,
                (3, 3),
                feature_group_count=self.groups,
                kernel_init=init,
                dtype=self.dtype,
            )
            y = leaky_relu(grouped(leaky_relu(y)))
            last = Conv(
                width,
                (1, 1),
                use_bias=False,
                kernel_init=nn.initializers.zeros,
                dtype=self.dtype,
            )
            x = x + last(y)
        return x


class Generator(nn.Module):
    """From a latent, of 64 numbers in the paper, to a square image.

    The image is linear in the last map. In training it is given as it is, in evaluation cut off at
    -1 and 1.

    Attributes:
      resolution: side of the image, see `stages.base_and_stages`.
      channels: of the image.
      width: see `widths`.
      full: side up to which maps are of the whole width; 64 in the paper's net for ImageNet at 64².
      cardinality: groups of the convolutions of maps of the whole width, and in proportion of
        narrower ones.
      blocks: in a stage.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    channels: int = 3
    width: int = 768
    full: int = 32
    cardinality: int = 96
    blocks: int = 2
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to images [B, resolution, resolution, channels]."""
        base, _ = base_and_stages(self.resolution)
        wide = widths(self.resolution, self.width, self.full)
        linear = partial(Conv, kernel_size=(1, 1), use_bias=False, kernel_init=_linear)
        if self.num_classes is not None:
            rows = nn.initializers.normal(self.num_classes**-0.5)
            embed = nn.Embed(self.num_classes, latent.shape[-1], embedding_init=rows)
            code = embed(needed(label, self.num_classes))
            latent = jnp.concatenate([latent, code], axis=-1)
        strengths = nn.Dense(wide[0], use_bias=False, kernel_init=_linear, dtype=self.dtype)(latent)
        pictures = self.param("basis", nn.initializers.normal(1.0), (base, base, wide[0]))
        x = strengths[:, None, None] * pictures[None].astype(self.dtype)
        for i, features in enumerate(wide):
            if features != x.shape[-1]:
                x = linear(features, dtype=self.dtype)(x)
            x = _upsample(x) if i else x
            groups = self.cardinality * features // self.width
            x = Stage(groups, self.blocks, self.blocks * len(wide), self.dtype)(x)
        x = linear(self.channels, dtype=self.dtype)(x).astype(jnp.float32)
        return x if train else jnp.clip(x, -1, 1)


class Discriminator(WithHeads):
    """From a square image to its logit, by the generator's stages in reverse.

    Attributes:
      width: see `widths`.
      full: as the generator's.
      cardinality: as the generator's.
      blocks: in a stage.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the outputs are float32.
    """

    width: int = 768
    full: int = 32
    cardinality: int = 96
    blocks: int = 2
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps images [B, H, H, C] to logits [B], or to a mapping as `heads.Head` does."""
        base, _ = base_and_stages(x.shape[1])
        wide = widths(x.shape[1], self.width, self.full)[::-1]
        linear = partial(Conv, kernel_size=(1, 1), use_bias=False, kernel_init=_linear)
        x = linear(wide[0], dtype=self.dtype)(x)
        for i, features in enumerate(wide):
            x = _downsample(x) if i else x
            if features != x.shape[-1]:
                x = linear(features, dtype=self.dtype)(x)
            groups = self.cardinality * features // self.width
            x = Stage(groups, self.blocks, self.blocks * len(wide), self.dtype)(x)
        pictures = self.param("basis", nn.initializers.normal(1 / base), (base, base, wide[-1]))
        x = jnp.sum(x.astype(jnp.float32) * pictures[None], axis=(1, 2))
        if self.num_classes is not None:
            x = nn.Dense(wide[-1], use_bias=False, kernel_init=_linear, dtype=self.dtype)(x)
        head = self.head(num_classes=self.num_classes, kernel_init=_linear, dtype=self.dtype)
        return head(x, label, train)
