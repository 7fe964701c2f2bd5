import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from gan_jax import metrics

random = np.random.default_rng(0)
LABEL, PREDICTED = random.integers(4, size=(2, 500))
CONFUSION = metrics.confusion_matrix(LABEL, PREDICTED, 4)


def test_intersection_over_union_is_scikit_learns():
    found = metrics.segmentation_scores(CONFUSION)
    np.testing.assert_allclose(found.iou, jaccard_score(LABEL, PREDICTED, average=None))
    assert found.mean_iou == pytest.approx(jaccard_score(LABEL, PREDICTED, average="macro"))
    assert found.pixel_accuracy == pytest.approx(np.mean(LABEL == PREDICTED))


def test_pixels_of_an_ignored_class_are_not_counted():
    found = metrics.segmentation_scores(CONFUSION, ignored=(3,))
    counted = LABEL != 3
    expected = jaccard_score(LABEL[counted], PREDICTED[counted], average=None, labels=range(3))
    np.testing.assert_allclose(found.iou[:3], expected)
    assert np.isnan(found.iou[3])
    assert found.mean_iou == pytest.approx(expected.mean())


def test_a_class_that_is_in_neither_has_no_score():
    found = metrics.segmentation_scores(metrics.confusion_matrix(LABEL, LABEL, 6))
    assert np.isnan(found.iou[4:]).all()
    assert found.mean_iou == found.pixel_accuracy == 1
