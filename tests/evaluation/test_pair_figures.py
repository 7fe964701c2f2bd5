"""Samples beside what each is to be."""

import numpy as np
import pytest

from gan_jax import data, metrics
from gan_jax.evaluation import pair_figures
from gan_jax.types import UserError

random = np.random.default_rng(0)
IMAGES = random.integers(0, 256, (6, 12, 12, 1)).astype(np.uint8)


def test_of_images_means_and_their_errors_are_told():
    others = np.clip(IMAGES + random.integers(-20, 20, IMAGES.shape), 0, 255).astype(np.uint8)
    found = pair_figures(data.Image(), others, IMAGES)
    gap = (np.float64(others) - IMAGES) / 127.5
    decibels = 10 * np.log10(4 / (gap**2).mean(axis=(1, 2, 3)))
    assert found["psnr"].value == pytest.approx(decibels.mean(), rel=1e-5)
    assert found["psnr"].error == pytest.approx(decibels.std(ddof=1) / np.sqrt(6), rel=1e-4)
    assert found["l1"].value == pytest.approx(np.abs(gap).mean(), rel=1e-5)
    floats = [np.float32(x / 127.5 - 1) for x in (others, IMAGES)]
    assert found["ssim"].value == pytest.approx(float(metrics.ssim(*floats).mean()), rel=1e-5)


def test_equal_images_have_finite_figures():
    found = pair_figures(data.Image(), IMAGES, IMAGES)
    assert (found["psnr"].value, found["l1"].value) == (100, 0)


def test_small_images_have_no_structural_similarity():
    assert set(pair_figures(data.Image(), IMAGES[:, :8], IMAGES[:, :8])) == {"psnr", "l1"}


def test_of_films_frames_are_compared_and_films_are_counted():
    films = IMAGES.reshape(3, 2, 12, 12, 1)
    others = np.minimum(films + 20.0, 255).astype(np.uint8)
    found = pair_figures(data.Video(), others, films)
    by_frame = pair_figures(data.Image(), others.reshape(IMAGES.shape), IMAGES)
    for name, figure in by_frame.items():
        assert found[name].value == pytest.approx(figure.value, rel=1e-5), name
    error = (((np.float64(others) - films) / 255) ** 2).sum(axis=(2, 3, 4)).mean(axis=1)
    assert found["mse"].value == pytest.approx(error.mean(), rel=1e-5)
    assert found["mse"].error == pytest.approx(error.std(ddof=1) / np.sqrt(3), rel=1e-4)
    assert 0.9 < found["sharpness"].value < 1  # whites are cut


def test_of_maps_unlabelled_pixels_are_not_counted():
    kind = data.Category(("sky", "road", "unlabelled"))
    wanted = np.array([[[0, 0, 1, 2]]])
    found = pair_figures(kind, np.array([[[0, 1, 1, 0]]]), wanted)
    assert found["pixel_accuracy"].value == pytest.approx(2 / 3)
    assert found["mean_iou"].value == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert "sky: 0.500, road: 0.500" in found["mean_iou"].how


def test_of_classes_accuracy_is_told_and_what_is_found_of_each():
    kind = data.Category(("cat", "dog", "cow"))
    found = pair_figures(kind, np.array([0, 1, 1, 0, 1]), np.array([0, 1, 1, 1, 0]))
    accuracy = found["accuracy"]
    assert (accuracy.value, accuracy.error) == pytest.approx((0.6, np.sqrt(0.6 * 0.4 / 5)))
    assert accuracy.how.endswith("cat: 0.500, dog: 0.667")


def test_other_kinds_are_refused():
    with pytest.raises(UserError, match="only images, films and classes"):
        pair_figures(data.Real(), np.zeros((2, 3)), np.zeros((2, 3)))
