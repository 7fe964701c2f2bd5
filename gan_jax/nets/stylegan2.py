"""StyleGAN2: a latent's style scales the channels of every convolution, and noise enters by pixel.

Analyzing and Improving the Image Quality of StyleGAN, Karras et al., 2020, arXiv:1912.04958; the
mapping network, the mixing of styles and truncation are of A Style-Based Generator Architecture for
Generative Adversarial Networks, Karras et al., 2018, arXiv:1812.04948. All learning rates are
equalised. The label's embedding stands beside the latent, and the label enters the discriminator by
projection, as in Training Generative Adversarial Networks with Limited Data, Karras et al., 2020,
arXiv:2006.06676, whose net for images of 256² has `channel_base=16_384`.
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import prng
from gan_jax.layers import leaky_relu, own_keys, resample
from gan_jax.layers.equalised import EqualisedConv, EqualisedDense
from gan_jax.layers.minibatch import minibatch_stddev
from gan_jax.layers.modulated import ModulatedConv
from gan_jax.nets.heads import Judgement, WithHeads, needed
from gan_jax.nets.stages import base_and_stages
from gan_jax.types import Array, PRNGKey


def widths(resolution: int, channel_base: int, channel_max: int) -> tuple[int, ...]:
    """Channels of the maps from the smallest to the largest: a base over the side, up to a most."""
    base, stages = base_and_stages(resolution)
    return tuple(min(channel_base // (base << s), channel_max) for s in range(stages + 1))


def _activate(x: Array) -> Array:
    return math.sqrt(2) * leaky_relu(x)


def _unit(x: Array) -> Array:
    """`x` [B, D] with a mean square of 1 in each row."""
    return x * lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-8)


class Mapping(nn.Module):
    """From a latent, and a class, to a style.

    Attributes:
      features: of the style.
      layers: how many.
      num_classes: of the labels; None for none.
    """

    features: int = 512
    layers: int = 8
    num_classes: int | None = None

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None) -> Array:
        """Maps latents [B, Z] to styles [B, features], float32."""
        x = _unit(latent.astype(jnp.float32))
        if self.num_classes is not None:
            rows = nn.initializers.normal(1.0)
            embed = nn.Embed(self.num_classes, self.features, embedding_init=rows)
            x = jnp.concatenate([x, _unit(embed(needed(label, self.num_classes)))], axis=-1)
        for _ in range(self.layers):
            x = _activate(EqualisedDense(self.features, rate=0.01)(x))
        return x


class StyledConv(nn.Module):
    """A modulated convolution, noise of a learned strength and a leaky rectifier.

    Attributes:
      features: output channels.
      up: whether the map is doubled.
      dtype: of the computation and of the map.
    """

    features: int
    up: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, style: Array, keys: PRNGKey) -> Array:
        """Maps `x` [B, H, W, C], styles [B, W] and keys [B], or [1] for all, to a map."""
        x = ModulatedConv(self.features, up=self.up, dtype=self.dtype)(x, style)
        strength = self.param("strength", nn.initializers.zeros, (), jnp.float32)
        noise = strength * prng.normal(own_keys(self, keys), (*x.shape[1:3], 1))
        return _activate(x + noise.astype(self.dtype))


class Synthesis(nn.Module):
    """From a style a layer to an image, the sum of what every stage shows.

    Attributes:
      resolution: side of the image.
      channels: of the image.
      channel_base: see `widths`.
      channel_max: see `widths`.
      dtype: of the computation; the image is float32.
    """

    resolution: int
    channels: int = 3
    channel_base: int = 32_768
    channel_max: int = 512
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, styles: Array, train: bool = False, keys: PRNGKey | None = None) -> Array:
        """Maps styles [B, L, W] to images [B, resolution, resolution, channels].

        L is two more than twice the number of stages. The noise is that of `keys` [B], which
        training needs; without them it is one noise for all.
        """
        if keys is None and (not train or self.is_initializing()):
            keys = jax.random.key(0)[None]

        def shown(x: Array, style: Array) -> Array:
            layer = ModulatedConv(self.channels, 1, demodulate=False, dtype=self.dtype)
            return layer(x, style).astype(jnp.float32)

        base, _ = base_and_stages(self.resolution)
        smallest, *larger = widths(self.resolution, self.channel_base, self.channel_max)
        start = self.param("start", nn.initializers.normal(1.0), (base, base, smallest))
        x = jnp.broadcast_to(start.astype(self.dtype)[None], (len(styles), *start.shape))
        x = StyledConv(smallest, dtype=self.dtype)(x, styles[:, 0], keys)
        image = shown(x, styles[:, 1])
        for i, features in enumerate(larger):
            first, second, third = (styles[:, 2 * i + k] for k in (1, 2, 3))
            x = StyledConv(features, up=True, dtype=self.dtype)(x, first, keys)
            x = StyledConv(features, dtype=self.dtype)(x, second, keys)
            image = resample.upsample(image) + shown(x, third)
        return image


class Generator(nn.Module):
    """From a latent, of 512 numbers in the paper, to a square image.

    The image is linear in the maps. In training it is given as it is, in evaluation cut off at -1
    and 1.

    Attributes:
      resolution: side of the image, see `stages.base_and_stages`.
      channels: of the image.
      channel_base: see `widths`.
      channel_max: see `widths`.
      style: numbers of a style.
      layers: of the mapping network.
      num_classes: of the labels the net is conditioned on; None for none.
      mixing: probability, in training, that from some layer on the style is that of another
        latent, which is drawn from a normal distribution.
      momentum: of the average style, per training pass, in [0, 1).
      truncation: ψ, what is left in evaluation of a style's difference from the average; 1 for all.
      dtype: of the synthesis; the image is float32.
    """

    resolution: int
    channels: int = 3
    channel_base: int = 32_768
    channel_max: int = 512
    style: int = 512
    layers: int = 8
    num_classes: int | None = None
    mixing: float = 0.9
    momentum: float = 0.998
    truncation: float = 1.0
    dtype: Any = jnp.float32

    def setup(self) -> None:
        """The two nets, and the average style in `batch_stats`."""
        self.mapping = Mapping(self.style, self.layers, self.num_classes)
        self.synthesis = Synthesis(
            self.resolution, self.channels, self.channel_base, self.channel_max, self.dtype
        )
        self.average = self.variable("batch_stats", "style", jnp.zeros, (self.style,), jnp.float32)

    def __call__(
        self,
        latent: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Array:
        """Maps latents [B, Z] to images [B, resolution, resolution, channels].

        `keys` [B] are those of the mixing and of the noise, and training needs them. Without them
        the noise of evaluation is the same for all.
        """
        return self.synthesise(self.styles(latent, label, train, keys), train, keys)

    def styles(
        self,
        latent: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Array:
        """The style of every layer: latents [B, Z] to [B, L, style], arguments as the net's."""
        _, stages = base_and_stages(self.resolution)
        count = 2 * stages + 2
        style = self.mapping(latent, label)
        if train and not self.is_initializing():
            mean = lax.stop_gradient(jnp.mean(style, axis=0))
            self.average.value = self.momentum * self.average.value + (1 - self.momentum) * mean
        elif self.truncation != 1:
            average = self.average.value[None]
            style = average + self.truncation * (style - average)
        styles = jnp.broadcast_to(style[:, None], (len(style), count, self.style))
        if not train or self.mixing == 0 or self.is_initializing():
            return styles
        own = own_keys(self, keys)
        other = self.mapping(prng.normal(prng.fold_in(own, "latent"), latent.shape[1:]), label)
        mixed = prng.uniform(prng.fold_in(own, "mixed"), ()) < self.mixing
        start = 1 + jnp.floor((count - 1) * prng.uniform(prng.fold_in(own, "start"), ()))
        theirs = mixed[:, None] & (jnp.arange(count)[None] >= start[:, None])  # [B, L]
        return jnp.where(theirs[..., None], other[:, None], styles)

    def synthesise(self, styles: Array, train: bool = False, keys: PRNGKey | None = None) -> Array:
        """The image of styles [B, L, style], other arguments as the net's."""
        image = self.synthesis(styles, train, keys)
        return image if train else jnp.clip(image, -1, 1)


