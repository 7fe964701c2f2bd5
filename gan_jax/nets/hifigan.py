"""HiFi-GAN: from spectrograms to waves, judged at several periods and several scales.

HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech Synthesis, Kong et
al., 2020, arXiv:2010.05646, section 2 and appendix A. Its weight normalisation is left out, and
kernels begin by Flax's default, since narrow nets would fall silent under a deviation of 0.01.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv, ConvTranspose
from gan_jax.types import Array


def _leaky_relu(x: Array) -> Array:
    return nn.leaky_relu(x, 0.1)


class Size(NamedTuple):
    """Of a generator, in the paper's names.

    Attributes:
      width: h_u, channels of the first map; each stage halves them.
      rates: by how much each stage is longer than the one before, half the taps of its transposed
        convolution; their product is the hop.
      taps: k_r, of the residual blocks that stand side by side.
      dilations: D_r, of each block: groups of convolutions in a row, a skip around each group.
    """

    width: int
    rates: tuple[int, ...]
    taps: tuple[int, ...]
    dilations: tuple[tuple[tuple[int, ...], ...], ...]


_DEEP = (((1, 1), (3, 1), (5, 1)),) * 3
V1 = Size(512, (8, 8, 2, 2), (3, 7, 11), _DEEP)
V2 = V1._replace(width=128)
V3 = Size(256, (8, 8, 4), (3, 5, 7), (((1,), (2,)), ((2,), (6,)), ((3,), (12,))))
"""The paper's, of 80 mels and a hop of 256 samples."""


class Dilated(nn.Module):
    """A convolution over time whose taps are `dilation` steps apart; the length stays.

    Every dilation-th step is a signal by itself, convolved with the same kernel.

    Attributes:
      features: output channels.
      taps: odd.
      dilation: at least 1.
      dtype: of the computation.
    """

    features: int
    taps: int
    dilation: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, T, C] to [B, T, features]."""
        apart = _columns(x, self.dilation)
        y = Conv(self.features, (self.taps, 1), dtype=self.dtype)(apart)
        return y.reshape(len(x), -1, self.features)[:, : x.shape[1]]


def _columns(x: Array, period: int) -> Array:
    """`[B, T, C]`, followed by silence, as `[B, T / period, period, C]`."""
    rest = -x.shape[1] % period
    return jnp.pad(x, ((0, 0), (0, rest), (0, 0))).reshape(len(x), -1, period, x.shape[-1])


class Generator(nn.Module):
    """From log-mels to a wave in [-1, 1]: transposed convolutions and fused receptive fields.

    Attributes:
      size: see `Size`; the paper's are `V1`, `V2` and `V3`.
      dtype: of the computation; the wave is float32.
    """

    size: Size = V1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, mels: Array, label: None = None, train: bool = False) -> Array:
        """Maps log-mels [B, T', M] to waves [B, T' hop, 1]."""
        del label, train
        size = self.size
        x = Dilated(size.width, 7, dtype=self.dtype)(mels)
        for stage, rate in enumerate(size.rates):
            features = size.width >> (stage + 1)
            taps = (2 * rate,)
            x = ConvTranspose(features, taps, rate, dtype=self.dtype)(_leaky_relu(x))
            blocks = [
                self._block(x, *settings)
                for settings in zip(size.taps, size.dilations, strict=True)
            ]
            x = sum(blocks[1:], blocks[0]) / len(blocks)
        return nn.tanh(Dilated(1, 7, dtype=self.dtype)(nn.leaky_relu(x)).astype(jnp.float32))

    def _block(self, x: Array, taps: int, dilations: Sequence[Sequence[int]]) -> Array:
        for group in dilations:
            y = x
            for dilation in group:
                y = Dilated(x.shape[-1], taps, dilation, dtype=self.dtype)(_leaky_relu(y))
            x = x + y
        return x


class PeriodDiscriminator(nn.Module):
    """Looks at every so many-th sample, as columns of an image whose rows are periods.

    Attributes:
      period: in samples.
      width: channels after the first convolution.
      dtype: of the computation.
    """

    period: int
    width: int = 32
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> list[Array]:
        """Maps waves [B, T, 1] to the maps of all layers, the last of logits."""
        x, maps = _columns(x, self.period), []
        for stage, by in enumerate((1, 4, 16, 32, 32)):
            stride = (3, 1) if stage < 4 else 1
            conv = Conv(self.width * by, (5, 1), stride, dtype=self.dtype)
            x = _leaky_relu(conv(x))
            maps.append(x)
        return [*maps, Conv(1, (3, 1), dtype=self.dtype)(x)]


_SCALE = (
    (1, 15, 1, 1),
    (1, 41, 2, 4),
    (2, 41, 2, 16),
    (4, 41, 4, 16),
    (8, 41, 4, 16),
    (8, 41, 1, 16),
    (8, 5, 1, 1),
)
"""Of each layer: channels as multiples of the width, taps, stride, groups."""


class ScaleDiscriminator(nn.Module):
    """MelGAN's discriminator: strided and grouped convolutions of many taps.

    Attributes:
      width: channels after the first convolution.
      dtype: of the computation.
    """

    width: int = 128
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> list[Array]:
        """Maps waves [B, T, 1] to the maps of all layers, the last of logits."""
        maps = []
        for by, taps, stride, groups in _SCALE:
            conv = Conv(
                self.width * by,
                (taps,),
                stride,
                feature_group_count=math.gcd(groups, self.width),
                dtype=self.dtype,
            )
            x = _leaky_relu(conv(x))
            maps.append(x)
        return [*maps, Conv(1, (3,), dtype=self.dtype)(x)]


class Discriminator(nn.Module):
    """Several of periods and several of scales, each the mean of twice as many samples.

    Attributes:
      width: of the first convolutions of the paper's 32 for periods, 4 times as many for scales.
      periods: in samples.
      scales: how many.
      dtype: of the computation; logits and features are float32.
    """

    width: int = 32
    periods: Sequence[int] = (2, 3, 5, 7, 11)
    scales: int = 3
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Array, label: None = None, train: bool = False
    ) -> dict[str, list[Array] | list[list[Array]]]:
        """Maps waves [B, T, 1] to lists of each one's `logits` [B, ...] and of its `features`."""
        del label, train
        found = [PeriodDiscriminator(p, self.width, self.dtype)(x) for p in self.periods]
        for scale in range(self.scales):
            if scale:
                x = nn.avg_pool(x, (4,), (2,), [(2, 2)])
            found.append(ScaleDiscriminator(4 * self.width, self.dtype)(x))
        exact = [[m.astype(jnp.float32) for m in maps] for maps in found]
        return {"logits": [maps[-1] for maps in exact], "features": [m[:-1] for m in exact]}
