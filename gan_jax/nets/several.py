"""Nets made of several: packs of examples, ensembles of discriminators, mixtures of generators."""

import inspect
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.types import Array, PRNGKey


class Packed(nn.Module):
    """A discriminator that judges packs of consecutive examples, side by side along their channels.

    PacGAN: The Power of Two Samples in Generative Adversarial Networks, Lin et al., 2018,
    arXiv:1712.04086. The game's `group` is to be `size`, so that a pack stays on one device. A
    penalty is of each example in its pack: R1 of a pack is `size` times the mean, and a slope of 1
    in each example is one of √size in the pack. A net that draws has the keys of the first of each.

    Attributes:
      net: the discriminator of a pack, without labels.
      size: examples in a pack, m of the paper.
    """

    net: nn.Module
    size: int

    @nn.compact
    def __call__(
        self,
        x: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Any:
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
        keys = None if keys is None else keys[:: self.size]
        return _run(self.net, packs.reshape(*packs.shape[:-2], -1), None, train, keys)


class Ensemble(nn.Module):
    """Several nets of one architecture and weights of their own, side by side on the last axis.

    Attributes:
      net: the architecture.
      count: of them.
    """

    net: nn.Module
    count: int

    @nn.compact
    def __call__(
        self,
        x: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Any:
        """What each says of the input: `[B, ...]` to `[B, ..., count]`."""
        each = nn.vmap(
            lambda net, x, label, keys: _run(net, x, label, train, keys),
            in_axes=None,
            out_axes=-1,
            axis_size=self.count,
            variable_axes={True: 0},
            split_rngs={True: True},
        )
        return each(self.net, x, label, keys)


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
    def __call__(
        self,
        latent: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Array:
        """Maps [B, count + Z] to [B, ...], the first `count` numbers being the choice."""
        choice, latent = latent[:, : self.count], latent[:, self.count :]
        each = Ensemble(self.net, self.count)(latent, label, train, keys)
        return jax.vmap(partial(jnp.tensordot, axes=1))(each, choice)


def _run(net: nn.Module, x: Array, label: Array | None, train: bool, keys: PRNGKey | None) -> Any:
    """What a net says, which is given keys if it draws."""
    draws = "keys" in inspect.signature(type(net).__call__).parameters
    return net(x, label, train, keys) if draws else net(x, label, train)
