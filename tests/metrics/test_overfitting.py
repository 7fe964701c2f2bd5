import numpy as np
import pytest
import scipy.stats

from gan_jax.metrics import discriminator_gap


def test_gaps_by_hand():
    gap = discriminator_gap(np.array([3.0, 1, -1, 5]), np.array([1.0, 0]), np.array([-2.0]))
    assert gap == pytest.approx({"r_v": 1.5 / 4, "r_t": 0.5, "auc": 5.5 / 8})


def test_held_out_images_taken_for_real_show_no_gap():
    real = np.array([0.5, 2.0, 3.5])
    gap = discriminator_gap(real, real, -real)
    assert (gap["r_v"], gap["auc"]) == (0, 0.5)


def test_held_out_images_taken_for_samples_show_the_whole_gap():
    train, other = np.array([2.0, 3.0]), np.array([-2.0, -1.0])
    assert discriminator_gap(train, other, other) == {"r_v": 1, "r_t": 1, "auc": 1}


def test_a_discriminator_that_cannot_tell_has_no_r_v():
    gap = discriminator_gap(np.zeros(3), np.zeros(2), np.zeros(4))
    assert np.isnan(gap["r_v"])
    assert (gap["r_t"], gap["auc"]) == (0, 0.5)


def test_auc_is_that_of_two_gaussians():
    random = np.random.default_rng(0)
    gap = discriminator_gap(random.normal(1, 1, 20_000), random.normal(size=20_000), np.zeros(1))
    assert gap["auc"] == pytest.approx(scipy.stats.norm.cdf(1 / np.sqrt(2)), abs=0.01)
