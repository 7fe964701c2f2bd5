"""Rows of tables beside others.

Distributions of columns, associations of pairs, nearest records, and what classifiers and densities
learn from samples: as in Modeling Tabular Data using Conditional GAN, Xu et al., 2019,
arXiv:1907.00503, section 5.

A table is `[N, D]`, with the number of each column's classes, 0 of a column of numbers; classes are
their places in order.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

_AT_ONCE = 250  # rows whose distances to all records are held


def column_distances(real: np.ndarray, fake: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """How far each column's distribution is from the real one's, `[D]` in [0, 1].

    The Kolmogorov-Smirnov statistic of numbers, the total variation of classes.
    """
    from scipy import stats  # half a second, spared where it is not asked for

    found = []
    for x, y, number in zip(real.T, fake.T, classes, strict=True):
        if number:
            shares = [np.bincount(v.astype(int), minlength=number) / len(v) for v in (x, y)]
            found.append(0.5 * np.sum(np.abs(shares[0] - shares[1])))
        else:
            found.append(stats.ks_2samp(x, y, method="asymp").statistic)
    return np.array(found)


def associations(x: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """How much each pair of columns tells of one another, `[D, D]`, symmetric.

    Of two columns of numbers Pearson's correlation in [-1, 1]; of two of classes Cramér's V, of one
    of either the correlation ratio η, in [0, 1]. Constant columns tell nothing.
    """
    x = x.astype(np.float64)
    found = np.eye(len(classes))
    for i in range(len(classes)):
        for j in range(i):
            found[i, j] = found[j, i] = _association(x[:, i], x[:, j], classes[i], classes[j])
    return found


def _association(a: np.ndarray, b: np.ndarray, of_a: int, of_b: int) -> float:
    if of_a and of_b:
        return _cramers_v(a.astype(int), b.astype(int), of_a, of_b)
    if of_a:
        return _correlation_ratio(a.astype(int), b, of_a)
    if of_b:
        return _correlation_ratio(b.astype(int), a, of_b)
    deviations = a.std() * b.std()
    return float(np.mean((a - a.mean()) * (b - b.mean())) / deviations) if deviations else 0.0


def _cramers_v(a: np.ndarray, b: np.ndarray, of_a: int, of_b: int) -> float:
    counts = np.bincount(a * of_b + b, minlength=of_a * of_b).reshape(of_a, of_b)
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    if min(counts.shape) < 2:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    chi_square = np.sum((counts - expected) ** 2 / expected)
    return float(np.sqrt(chi_square / (counts.sum() * (min(counts.shape) - 1))))


def _correlation_ratio(label: np.ndarray, x: np.ndarray, number: int) -> float:
    counts = np.bincount(label, minlength=number)
    means = np.bincount(label, x, minlength=number) / np.maximum(counts, 1)
    between = np.sum(counts * (means - x.mean()) ** 2)
    return float(np.sqrt(between / (len(x) * x.var()))) if x.var() else 0.0


def record_distances(
    rows: np.ndarray, records: np.ndarray, classes: Sequence[int], *, itself: bool = False
) -> np.ndarray:
    """Of each row the distance to the nearest record, `[N]` in [0, ...).

    Gower's: the mean over columns of the absolute difference of numbers, in ranges of the records,
    and of whether classes differ.

    Args:
      rows: `[N, D]`.
      records: `[M, D]`.
      classes: of each column.
      itself: whether the rows are the first records, so that each is not its own nearest.
    """
    is_class = np.array(classes) > 0
    span = np.ptp(records, axis=0)
    scale = np.where(is_class, 1, np.where(span > 0, span, 1))
    nearest = []
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        total = np.zeros((len(part), len(records)), np.float32)
        for i, of_class in enumerate(is_class):
            apart = np.abs(part[:, i, None] - records[None, :, i]) / scale[i]
            total += (apart > 0) if of_class else apart
        if itself:
            total[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        nearest.append(total.min(axis=1) / len(classes))
    return np.concatenate(nearest)


def classifier_f1(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    positive: int | None = None,
    *,
    seed: int = 0,
) -> Mapping[str, float]:
    """F1 on the test rows of a decision tree, AdaBoost, a logistic regression and a perceptron.

    Args:
      train: what they are trained on, features `[N, F]` and classes `[N]`.
      test: likewise.
      positive: the class whose F1 it is; the mean over classes if None.
      seed: of the models.
    """
    from sklearn.ensemble import AdaBoostClassifier  # seconds, spared where it is not asked for
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.neural_network import MLPClassifier
    from sklearn.tree import DecisionTreeClassifier

    models = {
        "tree": DecisionTreeClassifier(max_depth=15, class_weight="balanced", random_state=seed),
        "AdaBoost": AdaBoostClassifier(n_estimators=50, random_state=seed),
        "logistic": LogisticRegression(max_iter=50, class_weight="balanced"),
        "perceptron": MLPClassifier((50,), max_iter=50, random_state=seed),
    }
    how = {"average": "macro"} if positive is None else {"pos_label": positive}
    scores = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the paper stops there too
            said = model.fit(*train).predict(test[0])
        scores[name] = float(f1_score(test[1], said, **how))
    return scores


def mixture_likelihoods(
    centres: np.ndarray, std: float, samples: np.ndarray, test: np.ndarray, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihoods, nats, of samples under a mixture, and of test points under one of samples.

    Args:
      centres: of the equal mixture that the data are drawn from, `[K, D]`.
      std: of its isotropic normal distributions.
      samples: `[N, D]`.
      test: `[M, D]`, fresh points of the data.
      seed: of the mixture of K normal distributions, with variances of their own along each axis,
        that is fitted to the samples.

    Returns:
      `[N]` and `[M]`.
    """
    from scipy.special import logsumexp
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    count, dim = centres.shape
    squares = np.sum((samples[:, None].astype(np.float64) - centres) ** 2, axis=-1)
    constant = np.log(count) + 0.5 * dim * np.log(2 * np.pi * std**2)
    known = logsumexp(-0.5 * squares / std**2, axis=1) - constant
    fitted = GaussianMixture(count, covariance_type="diag", random_state=seed, n_init=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(samples.astype(np.float64))
    return known, fitted.score_samples(test.astype(np.float64))
