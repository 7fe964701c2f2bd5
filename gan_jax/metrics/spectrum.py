"""Power spectra of images: what upsampling layers get wrong."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.types import Array

_ROUNDING = (2 / 255) ** 2 / 12  # power of rounding [-1, 1] to 8 bits; blank images stay finite


@jax.jit
def log_spectrum(images: Array) -> Array:
    """Azimuthal averages of images' power spectra, in decibels.

    Power is `|DFT|² / (H W)`, the mean of channels, so that white noise has its variance at every
    frequency; ring r holds the frequencies of about r cycles over the shorter side, from 1 up to
    the corner, where a checkerboard lies. The power of rounding to 8 bits is added.

    Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to Reproduce
    Spectral Distributions, Durall, Keuper & Keuper, 2020, arXiv:2003.01826.

    Args:
      images: `[N, H, W, C]`, floats in [-1, 1].

    Returns:
      `[N, R]`, `10 log₁₀` of the power; R is half the diagonal, rounded, for square images.
    """
    chex.assert_rank(images, 4)
    chex.assert_type(images, float)
    n, height, width, _ = images.shape
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij"))
    ring = np.rint(min(height, width) * frequency).astype(int).ravel()
    power = jnp.mean(jnp.abs(jnp.fft.fft2(images, axes=(1, 2))) ** 2, axis=-1) / (height * width)
    total = jax.ops.segment_sum(power.reshape(n, -1).T, ring, ring.max() + 1)
    mean = total[1:].T / np.bincount(ring)[None, 1:]
    return 10 * jnp.log10(mean + _ROUNDING)


def spectrum_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """How far apart the mean log spectra of two sets are: root mean square over rings, in decibels.

    Args:
      real: `[N, R]`, of `log_spectrum`.
      fake: `[M, R]`, likewise, of images of the same size.

    Returns:
      At least 0; 3 dB are a factor of 2 in power at every frequency.
    """
    means = [np.asarray(profiles, np.float64).mean(axis=0) for profiles in (real, fake)]
    return float(np.sqrt(np.mean((means[0] - means[1]) ** 2)))
