import numpy as np
import pytest

from gan_jax.metrics import classification_scores

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
