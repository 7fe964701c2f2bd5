import numpy as np
import pytest
import scipy.stats

from gan_jax.metrics import classification_scores, mode_scores

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


PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.9, 0.0], [0.6, 0.1, 0.3]])


def test_classification_scores_of_probabilities_made_by_hand():
    scores = classification_scores(PROBABILITIES)
    assert scores == pytest.approx(
        {
            "top_probability": (0.7 + 0.5 + 0.9 + 0.6) / 4,
            "min_class_share": 0.0,
            "max_class_share": 0.75,
            "class_entropy": -0.75 * np.log(0.75) - 0.25 * np.log(0.25),
        }
    )


def test_accuracy_is_the_share_of_samples_read_as_their_label():
    scores = classification_scores(PROBABILITIES, np.array([0, 1, 1, 2]))
    assert scores["accuracy"] == 0.5


def test_samples_spread_evenly_have_the_entropy_of_all_classes():
    scores = classification_scores(np.eye(10))
    assert scores["class_entropy"] == pytest.approx(np.log(10))
    assert scores["min_class_share"] == scores["max_class_share"] == pytest.approx(0.1)
