"""Waves as spectrograms, on the mel scale, as μ-law classes, and back: pure functions.

A transform here is centred: its frames, so many samples a hop, are as many as whole hops of the
wave, the middle of the i-th is that of the i-th hop, and both ends are followed by silence.
"""

import math
from typing import NamedTuple

import chex
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.types import Array, UserError

_TINY = 1e-9  # of a power: the root has a slope at silence
QUIET = 1e-3
"""Added to a magnitude, so that the logarithm of silence is finite."""


def hann(frame: int) -> np.ndarray:
    """The periodic Hann window of so many samples, float32 [frame]."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)).astype(np.float32)


def _check(frame: int, hop: int) -> None:
    if hop < 1 or frame % hop or (frame - hop) % 2:
        raise UserError(f"frames of {frame} samples are no whole, even cover by hops of {hop}")


def stft(waves: Array, frame: int, hop: int) -> Array:
    """The short-time Fourier transform under a Hann window.

    Args:
      waves: `[B, T]`, of whole hops.
      frame: samples of a frame: a multiple of the hop, and as even or odd as it.
      hop: samples from a frame to the next.

    Returns:
      `[B, T / hop, frame // 2 + 1]`, complex.

    Raises:
      UserError: frame and hop, or hop and length, do not go together.
    """
    chex.assert_rank(waves, 2)
    _check(frame, hop)
    length, beyond = waves.shape[1], (frame - hop) // 2
    if length % hop:
        raise UserError(f"waves of {length} samples are no whole hops of {hop}")
    padded = jnp.pad(waves, ((0, 0), (beyond, beyond)))
    count = length // hop
    hops = padded.reshape(len(waves), -1, hop)
    parts = [hops[:, i : i + count] for i in range(frame // hop)]
    return jnp.fft.rfft(jnp.concatenate(parts, axis=-1) * hann(frame)[None, None], axis=-1)


def istft(transform: Array, frame: int, hop: int) -> Array:
    """The wave whose `stft` is nearest to a transform, in the sum of squares.

    Frames are windowed once more, added where they overlap, and divided by the squared windows'
    sum; of what is the `stft` of a wave that wave comes back.

    Signal Estimation from Modified Short-Time Fourier Transform, Griffin & Lim, 1984, IEEE
    Transactions on Acoustics, Speech, and Signal Processing 32, eq. 6.

    Args:
      transform: `[B, T', frame // 2 + 1]`, complex.
      frame: of the transform, more than one hop.
      hop: of the transform.

    Returns:
      `[B, T' hop]`.

    Raises:
      UserError: frame and hop do not go together.
    """
    _check(frame, hop)
    if frame == hop:
        raise UserError(f"frames of {frame} samples that do not overlap say nothing of their ends")
    window, count = hann(frame), transform.shape[1]

    def overlapped(frames: Array) -> Array:
        """`[B, T', frame]` to `[B, T' hop]`."""
        parts = frames.reshape(*frames.shape[:-1], frame // hop, hop)
        rest = frame // hop - 1
        moved = [jnp.pad(parts[:, :, i], ((0, 0), (i, rest - i), (0, 0))) for i in range(rest + 1)]
        flat = sum(moved[1:], moved[0]).reshape(len(frames), -1)
        return flat[:, (frame - hop) // 2 :][:, : count * hop]

    frames = jnp.fft.irfft(transform, frame, axis=-1) * window[None, None]
    weight = overlapped(jnp.broadcast_to(window**2, (1, count, frame)))
    return overlapped(frames) / weight


def griffin_lim(magnitude: Array, frame: int, hop: int, iterations: int = 16) -> Array:
    """A wave with nearly these short-time magnitudes, whose phases are not known.

    From phases drawn once for all, it takes the nearest wave's phases again and again; the error
    `‖ |STFT(x)| - M ‖²` never grows.

    Signal Estimation from Modified Short-Time Fourier Transform, Griffin & Lim, 1984, IEEE
    Transactions on Acoustics, Speech, and Signal Processing 32, section IV.

    Args:
      magnitude: M, `[B, T', frame // 2 + 1]`, at least 0.
      frame: of `stft`.
      hop: of `stft`.
      iterations: how many, a fixed number.

    Returns:
      `[B, T' hop]`.
    """
    turns = np.random.default_rng(0).uniform(-np.pi, np.pi, magnitude.shape[1:])
    phase = jnp.broadcast_to(jnp.exp(1j * turns).astype(jnp.complex64), magnitude.shape)

    def again(phase: Array, _: None) -> tuple[Array, None]:
        found = stft(istft(magnitude * phase, frame, hop), frame, hop)
        return found / jnp.maximum(jnp.abs(found), _TINY), None

    phase, _ = lax.scan(again, phase, None, length=iterations)
    return istft(magnitude * phase, frame, hop)


def magnitude(transform: Array) -> Array:
    """`√(|z|² + 10⁻⁹)`, which has a slope at silence."""
    return jnp.sqrt(jnp.real(transform) ** 2 + jnp.imag(transform) ** 2 + _TINY)


class LogSpectra(NamedTuple):
    """SpecGAN's images of waves: log-magnitudes, each frequency normalised, without the highest.

    `(log(|STFT| + 10⁻³) - mean) / std`, cut off at so many deviations and divided by them.

    Adversarial Audio Synthesis, Donahue et al., 2018, arXiv:1802.04208, section 3.1.

    Attributes:
      frame: of `stft`; the paper's is of 256 samples at 16 kHz.
      hop: of `stft`, half of it in the paper.
      mean: of each frequency over data, `[frame // 2]`.
      std: likewise.
      deviations: beyond which values are cut off.
      iterations: of `griffin_lim`.
    """

    frame: int
    hop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    deviations: float = 3.0
    iterations: int = 16

    def encode(self, waves: Array) -> Array:
        """Waves [B, T, 1] in [-1, 1] as images [B, T / hop, frame // 2, 1] in [-1, 1]."""
        found = _log_magnitude(waves[..., 0], self.frame, self.hop)
        mean, std = self._scale()
        return jnp.clip((found - mean) / (self.deviations * std), -1, 1)[..., None]

    def decode(self, images: Array) -> Array:
        """Waves like images, by `griffin_lim`, cut off at -1 and 1."""
        mean, std = self._scale()
        found = jnp.exp(images[..., 0] * self.deviations * std + mean) - QUIET
        found = jnp.pad(jnp.maximum(found, 0), ((0, 0), (0, 0), (0, 1)))
        waves = griffin_lim(found, self.frame, self.hop, self.iterations)
        return jnp.clip(waves, -1, 1)[..., None]

    def _scale(self) -> tuple[np.ndarray, np.ndarray]:
        mean, std = (np.asarray(x, np.float32)[None, None] for x in (self.mean, self.std))
        return mean, std


def fit_log_spectra(waves: np.ndarray, frame: int, hop: int) -> LogSpectra:
    """The normalisation of waves [N, T, 1] in [-1, 1], to four decimals."""
    starts = range(0, len(waves), 256)
    parts = [_log_magnitude(jnp.asarray(waves[i : i + 256, :, 0]), frame, hop) for i in starts]
    found = np.concatenate(parts, dtype=np.float64)
    mean, std = found.mean(axis=(0, 1)), found.std(axis=(0, 1)) + QUIET
    mean, std = (tuple(np.round(x, 4).tolist()) for x in (mean, std))
    return LogSpectra(frame, hop, mean, std)


def _log_magnitude(waves: Array, frame: int, hop: int) -> Array:
    return jnp.log(jnp.abs(stft(waves, frame, hop)[..., :-1]) + QUIET)


def mel_of(hertz: np.ndarray) -> np.ndarray:
    """Slaney's mel scale: three a 200 Hz up to 1 kHz, then 27 to each factor of 6.4."""
    hertz = np.asarray(hertz, np.float64)
    above = 15 + 27 * np.log(np.maximum(hertz, 1e3) / 1e3) / math.log(6.4)
    return np.where(hertz < 1e3, hertz * 3 / 200, above)


def hertz_of(mel: np.ndarray) -> np.ndarray:
    """The inverse of `mel_of`."""
    mel = np.asarray(mel, np.float64)
    return np.where(mel < 15, mel * 200 / 3, 1e3 * 6.4 ** ((mel - 15) / 27))


def mel_filterbank(
    rate: int, frame: int, mels: int, low: float = 0.0, high: float | None = None
) -> np.ndarray:
    """Triangles over the frequencies of a transform, of equal distances in mel and of area 1.

    Auditory Toolbox, Slaney, 1998, Interval Research technical report 1998-010; HiFi-GAN's mels.

    Args:
      rate: samples a second.
      frame: samples of the transform's frame.
      mels: how many.
      low: where the first begins, in Hz.
      high: where the last ends; half the rate if None.

    Returns:
      float32 `[frame // 2 + 1, mels]`, per Hz.

    Raises:
      UserError: one is so narrow that it lies between two frequencies.
    """
    first, last = mel_of(np.array([low, high or rate / 2]))
    corners = hertz_of(np.linspace(first, last, mels + 2))
    frequencies = np.arange(frame // 2 + 1)[:, None] * rate / frame
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (
        (frequencies - left) / (middle - left),
        (right - frequencies) / (right - middle),
    )
    bank = np.maximum(np.minimum(rising, falling), 0) * 2 / (right - left)
    if not bank.any(axis=0).all():
        raise UserError(f"{mels} mels are too many for frames of {frame} samples: take fewer")
    return bank.astype(np.float32)


def log_mel(waves: Array, rate: int, frame: int, hop: int, mels: int) -> Array:
    """Logarithms of magnitudes on the mel scale, at least `log 10⁻⁵`: HiFi-GAN's input.

    HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech Synthesis, Kong
    et al., 2020, arXiv:2010.05646; its authors continue the ends of a wave by reflection.

    Args:
      waves: `[B, T]`, in [-1, 1], of whole hops.
      rate: samples a second.
      frame: of `stft`.
      hop: of `stft`.
      mels: how many.

    Returns:
      `[B, T / hop, mels]`.
    """
    found = magnitude(stft(waves, frame, hop)) @ mel_filterbank(rate, frame, mels)
    return jnp.log(jnp.maximum(found, 1e-5))


def mu_law(waves: Array, levels: int = 256) -> Array:
    """Classes of samples, finer where it is quiet: `sign(x) log(1 + μ|x|) / log(1 + μ)`, rounded.

    WaveNet: A Generative Model for Raw Audio, van den Oord et al., 2016, arXiv:1609.03499, section
    2.2; ITU-T G.711.

    Args:
      waves: in [-1, 1]; what is beyond is cut off.
      levels: μ + 1.

    Returns:
      int32 of the same shape, in [0, levels); silence is `levels // 2`.
    """
    mu = levels - 1
    waves = jnp.clip(waves, -1, 1)
    compressed = jnp.sign(waves) * jnp.log1p(mu * jnp.abs(waves)) / math.log(levels)
    return jnp.floor((compressed + 1) / 2 * mu + 0.5).astype(jnp.int32)


def inverse_mu_law(classes: Array, levels: int = 256) -> Array:
    """The middles of the classes of `mu_law`, float32 in [-1, 1]."""
    mu = levels - 1
    compressed = 2 * classes.astype(jnp.float32) / mu - 1
    return jnp.sign(compressed) * jnp.expm1(jnp.abs(compressed) * math.log(levels)) / mu
