"""What samples are worth as training data: classifiers trained on one side, tested on the other."""

from typing import NamedTuple

import numpy as np

from gan_jax.metrics.classification import confusion_matrix
from gan_jax.types import UserError


class TransferAccuracy(NamedTuple):
    """Accuracies in [0, 1] of classifiers, by what they were trained on and tested on.

    Attributes:
      fake_to_real: TSTR; low where samples lack modes, quality or obedience to their labels.
      real_to_fake: TRTS; low where samples lack quality or obedience, blind to missing modes.
      real_to_real: what real data in place of the samples give, on the same test examples.
      confusion: `[K, K]` of fake to real, rows by label, columns by prediction.
    """

    fake_to_real: float
    real_to_fake: float
    real_to_real: float
    confusion: np.ndarray


def train_on_synthetic(
    real_features: np.ndarray,
    real_labels: np.ndarray,
    fake_features: np.ndarray,
    fake_labels: np.ndarray,
    seed: int = 0,
) -> TransferAccuracy:
    """Logistic regression on features, trained on samples and tested on real data, and around.

    Real-valued (Medical) Time Series Generation with Recurrent Conditional GANs, Esteban et al.,
    2017, arXiv:1706.02633. On features of a net that has seen real data it flatters samples; the
    classification accuracy score, `experiments/cas.py`, trains one that has not. A random half
    of the real data is for training, the other for testing. Features are standardised by what is
    trained on.

    Args:
      real_features: `[N, D]`.
      real_labels: `[N]`, integers from 0.
      fake_features: `[M, D]`.
      fake_labels: `[M]`, the class each sample was asked to be of.
      seed: of the halves.

    Raises:
      UserError: where what is to be trained on is all of one class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import StandardScaler

    def fit(what: str, x: np.ndarray, label: np.ndarray) -> Pipeline:
        if np.ptp(label) == 0:
            raise UserError(f"the {what} examples are all of class {label[0]}: give two at least")
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000))
        return model.fit(x, label)

    train, test = np.array_split(np.random.default_rng(seed).permutation(len(real_labels)), 2)
    by_real = fit("real", real_features[train], real_labels[train])
    by_fake = fit("generated", fake_features, fake_labels)
    classes = 1 + max(real_labels.max(), fake_labels.max())
    predicted = by_fake.predict(real_features[test])
    return TransferAccuracy(
        fake_to_real=float(np.mean(predicted == real_labels[test])),
        real_to_fake=float(by_real.score(fake_features, fake_labels)),
        real_to_real=float(by_real.score(real_features[test], real_labels[test])),
        confusion=confusion_matrix(real_labels[test], predicted, classes),
    )
