"""What a classifier of real data says of samples."""

import numpy as np


def classification_scores(
    probabilities: np.ndarray, label: np.ndarray | None = None
) -> dict[str, float]:
    """How a classifier reads samples: spread over the classes, sureness and obedience.

    Args:
      probabilities: `[N, K]`, rows summing to 1.
      label: `[N]`, the class each sample was asked to be of, where there is one.

    Returns:
      `top_probability`, the mean of the largest probability, in [1 / K, 1]; `min_class_share` and
      `max_class_share`, the rarest and commonest predicted class as a share of all samples, in
      [0, 1]; `class_entropy`, of the predicted classes in nats, in [0, log K]; and, with `label`,
      `accuracy`, the share of samples read as what they were asked to be.
    """
    count, classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    shares = np.bincount(predicted, minlength=classes) / count
    present = shares[shares > 0]
    scores = {
        "top_probability": float(probabilities.max(axis=1).mean()),
        "min_class_share": float(shares.min()),
        "max_class_share": float(shares.max()),
        "class_entropy": float(-(present * np.log(present)).sum()),
    }
    if label is not None:
        scores["accuracy"] = float(np.mean(predicted == label))
    return scores


def confusion_matrix(label: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """How often each class was taken for each.

    Args:
      label: `[N]`, integers in [0, num_classes).
      predicted: `[N]`, likewise.
      num_classes: K.

    Returns:
      int64 `[K, K]`: rows by label, columns by prediction.
    """
    pairs = np.bincount(label * num_classes + predicted, minlength=num_classes**2)
    return pairs.reshape(num_classes, num_classes)


def class_precision_recall(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each class, the share of its predictions that hold, and of its examples that are found.

    Args:
      confusion: `[K, K]`, see `confusion_matrix`.

    Returns:
      Precision and recall, float64 `[K]` each, in [0, 1]; NaN for a class that is never predicted,
      or has no example.
    """
    hits, none = np.diag(confusion), np.full(len(confusion), np.nan)
    totals = confusion.sum(axis=0), confusion.sum(axis=1)
    precision, recall = (np.divide(hits, n, where=n > 0, out=none.copy()) for n in totals)
    return precision, recall
