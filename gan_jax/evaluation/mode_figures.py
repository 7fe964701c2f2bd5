"""Which modes of the data samples reach: those of a mixture, or the classes of a classifier."""

import numpy as np

from gan_jax import metrics
from gan_jax.data import Mixture
from gan_jax.evaluation.figure import Figure, binomial


def mixture_figures(mixture: Mixture, points: np.ndarray) -> dict[str, Figure]:
    """See `metrics.mode_scores`, of points `[N, D]`."""
    found = metrics.mode_scores(points, mixture.centres, mixture.std)
    how, near = f"of {len(mixture.centres):,} modes", "within three standard deviations"
    return {
        "modes": Figure(found["modes"], None, "higher", f"{how}, reached {near}"),
        "high_quality": binomial(
            found["high_quality"], len(points), "higher", f"samples {near} of a mode"
        ),
        "reverse_kl": Figure(found["reverse_kl"], None, "lower", f"{how}, nats"),
    }


def class_figures(
    real: np.ndarray, fake: np.ndarray, shares: np.ndarray | None = None
) -> dict[str, Figure]:
    """See `metrics.class_mode_scores`, of probabilities of classes `[N, K]`, each a mode.

    Unless the real `shares` [K] are known they are those of the real examples.
    """
    number, beside = fake.shape[1], "those that the data are drawn in"
    if shares is None:
        shares = np.bincount(real.argmax(axis=1), minlength=number) / len(real)
        beside = "the real data's histogram"
    scores = metrics.class_mode_scores(fake.argmax(axis=1), number, shares)
    how = f"of {number:,} classes, beside {beside}"
    return {
        "modes": Figure(scores["modes"], None, "higher", how),
        "reverse_kl": Figure(scores["reverse_kl"], None, "lower", f"{how}, nats"),
    }
