"""Layers: what nets are built of."""

from gan_jax.layers.conv import Conv, ConvTranspose
from gan_jax.layers.norms import BatchNorm

__all__ = ["BatchNorm", "Conv", "ConvTranspose"]
