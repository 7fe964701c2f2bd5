"""Nets made of several: packs of examples, ensembles of discriminators, mixtures of generators."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.types import Array


class Packed(nn.Module):
    """A discriminator that judges packs of consecutive examples, side by side along their channels.

    PacGAN: The Power of Two Samples in Generative Adversarial Networks, Lin et al., 2018,
    arXiv:1712.04086. The game's `group` is to be `size`, so that a pack stays on one device.

    Attributes:
      net: the discriminator of a pack, without labels.
      size: examples in a pack, m of the paper.
    """

    net: nn.Module
    size: int

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Any:
        """Maps examples [B, ..., C] to what the net says of [B / size, ..., size C].

        Raises:
          ValueError: the batch is not of whole packs, or there are labels.
        """
        if x.shape[0] % self.size:
            raise ValueError(f"{x.shape[0]} examples are no whole packs of {self.size}")
        if label is not None:
            raise ValueError("a pack of examples has no one label")
        packs = x.reshape(-1, self.size, *x.shape[1:])
        packs = jnp.moveaxis(packs, 1, -2)
        return self.net(packs.reshape(*packs.shape[:-2], -1), None, train)


class Ensemble(nn.Module):
    """Several nets of one architecture and weights of their own, side by side on the last axis.

    Attributes:
      net: the architecture.
      count: of them.
    """

    net: nn.Module
    count: int

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Any:
        """What each says of the input: `[B, ...]` to `[B, ..., count]`."""
        each = nn.vmap(
            lambda net, x, label: net(x, label, train),
            in_axes=None,
            out_axes=-1,
            axis_size=self.count,
            variable_axes={True: 0},
            split_rngs={True: True},
        )
        return each(self.net, x, label)


class Mixture(nn.Module):
    """Several generators, of which the first inputs, one-hot, choose one for each example.

    Each makes a sample of every latent, of which one is taken, so a pass costs so many passes.

    Attributes:
      net: the architecture of one.
      count: of them.
    """

    net: nn.Module
    count: int

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps [B, count + Z] to [B, ...], the first `count` numbers being the choice."""
        choice, latent = latent[:, : self.count], latent[:, self.count :]
        each = Ensemble(self.net, self.count)(latent, label, train)
        return jax.vmap(partial(jnp.tensordot, axes=1))(each, choice)
