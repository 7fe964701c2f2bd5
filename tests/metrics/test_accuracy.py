import numpy as np
import pytest
import scipy.stats

from gan_jax import metrics
from gan_jax.types import UserError

CENTRES = 2 * np.eye(3)


def draw(seed, classes=3, count=2_000):
    """Standard normal points about centres, and which centre each belongs to."""
    random = np.random.default_rng(seed)
    label = random.integers(classes, size=count)
    return CENTRES[label] + random.normal(size=(count, 3)), label


REAL, FAKE = draw(0), draw(1)


def test_the_accuracy_on_two_classes_is_the_best_that_there_can_be():
    scores = metrics.train_on_synthetic(*draw(0, 2, 20_000), *draw(1, 2, 20_000))
    best = scipy.stats.norm.cdf(np.linalg.norm(CENTRES[0] - CENTRES[1]) / 2)
    np.testing.assert_allclose(scores[:3], best, atol=0.01)


def test_confusion_is_of_the_half_of_real_data_that_is_tested_on():
    scores = metrics.train_on_synthetic(*REAL, *FAKE)
    assert scores.confusion.sum() == len(REAL[1]) / 2
    assert np.trace(scores.confusion) / scores.confusion.sum() == scores.fake_to_real


def test_a_class_that_samples_lack_shows_in_training_on_them_alone():
    whole, lacking = (metrics.train_on_synthetic(*REAL, *draw(1, n)) for n in (3, 2))
    assert lacking.confusion[:, 2].sum() == 0
    assert lacking.fake_to_real < whole.fake_to_real - 0.2
    assert lacking.real_to_fake > whole.real_to_fake - 0.05


def test_samples_under_wrong_labels_show_in_both_directions():
    points, label = FAKE
    scores = metrics.train_on_synthetic(*REAL, points, (label + 1) % 3)
    assert max(scores.fake_to_real, scores.real_to_fake) < 0.2 < 0.7 < scores.real_to_real


def test_features_may_be_of_any_scale():
    scale = np.array([1e-3, 1, 1e3])
    usual = metrics.train_on_synthetic(*REAL, *FAKE)
    scaled = metrics.train_on_synthetic(REAL[0] * scale, REAL[1], FAKE[0] * scale, FAKE[1])
    np.testing.assert_allclose(scaled[:3], usual[:3], atol=1e-3)


def test_the_seed_chooses_the_halves():
    first, again, other = (metrics.train_on_synthetic(*REAL, *FAKE, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.confusion, again.confusion)
    assert not np.array_equal(first.confusion, other.confusion)


def test_samples_of_one_class_alone_are_refused():
    with pytest.raises(UserError, match="generated examples are all of class 1"):
        metrics.train_on_synthetic(*REAL, FAKE[0], np.ones_like(FAKE[1]))
