"""CTGAN's nets, rows from a latent and a condition, and packs of rows to a logit; and TVAE's.

Modeling Tabular Data using Conditional GAN, Xu et al., 2019, arXiv:1907.00503, sections 4.4, 4.5.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, Dropout, leaky_relu
from gan_jax.nets.heads import with_label
from gan_jax.nets.mlp import MLP
from gan_jax.types import Array, PRNGKey


class Generator(nn.Module):
    """Layers that keep what they read beside what they make of it, then a row.

    The latent ends in noise, as wide as a row, which `activate` draws classes by: so that samples
    are a function of their latents alone.

    Attributes:
      width: of an encoded row.
      activate: `(raw [B, width], noise [B, width]) -> x [B, width]`.
      hidden: widths of what the layers make.
      num_classes: of the labels that rows are conditioned on; None for none.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      dtype: of the computation; the output is float32.
    """

    width: int
    activate: Callable[[Array, Array], Array]
    hidden: Sequence[int] = (256, 256)
    num_classes: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, latent: Array, label: Array | None = None, train: bool = False
    ) -> Mapping[str, Array]:
        """Maps latents [B, Z + width] to `x`, rows, and `raw`, what they are made of."""
        latent, noise = latent[:, : -self.width], latent[:, -self.width :]
        x = with_label(latent, label, self.num_classes)
        for width in self.hidden:
            made = nn.Dense(width, use_bias=False, dtype=self.dtype)(x)
            made = BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(made, train=train)
            x = jnp.concatenate([nn.relu(made), x], axis=-1)
        raw = nn.Dense(self.width, dtype=self.dtype)(x).astype(jnp.float32)
        return {"x": self.activate(raw, noise), "raw": raw}


class Discriminator(nn.Module):
    """A logit for a pack of rows, with dropout.

    The game's `group` is to be `size`, so that a pack stays on one device.

    Attributes:
      size: rows in a pack.
      hidden: widths of the layers.
      num_classes: of the labels that rows are conditioned on; None for none.
      dropout: rate.
      dtype: of the computation; the logits are float32.
    """

    size: int = 10
    hidden: Sequence[int] = (256, 256)
    num_classes: int | None = None
    dropout: float = 0.5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Array:
        """Maps encoded rows [B, width], each beside its label, to logits [B / size]."""
        packs = with_label(x, label, self.num_classes).reshape(x.shape[0] // self.size, -1)
        keys = None if keys is None else keys[:: self.size]
        for width in self.hidden:
            packs = leaky_relu(nn.Dense(width, dtype=self.dtype)(packs))
            packs = Dropout(self.dropout)(packs, keys, train)
        return nn.Dense(1, dtype=self.dtype)(packs).astype(jnp.float32)[:, 0]


class Encoder(nn.Module):
    """TVAE's, from a row to the moments of its code.

    Attributes:
      encode: `x [B, D] -> [B, width]`.
      outputs: how many.
      hidden: widths of the layers.
      dtype: of the computation; the output is float32.
    """

    encode: Callable[[Array], Array]
    outputs: int
    hidden: Sequence[int] = (128, 128)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps rows [B, D] to [B, outputs]."""
        net = MLP(self.hidden, self.outputs, nn.relu, dtype=self.dtype)
        return net(self.encode(x), train).astype(jnp.float32)


class Decoder(nn.Module):
    """TVAE's, from a code to what is said of a row.

    Attributes:
      width: of an encoded row.
      numbers: columns of numbers, each of which has a standard deviation of its own.
      hidden: widths of the layers.
      dtype: of the computation; the output is float32.
    """

    width: int
    numbers: int
    hidden: Sequence[int] = (128, 128)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, latent: Array, label: Array | None = None, train: bool = False
    ) -> Mapping[str, Array]:
        """Maps latents [B, Z] to `raw` [B, width] and `log_std` [numbers], of all rows alike."""
        raw = MLP(self.hidden, self.width, nn.relu, dtype=self.dtype)(latent, train)
        log_std = self.param("log_std", nn.initializers.constant(math.log(0.1)), (self.numbers,))
        return {"raw": raw.astype(jnp.float32), "log_std": jnp.clip(log_std, math.log(0.01), 0.0)}
