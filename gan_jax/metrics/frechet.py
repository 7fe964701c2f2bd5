"""Fréchet distances of features: FID, by class, and of two batches with gradients."""

import warnings
from typing import NamedTuple

import chex
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.linalg import lapack

from gan_jax.metrics._moments import Moments, moments
from gan_jax.types import Array, UserError


class ConditionalFrechet(NamedTuple):
    """Fréchet distances class by class.

    Attributes:
      mean: over the classes, each counting once.
      by_class: each class's distance.
    """

    mean: float
    by_class: dict[int, float]


def frechet_distance(real: Moments, fake: Moments) -> float:
    """The Fréchet distance of the Gaussians with these moments; of Inception features, the FID.

    `‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)`, the square of a metric, as is the custom. With
    `Σ = L Lᵀ`, `tr (Σ₁ Σ₂)^½` is the sum of the singular values of `L₁ᵀ L₂`, which is real and
    finite whatever the rank, and keeps the digits that roots of eigenvalues near 0 lose.

    GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, Heusel et
    al., 2017, arXiv:1706.08500, eq. 6.

    Args:
      real: moments of N real examples.
      fake: moments of M generated ones. The distance falls with N and M for the same
        distributions: state both, and compare like with like.

    Returns:
      At least 0, in the squared unit of the features; 0 to rounding for equal moments.

    Warns:
      UserWarning: if N or M is at most D.

    Raises:
      UserError: if the dimensions differ, a set has a single example, or features are given in
        place of their moments.
    """
    if not (isinstance(real, Moments) and isinstance(fake, Moments)):
        raise UserError("a Fréchet distance is of moments: give moments(features) of either side")
    dimensions = len(real.mean)
    if dimensions != len(fake.mean):
        raise UserError(
            f"real features have {dimensions} dimensions, generated ones {len(fake.mean)}: "
            "take both from the same extractor"
        )
    if min(real.count, fake.count) <= dimensions:
        warnings.warn(
            f"{real.count} real and {fake.count} generated examples in {dimensions} dimensions: "
            "a covariance is rank-deficient, and the distance is biased upward",
            stacklevel=2,
        )
    difference = real.mean - fake.mean
    traces = np.trace(real.covariance) + np.trace(fake.covariance)
    product = _factor(real.covariance).T @ _factor(fake.covariance)
    shared = np.linalg.svd(product, compute_uv=False).sum()
    return max(float(difference @ difference + traces - 2 * shared), 0.0)


def conditional_frechet_distance(
    real_features: np.ndarray,
    real_labels: np.ndarray,
    fake_features: np.ndarray,
    fake_labels: np.ndarray,
) -> ConditionalFrechet:
    """Intra-class FID: `frechet_distance` within each class.

    cGANs with Projection Discriminator, Miyato & Koyama, 2018, arXiv:1802.05637.

    Args:
      real_features: `[N, D]`.
      real_labels: `[N]`, integers.
      fake_features: `[M, D]`.
      fake_labels: `[M]`, the class each sample was asked to be of.

    Warns:
      UserWarning: as `frechet_distance` does, for a class of at most D examples.

    Raises:
      UserError: if a class is missing on one side, or has a single example there.
    """
    classes = np.unique(real_labels)
    lonely = np.setxor1d(classes, fake_labels)
    if lonely.size:
        raise UserError(
            f"classes {lonely.tolist()} are among the real or the generated examples alone: "
            "draw samples of the same classes"
        )
    by_class = {
        int(label): frechet_distance(
            moments(real_features[real_labels == label]),
            moments(fake_features[fake_labels == label]),
        )
        for label in classes
    }
    return ConditionalFrechet(float(np.mean(list(by_class.values()))), by_class)


def batch_frechet_distance(real: Array, fake: Array) -> Array:
    """`frechet_distance` of two batches, differentiable: to train or guide with, not to report.

    `tr (Σ₁ Σ₂)^½` is the sum of the singular values of the `[N, M]` matrix of inner products of
    deviations, for any N and M from 2. Nothing is added for stability: that sum has finite
    derivatives, one of several where a singular value is 0.

    Backpropagating through Fréchet Inception Distance, Mathiasen & Hvilshøj, 2020,
    arXiv:2009.14075.

    Args:
      real: `[N, D]` floats.
      fake: `[M, D]`.

    Returns:
      A scalar, at least 0 to rounding, biased upward as batches are small.

    Raises:
      UserError: there are fewer than two of either.
    """
    chex.assert_rank([real, fake], 2)
    if min(len(real), len(fake)) < 2:
        raise UserError("a Fréchet distance is of two examples at least of either side")
    chex.assert_equal_shape_suffix([real, fake], 1)
    means = [jnp.mean(x, axis=0, keepdims=True) for x in (real, fake)]
    deviations = [
        (x - mean) / np.sqrt(len(x) - 1) for x, mean in zip((real, fake), means, strict=True)
    ]
    product = jnp.matmul(deviations[0], deviations[1].T, precision=lax.Precision.HIGHEST)
    shared = jnp.sum(jnp.linalg.svd(product, compute_uv=False))
    traces = sum(jnp.sum(deviation**2) for deviation in deviations)
    return jnp.sum((means[0] - means[1]) ** 2) + traces - 2 * shared


def _factor(covariance: np.ndarray) -> np.ndarray:
    """`L [D, rank]` with `L Lᵀ = covariance`: Cholesky's with pivots, which ends at the rank."""
    lower, order, rank, _ = lapack.dpstrf(covariance, lower=1)
    factor = np.empty((len(covariance), rank))
    factor[order - 1] = np.tril(lower)[:, :rank]
    return factor
