"""Metrics: pure functions of features, probabilities or points; NumPy in, numbers out."""

from gan_jax.metrics.classification import classification_scores
from gan_jax.metrics.modes import mode_scores

__all__ = ["classification_scores", "mode_scores"]
