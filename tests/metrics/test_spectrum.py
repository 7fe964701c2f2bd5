import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import digamma

from gan_jax.metrics import log_spectrum, spectrum_distance

FLOOR = 10 * np.log10((2 / 255) ** 2 / 12)
STD = 0.3
NOISE = STD * np.random.default_rng(0).normal(size=(500, 16, 16, 1))


def test_white_noise_has_its_variance_at_every_frequency():
    # The mean of m exponential variables has log-mean digamma(m) - log m; a ring of 2 m
    # frequencies holds m independent ones. The outermost touch frequencies that stand alone.
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(16) * 16] * 2))
    m = np.bincount(np.rint(frequency).astype(int).ravel())[1:8] / 2
    expected = 10 * np.log10(STD**2) + 10 / np.log(10) * (digamma(m) - np.log(m))
    profile = log_spectrum(NOISE).mean(axis=0)
    assert profile.shape == (11,)
    np.testing.assert_allclose(profile[:7], expected, atol=0.4)
    np.testing.assert_allclose(profile[7:], 10 * np.log10(STD**2), atol=1.5)


def test_a_wave_has_its_power_in_its_own_ring():
    wave = 0.5 * np.cos(2 * np.pi * 3 * np.arange(16) / 16)[None, :, None, None]
    profile = np.array(log_spectrum(np.broadcast_to(wave, (1, 16, 16, 1)))[0])
    # Two of the 16 frequencies of ring 3 hold 0.25 ** 2 * 16 ** 2 each.
    assert profile[2] == pytest.approx(10 * np.log10(2 * 16 / 16), abs=0.01)
    np.testing.assert_allclose(np.delete(profile, 2), FLOOR, atol=0.01)


def test_a_checkerboard_has_its_power_in_the_corner():
    board = (-1.0) ** np.add.outer(np.arange(16), np.arange(16))
    assert log_spectrum(board[None, ..., None])[0].argmax() == 10


def test_blank_images_have_the_power_of_rounding_whatever_their_grey():
    np.testing.assert_allclose(log_spectrum(np.full((1, 16, 16, 1), 0.7)), FLOOR, atol=0.1)


def test_the_spectrum_of_colours_is_the_mean_of_channels():
    images = np.concatenate([NOISE[:1], np.zeros_like(NOISE[:1])], axis=-1)
    expected = log_spectrum(NOISE[:1]) - 10 * np.log10(2)
    np.testing.assert_allclose(log_spectrum(images), expected, atol=0.01)


def test_rings_of_oblong_images_are_of_equal_frequency():
    wave = np.cos(2 * np.pi * np.arange(32) / 4)[None, None, :, None]
    profile = log_spectrum(np.broadcast_to(wave, (1, 16, 32, 1)))[0]
    assert profile.argmax() == 3  # a quarter of a cycle a pixel is four cycles over 16


def test_half_the_contrast_is_six_decibels_away():
    distance = spectrum_distance(log_spectrum(NOISE), log_spectrum(NOISE / 2))
    assert distance == pytest.approx(20 * np.log10(2), abs=0.02)


def test_blurred_images_are_far_and_others_of_the_same_kind_near():
    profiles = log_spectrum(NOISE)
    blurred = log_spectrum(gaussian_filter(NOISE, (0, 1, 1, 0), mode="wrap"))
    assert spectrum_distance(profiles[:250], profiles[250:]) < 0.5
    assert spectrum_distance(profiles, blurred) > 10
