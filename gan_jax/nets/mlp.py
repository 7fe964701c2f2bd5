"""Multi-layer perceptrons, conditional by one-hot labels at the input.

Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661; Conditional Generative
Adversarial Nets, Mirza & Osindero, 2014, arXiv:1411.1784.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.nets.heads import Head, Judgement, WithHeads, with_label
from gan_jax.types import Array


def leaky_relu(x: Array) -> Array:
    """`max(x, 0.2 x)`."""
    return nn.leaky_relu(x, 0.2)


class MLP(nn.Module):
    """Dense layers with an activation between them.

    Attributes:
      hidden: widths of the hidden layers.
      outputs: width of the last, linear layer; None for no such layer.
      activation: after each hidden layer.
      dtype: of the computation.
    """

    hidden: Sequence[int]
    outputs: int | None
    activation: Callable[[Array], Array] = leaky_relu
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, D] to [B, outputs], or to the last hidden layer's [B, width]."""
        for width in self.hidden:
            x = self.activation(nn.Dense(width, dtype=self.dtype)(x))
        if self.outputs is None:
            return x
        return nn.Dense(self.outputs, dtype=self.dtype)(x)


class Generator(nn.Module):
    """From a latent to an example of any shape.

    Attributes:
      shape: of an example, such as (28, 28, 1) or (2,).
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      final: after the last layer; `nn.tanh` for images in [-1, 1], None for unbounded points.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the output is float32.
    """

    shape: Sequence[int]
    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    final: Callable[[Array], Array] | None = nn.tanh
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to examples [B, *shape]."""
        del train
        x = with_label(latent, label, self.num_classes)
        x = MLP(self.hidden, math.prod(self.shape), self.activation, self.dtype)(x)
        x = x.astype(jnp.float32).reshape(-1, *self.shape)
        return x if self.final is None else self.final(x)


class Encoder(nn.Module):
    """From an example of any shape to `outputs` numbers.

    Attributes:
      outputs: how many.
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the output is float32.
    """

    outputs: int
    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps examples [B, ...] to [B, outputs]."""
        del train
        x = with_label(x.reshape(x.shape[0], -1), label, self.num_classes)
        x = MLP(self.hidden, self.outputs, self.activation, self.dtype)(x)
        return x.astype(jnp.float32)


class Discriminator(WithHeads):
    """From an example of any shape to its logit.

    Attributes:
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the outputs are float32.
    """

    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps examples [B, ...] to logits [B], or to a mapping as `heads.Head` does."""
        x = with_label(x.reshape(x.shape[0], -1), label, self.num_classes)
        x = MLP(self.hidden, None, self.activation, self.dtype)(x)
        return Head(heads=self.heads, features=self.features, dtype=self.dtype)(x, train=train)
