"""How well maps of classes agree, pixel by pixel."""

from typing import NamedTuple

import numpy as np


class SegmentationScores(NamedTuple):
    """What `segmentation_scores` gives.

    Attributes:
      mean_iou: the mean of `iou` over the classes that occur, in [0, 1].
      pixel_accuracy: the share of pixels that are of their class, in [0, 1].
      iou: of each class `|A ∩ B| / |A ∪ B|`, float64 `[K]`; NaN where it is in neither.
    """

    mean_iou: float
    pixel_accuracy: float
    iou: np.ndarray


def segmentation_scores(confusion: np.ndarray, ignored: tuple[int, ...] = ()) -> SegmentationScores:
    """Intersection over union and accuracy, over all pixels together.

    Fully Convolutional Networks for Semantic Segmentation, Long et al., 2015, arXiv:1411.4038,
    section 5.

    Args:
      confusion: `[K, K]` of pixels, see `confusion_matrix`.
      ignored: classes whose pixels are not counted, such as that of pixels nobody labelled.
    """
    counted = np.array(confusion, np.float64)
    counted[list(ignored)] = 0
    hits = np.diag(counted)
    union = counted.sum(axis=0) + counted.sum(axis=1) - hits
    iou = np.divide(hits, union, where=union > 0, out=np.full(len(counted), np.nan))
    iou[list(ignored)] = np.nan
    return SegmentationScores(float(np.nanmean(iou)), float(hits.sum() / counted.sum()), iou)
