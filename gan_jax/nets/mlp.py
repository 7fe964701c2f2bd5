"""Multi-layer perceptrons, conditional by one-hot labels at the input.

Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661; Conditional Generative
Adversarial Nets, Mirza & Osindero, 2014, arXiv:1411.1784.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import BatchNorm, MinibatchDiscrimination, leaky_relu
from gan_jax.nets.heads import Head, Judgement, WithHeads, with_label
from gan_jax.types import Array


class MLP(nn.Module):
    """Dense layers with an activation between them.

    Attributes:
      hidden: widths of the hidden layers.
      outputs: width of the last, linear layer; None for no such layer.
      activation: after each hidden layer.
      dtype: of the computation.
      batch_norm: whether each hidden layer is normalised ahead of its activation.
      axis_name: a mapped axis over which batch statistics are synchronised; None for per device.
      bias: of the last layer at first.
    """

    hidden: Sequence[int]
    outputs: int | None
    activation: Callable[[Array], Array] = leaky_relu
    dtype: Any = jnp.float32
    batch_norm: bool = False
    axis_name: str | None = None
    bias: float = 0.0

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Maps [B, D] to [B, outputs], or to the last hidden layer's [B, width]."""
        for width in self.hidden:
            x = nn.Dense(width, use_bias=not self.batch_norm, dtype=self.dtype)(x)
            if self.batch_norm:
                x = BatchNorm(axis_name=self.axis_name, dtype=self.dtype)(x, train=train)
            x = self.activation(x)
        if self.outputs is None:
            return x
        bias = nn.initializers.constant(self.bias)
        return nn.Dense(self.outputs, bias_init=bias, dtype=self.dtype)(x)


class Generator(nn.Module):
    """From a latent to an example of any shape.

    Attributes:
      shape: of an example, such as (28, 28, 1) or (2,).
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      final: after the last layer; `nn.tanh` for images in [-1, 1], None for unbounded points.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the output is float32.
      batch_norm: of `MLP`.
      axis_name: of `MLP`.
      bias: of `MLP`; of pixels as coins the log-odds.
    """

    shape: Sequence[int]
    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    final: Callable[[Array], Array] | None = nn.tanh
    num_classes: int | None = None
    dtype: Any = jnp.float32
    batch_norm: bool = False
    axis_name: str | None = None
    bias: float = 0.0

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps latents [B, Z] to examples [B, *shape]."""
        x = with_label(latent, label, self.num_classes)
        outputs = math.prod(self.shape)
        settings = self.activation, self.dtype, self.batch_norm, self.axis_name, self.bias
        x = MLP(self.hidden, outputs, *settings)(x, train)
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
      batch_norm: of `MLP`.
      axis_name: of `MLP`.
      centre: what of an example is 0 to the net; -1 is an image's black.
    """

    outputs: int
    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    num_classes: int | None = None
    dtype: Any = jnp.float32
    batch_norm: bool = False
    axis_name: str | None = None
    centre: float = 0.0

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps examples [B, ...] to [B, outputs]."""
        x = with_label(x.reshape(x.shape[0], -1) - self.centre, label, self.num_classes)
        settings = self.activation, self.dtype, self.batch_norm, self.axis_name
        x = MLP(self.hidden, self.outputs, *settings)(x, train)
        return x.astype(jnp.float32)


class Discriminator(WithHeads):
    """From an example of any shape to its logit.

    Attributes:
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the outputs are float32.
      minibatch: what the features of several examples tell besides; None for nothing.
    """

    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    num_classes: int | None = None
    dtype: Any = jnp.float32
    minibatch: MinibatchDiscrimination | None = None

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps examples [B, ...] to logits [B], or to a mapping as `heads.Head` does."""
        x = with_label(x.reshape(x.shape[0], -1), label, self.num_classes)
        x = MLP(self.hidden, None, self.activation, self.dtype)(x)
        if self.minibatch is not None:
            x = self.minibatch(x, train)
        return Head(heads=self.heads, features=self.features, dtype=self.dtype)(x, train=train)


class Classifier(nn.Module):
    """From an example of any shape to features and to logits over classes.

    Attributes:
      num_classes: K.
      hidden: widths of the hidden layers, at least one.
      activation: after each.
      dtype: of the computation; features and logits are float32.
    """

    num_classes: int
    hidden: Sequence[int]
    activation: Callable[[Array], Array] = nn.relu
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> tuple[Array, Array]:
        """Maps examples [B, ...] to features [B, D], the last hidden layer, and logits [B, K]."""
        net = MLP(self.hidden, None, self.activation, self.dtype)
        features = net(x.reshape(x.shape[0], -1), train).astype(jnp.float32)
        return features, nn.Dense(self.num_classes)(features)


class PairDiscriminator(nn.Module):
    """From an example of any shape and a latent to the logit of the pair.

    Attributes:
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      dtype: of the computation; the output is float32.
    """

    hidden: Sequence[int]
    activation: Callable[[Array], Array] = leaky_relu
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, latent: Array, train: bool = False) -> Judgement:
        """Maps examples [B, ...] and latents [B, Z] to logits [B]."""
        pair = jnp.concatenate([x.reshape(x.shape[0], -1), latent], axis=-1)
        net = Discriminator(self.hidden, self.activation, dtype=self.dtype)
        return net(pair, train=train)
