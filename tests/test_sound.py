from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from gan_jax import losses, sound
from gan_jax.types import UserError

RANDOM = np.random.default_rng(0)
WAVES = RANDOM.uniform(-1, 1, size=(2, 512)).astype(np.float32)
TONE = np.sin(2 * np.pi * 10 / 64 * np.arange(512)).astype(np.float32)[None]  # 10 in a frame of 64


@pytest.mark.parametrize(("frame", "hop"), [(128, 64), (96, 32), (9, 3)])
def test_the_transform_is_that_of_scipys_window_and_comes_back(frame, hop):
    waves = WAVES[:, : 512 // hop * hop]
    beyond = (frame - hop) // 2
    padded = np.pad(waves, ((0, 0), (beyond, beyond)))
    starts = np.arange(waves.shape[1] // hop) * hop
    cut = padded[:, starts[:, None] + np.arange(frame)]
    expected = np.fft.rfft(cut * signal.windows.hann(frame, sym=False), axis=-1)
    found = sound.stft(waves, frame, hop)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(sound.istft(found, frame, hop), waves, atol=1e-5)


def test_griffin_and_lim_find_the_wave_better_the_longer_they_look():
    wanted = np.abs(sound.stft(TONE, 64, 16))

    def error(iterations):
        found = sound.griffin_lim(wanted, 64, 16, iterations)
        return np.sum((np.abs(sound.stft(found, 64, 16)) - wanted) ** 2) / np.sum(wanted**2)

    errors = [error(n) for n in (0, 1, 4, 16, 64)]
    assert all(after < before for before, after in pairwise(errors))
    assert errors[-1] < 0.02


def test_what_does_not_go_together_is_refused():
    with pytest.raises(UserError, match="frames of 100 samples are no whole, even cover"):
        sound.stft(WAVES, 100, 64)
    with pytest.raises(UserError, match="512 samples are no whole hops of 48"):
        sound.stft(WAVES, 144, 48)
    with pytest.raises(UserError, match="do not overlap"):
        sound.istft(sound.stft(WAVES, 64, 64), 64, 64)
    with pytest.raises(UserError, match="200 mels are too many"):
        sound.mel_filterbank(8_000, 256, 200)


def test_images_of_waves_are_normalised_and_come_back():
    waves = np.concatenate([TONE, 0.1 * TONE, WAVES])[..., None]
    spectra = sound.fit_log_spectra(waves, 64, 16)
    free = spectra._replace(deviations=100.0, iterations=64)
    images = np.asarray(free.encode(waves))
    assert images.shape == (4, 32, 32, 1)
    np.testing.assert_allclose(images.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(100 * images.std(axis=(0, 1)), 1, atol=2e-3)
    assert np.max(np.abs(spectra._replace(deviations=0.5).encode(waves))) == 1
    again = np.asarray(free.decode(images))
    assert again.shape == waves.shape
    wanted, found = (np.abs(sound.stft(x[:2, :, 0], 64, 16)) for x in (waves, again))
    assert np.sum((found - wanted) ** 2) / np.sum(wanted**2) < 0.03


def test_mels_are_slaneys_triangles_of_area_one():
    np.testing.assert_allclose(sound.mel_of([200, 1_000, 6_400]), [3, 15, 42])
    np.testing.assert_allclose(
        sound.hertz_of(sound.mel_of([50, 999, 1_001, 4e3])), [50, 999, 1_001, 4e3]
    )
    bank = sound.mel_filterbank(16_000, 2_048, 20, low=100.0, high=7_000.0)
    step = 16_000 / 2_048
    np.testing.assert_allclose(step * bank.sum(axis=0), 1, atol=5e-3)
    corners = sound.hertz_of(np.linspace(*sound.mel_of([100, 7_000]), 22))
    np.testing.assert_allclose(step * bank.argmax(axis=0), corners[1:-1], atol=step)
    np.testing.assert_allclose(bank.max(axis=0), 2 / (corners[2:] - corners[:-2]), rtol=0.1)
    inside = step * np.arange(1_025) > corners[-1]
    assert not bank[inside].any()


def test_classes_of_the_mu_law_are_finer_where_it_is_quiet():
    x = np.float32([-2, -1, -0.5, 0, 0.01, 1])
    compressed = np.sign(x) * np.log1p(255 * np.minimum(np.abs(x), 1)) / np.log(256)
    found = np.asarray(sound.mu_law(x))
    np.testing.assert_array_equal(found, np.floor(127.5 * (compressed + 1) + 0.5))
    assert found[3] == 128
    classes = jnp.arange(256)
    middles = sound.inverse_mu_law(classes)
    np.testing.assert_array_equal(sound.mu_law(middles), classes)
    widths = np.diff(middles)
    assert widths[127] < 2e-4
    assert widths[-1] > 0.02


def test_errors_of_spectra_are_those_by_hand():
    a, b = 0.5 * WAVES, WAVES
    sizes = {"rate": 8_000, "frame": 128, "hop": 32, "mels": 20}
    error = np.asarray(losses.mel_error(a, b, **sizes))
    np.testing.assert_allclose(error, np.log(2), rtol=1e-4)  # half as loud everywhere
    expected = 0.5 + np.log(2)
    found = losses.multi_resolution_stft(a, b, [(128, 32), (64, 16)])
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert losses.multi_resolution_stft(a, -a, [(64, 16)]).max() < 1e-4  # phases are not heard


@pytest.mark.parametrize("loss", ["mel_error", "multi_resolution_stft"])
def test_errors_of_spectra_have_slopes_at_silence(loss):
    sizes = {"rate": 8_000, "frame": 128, "hop": 32, "mels": 20}
    settings = sizes if loss == "mel_error" else {"resolutions": [(64, 16)]}
    of = lambda x: jnp.sum(getattr(losses, loss)(x, jnp.zeros((1, 512)), **settings))
    for x in (jnp.zeros((1, 512)), TONE):
        assert np.isfinite(jax.grad(of)(x)).all()


def test_matched_features_are_the_sum_of_the_maps_mean_differences():
    maps = {"a": np.ones((2, 3, 4)), "b": (np.zeros((2, 5)), np.float32([[1], [2]]))}
    zero = jax.tree.map(np.zeros_like, maps)
    np.testing.assert_allclose(losses.matched_features(maps, zero), [2, 3])
