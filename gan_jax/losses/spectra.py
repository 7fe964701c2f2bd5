"""Losses on short-time spectra: how differently two waves sound, whatever their phases."""

from collections.abc import Sequence

import chex
import jax.numpy as jnp

from gan_jax.losses.reconstruction import absolute_error
from gan_jax.sound import log_mel, magnitude, stft
from gan_jax.types import Array

RESOLUTIONS = ((1024, 128), (2048, 256), (512, 64))
"""Frames and hops, in samples at 24 kHz."""

_TINY = 1e-12  # of a square: the root has a slope where both are alike


def mel_error(
    prediction: Array, target: Array, *, rate: int, frame: int, hop: int, mels: int
) -> Array:
    """The mean absolute difference of two waves' `sound.log_mel`.

    HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech Synthesis, Kong
    et al., 2020, arXiv:2010.05646, eq. 5.

    Args:
      prediction: `[B, T]`, of whole hops.
      target: likewise.
      rate: samples a second.
      frame: of the transform.
      hop: of the transform.
      mels: how many.

    Returns:
      `[B]`, nats.
    """
    chex.assert_equal_shape([prediction, target])
    seen = [log_mel(x, rate, frame, hop, mels) for x in (prediction, target)]
    return absolute_error(*seen)


def multi_resolution_stft(
    prediction: Array, target: Array, resolutions: Sequence[tuple[int, int]] = RESOLUTIONS
) -> Array:
    """Spectral convergence and the error of log-magnitudes, the mean over several resolutions.

    `‖|Y| - |X|‖ / ‖|Y|‖ + mean |log |Y| - log |X||`, where X and Y are the `stft` of prediction and
    target.

    Parallel WaveGAN, Yamamoto et al., 2020, arXiv:1910.11480, eq. 3 to 6, of whose frames half are
    shorter windows followed by zeros, and whose hops are a little shorter.

    Args:
      prediction: `[B, T]`, of whole hops of every resolution.
      target: likewise.
      resolutions: frames and hops, in samples.

    Returns:
      `[B]`, at least 0.
    """
    chex.assert_equal_shape([prediction, target])
    total = jnp.zeros(len(target))
    for frame, hop in resolutions:
        x, y = (magnitude(stft(wave, frame, hop)) for wave in (prediction, target))
        square = lambda z: jnp.sum(z**2, axis=(1, 2))
        total += jnp.sqrt((square(y - x) + _TINY) / square(y)) + absolute_error(
            jnp.log(x), jnp.log(y)
        )
    return total / len(resolutions)