class Discriminator(WithHeads):
    """From a square image to its logit, by residual blocks; it sees examples in groups.

    Attributes:
      channel_base: see `widths`.
      channel_max: see `widths`.
      group: consecutive examples whose spread it sees, see `minibatch_stddev`; training is refused
        a batch that is not of whole groups. In evaluation a group is the greatest common divisor
        of this number and the batch's.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the outputs are float32.
    """

    channel_base: int = 32_768
    channel_max: int = 512
    group: int = 4
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps images [B, H, H, C] to logits [B], or to a mapping as `heads.Head` does."""
        largest, *smaller = widths(x.shape[1], self.channel_base, self.channel_max)[::-1]

        def convolve(x: Array, features: int, kernel: int, **options: Any) -> Array:
            return EqualisedConv(features, (kernel, kernel), dtype=self.dtype, **options)(x)

        x = _activate(convolve(x, largest, 1))
        for features in smaller:
            y = _activate(convolve(x, x.shape[-1], 3))
            y = resample.smooth(y, resample.BINOMIAL, (2, 2))
            y = _activate(convolve(y, features, 3, strides=2, padding="VALID"))
            shortcut = convolve(resample.downsample(x), features, 1, use_bias=False)
            x = (y + shortcut) / math.sqrt(2)
        whole = train and not self.is_initializing()
        x = minibatch_stddev(x, self.group if whole else math.gcd(self.group, len(x)))
        last = smaller[-1]
        x = _activate(convolve(x, last, 3)).reshape(len(x), -1)
        x = _activate(EqualisedDense(last, dtype=self.dtype)(x))
        head = self.head(
            num_classes=self.num_classes, kernel_init=nn.initializers.normal(1.0), dtype=self.dtype
        )
        return head(x / math.sqrt(last), label, train)
