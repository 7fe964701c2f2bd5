"""Layers: what nets are built of."""

from gan_jax.layers.conv import Conv, ConvTranspose
from gan_jax.layers.noise import Dropout, PhaseShuffle, own_keys
from gan_jax.layers.norms import BatchNorm
from gan_jax.layers.spectral import SpectralNorm, largest_singular_value

__all__ = [
    "BatchNorm",
    "Conv",
    "ConvTranspose",
    "Dropout",
    "PhaseShuffle",
    "SpectralNorm",
    "largest_singular_value",
    "own_keys",
]
