import numpy as np
from sklearn import metrics as sklearn

from gan_jax import metrics

LABEL = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2, 2, 0, 1])


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
