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
