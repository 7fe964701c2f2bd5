"""Reconstruction losses: how badly an output explains its target, per example."""

import math

import chex
import jax.numpy as jnp
from jax.nn import log_softmax, softplus

from gan_jax.types import Array


def _per_example(elementwise: Array) -> tuple[int, ...]:
    return tuple(range(1, elementwise.ndim))


def bernoulli_nll(logits: Array, target: Array) -> Array:
    """Negative log-likelihood of pixels under independent Bernoullis, in nats per example.

    `Σ softplus(logits) - target · logits`, the binary cross-entropy summed over an example.

    Args:
      logits: `[B, ...]`.
      target: `[B, ...]` in [0, 1]; grey values are read as probabilities.

    Returns:
      `[B]`, at least 0.
    """
    chex.assert_equal_shape([logits, target])
    loss = softplus(logits) - target * logits
    return jnp.sum(loss, axis=_per_example(loss))


def gaussian_nll(mean: Array, target: Array, *, std: float = 1.0) -> Array:
    """Negative log-density under a Gaussian of fixed standard deviation, in nats per example.

    Args:
      mean: `[B, ...]`.
      target: `[B, ...]`.
      std: the standard deviation of every element, positive.

    Returns:
      `[B]`; unbounded below as `std` goes to 0.
    """
    chex.assert_equal_shape([mean, target])
    loss = 0.5 * ((mean - target) / std) ** 2 + math.log(std) + 0.5 * math.log(2 * math.pi)
    return jnp.sum(loss, axis=_per_example(loss))


def absolute_error(prediction: Array, target: Array) -> Array:
    """Mean absolute error over an example's elements, `[B]`: the L1 of cycle consistency.

    Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, Zhu et al.,
    2017, arXiv:1703.10593, eq. 2.
    """
    chex.assert_equal_shape([prediction, target])
    loss = jnp.abs(prediction - target)
    return jnp.mean(loss, axis=_per_example(loss))


def squared_error(prediction: Array, target: Array) -> Array:
    """Mean squared error over an example's elements, `[B]`: the L2 of a context encoder.

    Context Encoders: Feature Learning by Inpainting, Pathak et al., 2016, arXiv:1604.07379, eq. 1.
    """
    chex.assert_equal_shape([prediction, target])
    loss = (prediction - target) ** 2
    return jnp.mean(loss, axis=_per_example(loss))


def gradient_difference(prediction: Array, target: Array) -> Array:
    """How much the steps from pixel to pixel differ in size, `[B]`: it asks for sharp edges.

    The mean of `| |∂ target| - |∂ prediction| |` over the differences ∂ of neighbours in a column,
    and likewise in a row, added: the gradient difference loss, with α = 1 and means for sums.

    Deep Multi-Scale Video Prediction beyond Mean Square Error, Mathieu et al., 2016,
    arXiv:1511.05440.

    Args:
      prediction: images or films `[B, ..., H, W, C]`, at least 2 pixels wide and high.
      target: the same shape.
    """
    chex.assert_equal_shape([prediction, target])

    def along(axis: int) -> Array:
        sizes = (jnp.abs(jnp.diff(x, axis=axis)) for x in (prediction, target))
        gap = jnp.abs(jnp.subtract(*sizes))
        return jnp.mean(gap, axis=_per_example(gap))

    return along(-3) + along(-2)


def pixel_cross_entropy(logits: Array, label: Array) -> Array:
    """Mean cross-entropy of the classes of an example's pixels, in nats.

    Fully Convolutional Networks for Semantic Segmentation, Long et al., 2015, arXiv:1411.4038.

    Args:
      logits: `[B, ..., K]`.
      label: `[B, ...]`, integers in [0, K).

    Returns:
      `[B]`, at least 0.
    """
    chex.assert_shape(label, logits.shape[:-1])
    loss = -jnp.take_along_axis(log_softmax(logits), label[..., None].astype(int), axis=-1)
    return jnp.mean(loss, axis=_per_example(loss))
