"""Layers: what nets are built of."""

from gan_jax.layers import resample
from gan_jax.layers.activations import leaky_relu
from gan_jax.layers.attention import SelfAttention
from gan_jax.layers.conv import Conv, ConvTranspose
from gan_jax.layers.equalised import EqualisedConv, EqualisedDense
from gan_jax.layers.minibatch import MinibatchDiscrimination, minibatch_stddev
from gan_jax.layers.modulated import ModulatedConv
from gan_jax.layers.noise import Dropout, PhaseShuffle, own_keys
from gan_jax.layers.norms import BatchNorm, InstanceNorm
from gan_jax.layers.spectral import SpectralNorm, largest_singular_value

__all__ = [
    "BatchNorm",
    "Conv",
    "ConvTranspose",
    "Dropout",
    "EqualisedConv",
    "EqualisedDense",
    "InstanceNorm",
    "MinibatchDiscrimination",
    "ModulatedConv",
    "PhaseShuffle",
    "SelfAttention",
    "SpectralNorm",
    "largest_singular_value",
    "leaky_relu",
    "minibatch_stddev",
    "own_keys",
    "resample",
]
