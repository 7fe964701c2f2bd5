"""Activations that Flax has not, or not with the usual number."""

import flax.linen as nn

from gan_jax.types import Array


def leaky_relu(x: Array) -> Array:
    """`max(x, 0.2 x)`, as discriminators have it since DCGAN."""
    return nn.leaky_relu(x, 0.2)
