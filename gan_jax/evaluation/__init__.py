"""Evaluation: draws samples, sees them through an extractor and hands them to metrics."""

from gan_jax.evaluation.draw import DRAW_SIZE, draw_inputs, interpolate
from gan_jax.evaluation.evaluators import (
    Evaluator,
    Judge,
    at_modes,
    beside,
    in_clusters,
    on_held_out,
    on_samples,
)
from gan_jax.evaluation.observed import KEPT, Observed, observe, observe_data
from gan_jax.evaluation.scores import METRICS, Figure, Sets, score, suited

__all__ = [
    "DRAW_SIZE",
    "KEPT",
    "METRICS",
    "Evaluator",
    "Figure",
    "Judge",
    "Observed",
    "Sets",
    "at_modes",
    "beside",
    "draw_inputs",
    "in_clusters",
    "interpolate",
    "observe",
    "observe_data",
    "on_held_out",
    "on_samples",
    "score",
    "suited",
]
