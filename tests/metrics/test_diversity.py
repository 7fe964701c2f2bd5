import json
from pathlib import Path

import numpy as np
import pytest

from gan_jax.metrics import multiscale_ssim, pairwise_diversity, pairwise_feature_distance, ssim
from gan_jax.types import UserError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "ssim.json").read_text())
NOISE = np.random.default_rng(0).uniform(-1, 1, (40, 12, 12, 1)).astype(np.float32)


def pair(side):
    """The images of the golden values, in [-1, 1]."""
    i, j = np.mgrid[:side, :side, :1][:2]
    k = np.arange(1, 4)
    x = 0.5 + 0.5 * np.sin(k * i / 4) * np.cos(j / (3 * k))
    y = 0.1 + 0.6 * x + 0.3 * np.sin(i * j / 5 + k) ** 2
    return 2 * x[None] - 1, 2 * y[None] - 1


@pytest.mark.parametrize("side", [12, 28])
def test_ssim_is_that_of_scikit_image(side):
    np.testing.assert_allclose(ssim(*pair(side)), [GOLDEN[str(side)]["ssim"]], atol=1e-4)


@pytest.mark.parametrize("side", [12, 28, 64, 176])  # of 1, 2, 3 and 5 scales
def test_multiscale_ssim_is_that_of_pytorch_msssim(side):
    expected = GOLDEN[str(side)]["multiscale_ssim"]
    np.testing.assert_allclose(multiscale_ssim(*pair(side)), [expected], atol=1e-4)


def test_equal_images_are_alike_at_odd_sides_too():
    x, _ = pair(25)
    np.testing.assert_allclose(multiscale_ssim(x, x), [1], atol=1e-5)


def test_negatives_are_least_alike():
    assert multiscale_ssim(NOISE, -NOISE).max() == 0
    assert ssim(NOISE, -NOISE).max() < -0.8


def test_luminance_counts_from_black():
    grey, black = np.zeros((1, 11, 11, 1)), -np.ones((1, 11, 11, 1))
    np.testing.assert_allclose(ssim(grey, black), [4e-4 / (1 + 4e-4)], rtol=1e-4)


@pytest.mark.parametrize("function", [ssim, multiscale_ssim])
def test_images_smaller_than_the_window_are_refused(function):
    with pytest.raises(UserError, match="11x11 pixels or more, got 10x12: resize"):
        function(NOISE[:, :10], NOISE[:, :10])


def test_a_collapsed_set_has_no_diversity():
    assert pairwise_diversity(np.repeat(NOISE[:1], 40, axis=0), 20, 0).value < 1e-5


def test_diversity_is_the_mean_of_disjoint_pairs_with_its_error():
    value, error = pairwise_diversity(NOISE, 20, seed=1)
    order = np.random.default_rng(1).permutation(40).reshape(-1, 2)
    distance = 1 - np.asarray(multiscale_ssim(NOISE[order[:, 0]], NOISE[order[:, 1]]), np.float64)
    assert value == pytest.approx(distance.mean(), abs=1e-6)
    assert error == pytest.approx(distance.std(ddof=1) / np.sqrt(20), rel=1e-4)


def test_more_pairs_than_a_chunk_are_each_counted_once():
    images = np.resize(NOISE, (600, 12, 12, 1))
    order = np.random.default_rng(2).permutation(600).reshape(-1, 2)
    expected = 1 - float(multiscale_ssim(images[order[:, 0]], images[order[:, 1]]).mean())
    assert pairwise_diversity(images, 300, seed=2).value == pytest.approx(expected, abs=1e-6)


def test_pairs_within_classes_see_no_difference_between_them():
    label = np.repeat(np.arange(4), [3, 9, 12, 16])
    images = NOISE[label]
    assert pairwise_diversity(images, 19, 0, label).value < 1e-5
    assert pairwise_diversity(images, 19, 0).value > 0.3


def test_feature_distance_of_a_gaussian_is_known():
    features = np.random.default_rng(0).normal(size=(20_000, 3))
    value, error = pairwise_feature_distance(features, 10_000, seed=0)
    # The norm of N(0, 2 I) in three dimensions has mean 4 / sqrt(pi) and mean square 6.
    assert value == pytest.approx(4 / np.sqrt(np.pi), abs=5 * error)
    assert error == pytest.approx(np.sqrt((6 - 16 / np.pi) / 10_000), rel=0.05)


def test_feature_distance_within_classes_leaves_their_centres_out():
    label = np.repeat([0, 1], 10)
    features = np.array([[0.0, 0.0], [30.0, 40.0]])[label]
    assert pairwise_feature_distance(features, 10, 0, label) == (0, 0)


@pytest.mark.parametrize("pairs", [1, 20])
def test_too_many_or_too_few_pairs_are_refused(pairs):
    with pytest.raises(UserError, match=f"40 examples make 2 to 19 .* {pairs} are asked for"):
        pairwise_diversity(NOISE, pairs, 0, np.repeat([0, 1], [3, 37]))
