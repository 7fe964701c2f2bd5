"""Multi-layer perceptrons, conditional by one-hot labels at the input.

Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661; Conditional Generative
Adversarial Nets, Mirza & Osindero, 2014, arXiv:1411.1784.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.types import Array


def leaky_relu(x: Array) -> Array:
    """`max(x, 0.2 x)`."""
    return nn.leaky_relu(x, 0.2)


def with_label(x: Array, label: Array | None, num_classes: int | None) -> Array:
    """`x` [B, D] followed by the one-hot label: [B, D + num_classes]; `x` itself without classes.

    Raises:
      ValueError: when a net with classes is given no label.
    """
    if num_classes is None:
        return x
    if label is None:
        raise ValueError(f"a net with num_classes={num_classes} needs a label")
    return jnp.concatenate([x, jax.nn.one_hot(label, num_classes, dtype=x.dtype)], axis=-1)


class MLP(nn.Module):
    """Dense layers with an activation between them.

    Attributes:
      hidden: widths of the hidden layers.
      outputs: width of the last, linear layer.
      activation: after each hidden layer.
      dtype: of the computation.
    """

    hidden: Sequence[int]
    outputs: int
    activation: Callable[[Array], Array] = leaky_relu
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, D] to [B, outputs]."""
        for width in self.hidden:
            x = self.activation(nn.Dense(width, dtype=self.dtype)(x))
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
    def __call__(self, latent: Array, label: Array | None = None, *, train: bool) -> Array:
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
    def __call__(self, x: Array, label: Array | None = None, *, train: bool) -> Array:
        """Maps examples [B, ...] to [B, outputs]."""
        del train
        x = with_label(x.reshape(x.shape[0], -1), label, self.num_classes)
        x = MLP(self.hidden, self.outputs, self.activation, self.dtype)(x)
        return x.astype(jnp.float32)


class Discriminator(nn.Module):
    """From an example of any shape to its logit.

    Attributes:
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the logits are float32.
    """

    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    num_classes: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool) -> Array:
        """Maps examples [B, ...] to logits [B]."""
        net = Encoder(1, self.hidden, self.activation, self.num_classes, self.dtype)
        return net(x, label, train=train)[:, 0]
