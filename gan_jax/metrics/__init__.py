"""Metrics: pure functions of features, probabilities or points; NumPy in, numbers out."""

from gan_jax.metrics._inception_score import inception_score
from gan_jax.metrics._moments import Moments, merge, moments
from gan_jax.metrics.accuracy import TransferAccuracy, train_on_synthetic
from gan_jax.metrics.attributes import attributes_right
from gan_jax.metrics.bleu import bleu, self_bleu
from gan_jax.metrics.classification import (
    class_precision_recall,
    classification_scores,
    confusion_matrix,
)
from gan_jax.metrics.distortion import psnr, sharpness
from gan_jax.metrics.diversity import (
    SSIM_WINDOW,
    multiscale_ssim,
    pairwise_diversity,
    pairwise_feature_distance,
    ssim,
)
from gan_jax.metrics.estimate import Estimate
from gan_jax.metrics.films import Foreground, content_distance, foreground, motion_distance
from gan_jax.metrics.frechet import (
    ConditionalFrechet,
    batch_frechet_distance,
    conditional_frechet_distance,
    frechet_distance,
)
from gan_jax.metrics.kernel import KernelDistance, kernel_distance
from gan_jax.metrics.likelihood import effective_sample_size, importance_weighted_bound
from gan_jax.metrics.marginals import MarginalDistances, marginal_distances
from gan_jax.metrics.membership import Membership, membership
from gan_jax.metrics.modes import class_mode_scores, mode_scores
from gan_jax.metrics.neighbours import (
    DensityCoverage,
    Memorisation,
    PrecisionRecall,
    density_coverage,
    memorisation,
    nearest_neighbours,
    precision_recall,
)
from gan_jax.metrics.ngrams import distinct_share, ngram_divergence
from gan_jax.metrics.overfitting import discriminator_gap
from gan_jax.metrics.path_length import path_lengths, perceptual_path_length, slerp
from gan_jax.metrics.retrieval import (
    cosines,
    csls,
    mean_csls_cosine,
    mutual_pairs,
    nearest_rotation,
    precision_at,
    procrustes,
    recall_of_own,
    refine,
)
from gan_jax.metrics.segmentation import SegmentationScores, segmentation_scores
from gan_jax.metrics.spectrogram import SPECTROGRAM_FRAME, SPECTROGRAM_HOP, log_spectrogram
from gan_jax.metrics.spectrum import log_spectrum, spectrum_distance
from gan_jax.metrics.tables import (
    associations,
    classifier_f1,
    column_distances,
    mixture_likelihoods,
    record_distances,
)

__all__ = [
    "SPECTROGRAM_FRAME",
    "SPECTROGRAM_HOP",
    "SSIM_WINDOW",
    "ConditionalFrechet",
    "DensityCoverage",
    "Estimate",
    "Foreground",
    "KernelDistance",
    "MarginalDistances",
    "Membership",
    "Memorisation",
    "Moments",
    "PrecisionRecall",
    "SegmentationScores",
    "TransferAccuracy",
    "associations",
    "attributes_right",
    "batch_frechet_distance",
    "bleu",
    "class_mode_scores",
    "class_precision_recall",
    "classification_scores",
    "classifier_f1",
    "column_distances",
    "conditional_frechet_distance",
    "confusion_matrix",
    "content_distance",
    "cosines",
    "csls",
    "density_coverage",
    "discriminator_gap",
    "distinct_share",
    "effective_sample_size",
    "foreground",
    "frechet_distance",
    "importance_weighted_bound",
    "inception_score",
    "kernel_distance",
    "log_spectrogram",
    "log_spectrum",
    "marginal_distances",
    "mean_csls_cosine",
    "membership",
    "memorisation",
    "merge",
    "mixture_likelihoods",
    "mode_scores",
    "moments",
    "motion_distance",
    "multiscale_ssim",
    "mutual_pairs",
    "nearest_neighbours",
    "nearest_rotation",
    "ngram_divergence",
    "pairwise_diversity",
    "pairwise_feature_distance",
    "path_lengths",
    "perceptual_path_length",
    "precision_at",
    "precision_recall",
    "procrustes",
    "psnr",
    "recall_of_own",
    "record_distances",
    "refine",
    "segmentation_scores",
    "self_bleu",
    "sharpness",
    "slerp",
    "spectrum_distance",
    "ssim",
    "train_on_synthetic",
]
