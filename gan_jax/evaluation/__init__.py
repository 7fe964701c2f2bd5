"""Evaluation: draws samples, sees them through an extractor and hands them to metrics."""

from gan_jax.evaluation.evaluators import (
    CLUSTERS,
    Evaluator,
    SampleMetric,
    cluster_coverage,
    compare_features,
    mode_coverage,
    on_held_out,
    on_samples,
    suited_evaluators,
)
from gan_jax.evaluation.feature_sets import (
    KEPT,
    FeatureSet,
    dataset_features,
    extract_features,
    labels_to_ask_for,
)
from gan_jax.evaluation.figure import Figure
from gan_jax.evaluation.film_figures import film_figures
from gan_jax.evaluation.pairwise import pair_figures
from gan_jax.evaluation.references import Reference, reference
from gan_jax.evaluation.scores import METRICS, Sets, score, suited

__all__ = [
    "CLUSTERS",
    "KEPT",
    "METRICS",
    "Evaluator",
    "FeatureSet",
    "Figure",
    "Reference",
    "SampleMetric",
    "Sets",
    "cluster_coverage",
    "compare_features",
    "dataset_features",
    "extract_features",
    "film_figures",
    "labels_to_ask_for",
    "mode_coverage",
    "on_held_out",
    "on_samples",
    "pair_figures",
    "reference",
    "score",
    "suited",
    "suited_evaluators",
]
