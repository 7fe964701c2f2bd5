import numpy as np

from gan_jax import metrics


def test_the_ratio_is_that_of_bytes_with_a_peak_of_255():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 256, (2, 5, 4, 3, 1))
    error = ((a - b) ** 2).reshape(5, -1).mean(axis=1)
    found = metrics.psnr(a / 127.5 - 1, b / 127.5 - 1)
    np.testing.assert_allclose(found, 20 * np.log10(255) - 10 * np.log10(error), rtol=1e-12)


def test_equal_images_have_no_noise():
    assert np.isinf(metrics.psnr(np.zeros((1, 2)), np.zeros((1, 2)))).all()
