import numpy as np
import pytest
from scipy import signal

from gan_jax.metrics import log_spectrogram

WAVES = np.random.default_rng(0).uniform(-1, 1, size=(2, 1_000, 2)).astype(np.float32)
LOW, HIGH = np.log(1e-3), np.log(128 + 1e-3)  # 128 is the window's sum


def scaled(magnitude):
    return 2 * (np.log(magnitude + 1e-3) - LOW) / (HIGH - LOW) - 1


def test_frames_are_those_of_scipy():
    transform = signal.ShortTimeFFT(signal.windows.hann(256, sym=False), 128, 1.0)
    padded = np.pad(WAVES, ((0, 0), (0, 24), (0, 0)))  # 7 frames: 6 * 128 + 256
    expected = np.abs(transform.stft(padded, p0=1, p1=8, axis=1))  # p is the middle, in hops
    expected = np.moveaxis(expected, -1, 1)  # [N, F, C, T'] to [N, T', F, C]
    np.testing.assert_allclose(log_spectrogram(WAVES), scaled(expected), atol=1e-4)


@pytest.mark.parametrize(("length", "frames"), [(100, 1), (256, 1), (257, 2), (384, 2), (4096, 31)])
def test_frames_cover_the_wave(length, frames):
    assert log_spectrogram(np.zeros((1, length, 1), np.float32)).shape == (1, frames, 129, 1)


def test_silence_is_minus_one_and_the_loudest_constant_one():
    silence, constant = (log_spectrogram(np.full((1, 256, 1), x, np.float32)) for x in (0, 1))
    np.testing.assert_allclose(silence, -1, atol=1e-6)
    assert float(constant[0, 0, 0, 0]) == pytest.approx(1, abs=1e-6)
    assert float(constant.max()) <= 1 + 1e-6


def test_a_pure_tone_is_loudest_at_its_frequency():
    wave = np.sin(2 * np.pi * 20 / 256 * np.arange(1_024)).astype(np.float32)[None, :, None]
    seen = np.asarray(log_spectrogram(wave))[0, :, :, 0]
    assert (seen.argmax(axis=1) == 20).all()
    np.testing.assert_allclose(seen[:, 20], scaled(64), atol=1e-5)


def test_what_one_sees_of_a_wave_does_not_depend_on_the_others():
    np.testing.assert_allclose(log_spectrogram(WAVES)[:1], log_spectrogram(WAVES[:1]), atol=1e-6)
