import numpy as np
import pytest
from sklearn import metrics as sklearn

from gan_jax import metrics

LABEL = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2, 2, 0, 1])
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.9, 0.0], [0.6, 0.1, 0.3]])


def test_classification_scores_of_probabilities_made_by_hand():
    scores = metrics.classification_scores(PROBABILITIES)
    assert scores == pytest.approx(
        {
            "top_probability": (0.7 + 0.5 + 0.9 + 0.6) / 4,
            "min_class_share": 0.0,
            "max_class_share": 0.75,
            "class_entropy": -0.75 * np.log(0.75) - 0.25 * np.log(0.25),
        }
    )


def test_accuracy_is_the_share_of_samples_read_as_their_label():
    scores = metrics.classification_scores(PROBABILITIES, np.array([0, 1, 1, 2]))
    assert scores["accuracy"] == 0.5


def test_samples_spread_evenly_have_the_entropy_of_all_classes():
    scores = metrics.classification_scores(np.eye(10))
    assert scores["class_entropy"] == pytest.approx(np.log(10))
    assert scores["min_class_share"] == scores["max_class_share"] == pytest.approx(0.1)


def test_confusion_counts_labels_by_rows_and_predictions_by_columns():
    confusion = metrics.confusion_matrix(LABEL, PREDICTED, 3)
    np.testing.assert_array_equal(confusion, [[2, 1, 0], [1, 1, 0], [1, 1, 2]])


def test_precision_and_recall_are_those_of_scikit_learn():
    found = metrics.class_precision_recall(metrics.confusion_matrix(LABEL, PREDICTED, 3))
    expected = sklearn.precision_recall_fscore_support(LABEL, PREDICTED)[:2]
    np.testing.assert_allclose(found, expected)


def test_a_class_never_predicted_has_no_precision_and_one_without_examples_no_recall():
    confusion = metrics.confusion_matrix(np.array([0, 1]), np.array([0, 2]), 3)
    precision, recall = metrics.class_precision_recall(confusion)
    np.testing.assert_array_equal(precision, [1, np.nan, 0])
    np.testing.assert_array_equal(recall, [1, 0, np.nan])
