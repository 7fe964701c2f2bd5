"""Normalisation layers."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from gan_jax.collectives import pmean
from gan_jax.types import Array


class BatchNorm(nn.Module):
    """Batch normalisation over every axis but the last.

    Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift,
    Ioffe & Szegedy, 2015, arXiv:1502.03167.

    It differs from `flax.linen.BatchNorm` in two ways. Mean and variance are written plainly, so
    that the forward pass lowers to the same operations with and without differentiation, and XLA
    merges a generator's pass in the discriminator's turn with the one in its own. And values are
    taken from the running mean, so that the variance keeps its digits where the mean is thousands
    of deviations away, once some dozens of passes have led the running mean there.

    Statistics are computed and kept in float32 in the collection `batch_stats`.

    With `num_classes` it is conditional: each class has a scale and a bias of its own (A Learned
    Representation for Artistic Style, Dumoulin et al., 2016, arXiv:1610.07629; Modulating Early
    Visual Processing by Language, de Vries et al., 2017, arXiv:1707.00683).

    Attributes:
      momentum: of the running statistics, per training pass, in [0, 1).
      epsilon: added to the variance.
      axis_name: a mapped axis over whose devices statistics are averaged (synchronised batch
        normalisation); None keeps them per device.
      dtype: of the output; the input's where None.
      num_classes: of the labels [B] it is conditioned on; None for none.
      affine: whether there are scale and bias at all.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    axis_name: str | None = None
    dtype: jnp.dtype | None = None
    num_classes: int | None = None
    affine: bool = True

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Normalises `x` [B, ..., C], in training by its own statistics, else by running ones."""
        features = (x.shape[-1],)
        rows = features if self.num_classes is None else (self.num_classes, *features)
        scale, bias = jnp.ones(rows), jnp.zeros(rows)
        if self.affine:
            scale = self.param("scale", nn.initializers.ones, rows, jnp.float32)
            bias = self.param("bias", nn.initializers.zeros, rows, jnp.float32)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, features, jnp.float32)
        running_variance = self.variable("batch_stats", "var", jnp.ones, features, jnp.float32)

        values = x.astype(jnp.float32)
        if train:
            axes = tuple(range(x.ndim - 1))
            origin = lax.stop_gradient(running_mean.value)
            values = values - origin.reshape((1,) * (x.ndim - 1) + features)
            mean, square = jnp.mean(values, axis=axes), jnp.mean(values**2, axis=axes)
            if self.axis_name is not None and not self.is_initializing():
                mean, square = pmean((mean, square), self.axis_name)
            variance = jnp.maximum(square - mean**2, 0.0)
            if not self.is_initializing():
                keep = self.momentum
                running_mean.value = keep * running_mean.value + (1 - keep) * (origin + mean)
                running_variance.value = keep * running_variance.value + (1 - keep) * variance
        else:
            mean, variance = running_mean.value, running_variance.value

        shape = (-1,) + (1,) * (x.ndim - 2) + features
        if self.num_classes is not None:
            if label is None:
                raise ValueError(f"a net with num_classes={self.num_classes} needs a label")
            scale, bias = jnp.take(scale, label, axis=0), jnp.take(bias, label, axis=0)  # [B, C]
        slope = scale.reshape(shape) * lax.rsqrt(variance + self.epsilon).reshape(shape)
        y = (values - mean.reshape(shape)) * slope + bias.reshape(shape)
        return y.astype(self.dtype or x.dtype)


class InstanceNorm(nn.Module):
    """Normalisation of each channel of each example by itself, and a learned shift of the channel.

    Instance Normalization: The Missing Ingredient for Fast Stylization, Ulyanov et al., 2016,
    arXiv:1607.08022. The shift stands for the bias of the convolution before it, which
    normalisation would undo.

    Mean and variance are written so that XLA merges a translator's pass in the discriminator's turn
    with the one in its own, as in `BatchNorm`; values are taken from the first of their channel,
    so that the variance keeps its digits wherever the mean lies.

    Attributes:
      epsilon: added to the variance.
      dtype: of the output; the input's where None.
    """

    epsilon: float = 1e-5
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalises `x` [B, ..., C] over all axes but the first and the last, in float32."""
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:], jnp.float32)
        axes = tuple(range(1, x.ndim - 1))
        ones = (1,) * len(axes)
        values = x.astype(jnp.float32)
        values = values - lax.stop_gradient(values[(slice(None), *(slice(1) for _ in axes))])
        mean, square = jnp.mean(values, axis=axes), jnp.mean(values**2, axis=axes)
        variance = jnp.maximum(square - mean**2, 0.0)
        spread = lambda of_channels: of_channels.reshape(-1, *ones, x.shape[-1])
        y = (values - spread(mean)) * spread(lax.rsqrt(variance + self.epsilon)) + spread(bias)
        return y.astype(self.dtype or x.dtype)
