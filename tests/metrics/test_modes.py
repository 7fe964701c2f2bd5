import numpy as np
import pytest
import scipy.stats

from gan_jax.metrics import class_mode_scores, mode_scores

CENTRES = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
STD = 0.05


def planted(modes, noise, each=100):
    random = np.random.default_rng(0)
    points = np.repeat(CENTRES[:modes], each, axis=0)
    return points + noise * random.normal(size=points.shape)


@pytest.mark.parametrize("modes", [1, 7, 25])
def test_planted_modes_are_counted_and_their_divergence_known(modes):
    scores = mode_scores(planted(modes, STD / 10), CENTRES, STD)
    assert scores["modes"] == modes
    assert scores["high_quality"] == 1
    assert scores["reverse_kl"] == pytest.approx(np.log(25 / modes), abs=1e-9)


def test_the_mixture_itself_has_the_high_quality_of_three_standard_deviations():
    scores = mode_scores(planted(25, STD, each=2000), CENTRES, STD)
    assert scores["high_quality"] == pytest.approx(scipy.stats.chi2(2).cdf(9), abs=2e-3)


def test_points_between_modes_capture_none():
    scores = mode_scores(planted(25, 0) + 0.4, CENTRES, STD)
    assert scores["modes"] == 0
    assert scores["high_quality"] == 0


def test_three_standard_deviations_are_the_border_of_a_mode():
    points = CENTRES[:2] + STD * np.array([[2.99, 0], [3.01, 0]])
    scores = mode_scores(points, CENTRES, STD)
    assert scores["modes"] == 1
    assert scores["high_quality"] == 0.5


def test_reverse_kl_is_that_of_the_shares():
    points = np.repeat(CENTRES[:3], [1, 2, 5], axis=0)
    expected = scipy.stats.entropy([1, 2, 5] + [0] * 22, np.ones(25))
    assert mode_scores(points, CENTRES, STD)["reverse_kl"] == pytest.approx(expected)


@pytest.mark.parametrize("modes", [1, 99, 1000])
def test_planted_classes_are_counted_and_their_divergence_known(modes):
    scores = class_mode_scores(np.tile(np.arange(modes), 3), 1000)
    assert scores == pytest.approx({"modes": modes, "reverse_kl": np.log(1000 / modes)}, abs=1e-9)


def test_reverse_kl_of_classes_is_from_the_real_shares():
    label, real = np.repeat([0, 2], [1, 3]), np.array([0.5, 0.3, 0.2])
    expected = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.2)
    assert class_mode_scores(label, 3, real)["reverse_kl"] == pytest.approx(expected)


def test_a_class_that_the_data_never_has_is_infinitely_far():
    assert class_mode_scores(np.array([0, 1]), 2, np.array([1.0, 0.0]))["reverse_kl"] == np.inf


def test_a_perfect_generator_has_the_reverse_kl_of_chance():
    label = np.random.default_rng(0).integers(1000, size=26_000)
    # 2 N times it is nearly chi-squared with 999 degrees of freedom, so its error is 4.5 %.
    assert class_mode_scores(label, 1000)["reverse_kl"] == pytest.approx(999 / 52_000, rel=0.15)
