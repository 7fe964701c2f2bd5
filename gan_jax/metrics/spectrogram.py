"""Spectrograms: what nets for images read of sound."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.sound import QUIET, hann
from gan_jax.types import Array

SPECTROGRAM_FRAME = 256
"""Samples of a frame of `log_spectrogram`."""

SPECTROGRAM_HOP = 128
"""Samples from a frame to the next."""

_WINDOW = hann(SPECTROGRAM_FRAME)
_LOUDEST = float(_WINDOW.sum())  # of any wave in [-1, 1]


@jax.jit
def log_spectrogram(waves: Array) -> Array:
    """Logarithms of short-time Fourier magnitudes under a Hann window, on a fixed scale.

    `log(|STFT| + 10⁻³)`, moved and scaled so that silence is -1 and the loudest constant wave 1,
    whatever else there is in the batch. The end is followed by silence until the frames cover it.

    Args:
      waves: `[N, T, C]`, floats in [-1, 1].

    Returns:
      `[N, T', F, C]` in [-1, 1]: frames of 256 samples, 128 apart, and 129 frequencies from 0 to
      half the sample rate.
    """
    chex.assert_rank(waves, 3)
    chex.assert_type(waves, float)
    length = waves.shape[1]
    frames = 1 + max(-(-(length - SPECTROGRAM_FRAME) // SPECTROGRAM_HOP), 0)
    rest = (frames - 1) * SPECTROGRAM_HOP + SPECTROGRAM_FRAME - length
    padded = jnp.pad(waves, ((0, 0), (0, rest), (0, 0)))
    starts = SPECTROGRAM_HOP * np.arange(frames)
    cut = padded[:, starts[:, None] + np.arange(SPECTROGRAM_FRAME)]  # [N, T', frame, C]
    magnitude = jnp.abs(jnp.fft.rfft(cut * _WINDOW[None, None, :, None], axis=2))
    low, high = np.log(QUIET), np.log(_LOUDEST + QUIET)
    return 2 * (jnp.log(magnitude + QUIET) - low) / (high - low) - 1
