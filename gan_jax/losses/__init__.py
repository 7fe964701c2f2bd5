"""Losses: one module per mathematical idea, each a pure function of logits or densities.

Every loss is per example and unreduced. Nothing here knows of nets, players or training.
"""

from gan_jax.losses import f_divergences
from gan_jax.losses.adversarial import (
    HINGE,
    LEAST_SQUARES,
    LEAST_SQUARES_PEARSON,
    LEAST_SQUARES_SIGNED,
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    RELATIVISTIC_AVERAGE,
    RELATIVISTIC_AVERAGE_HINGE,
    RELATIVISTIC_AVERAGE_LEAST_SQUARES,
    WASSERSTEIN,
    AdversarialLoss,
    energy_margin,
    hinge_discriminator_loss,
    hinge_generator_loss,
    label_flipping,
    label_smoothing,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating_discriminator_loss,
    non_saturating_generator_loss,
    relativistic_average,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)
from gan_jax.losses.divergences import gaussian_kl
from gan_jax.losses.f_divergences import FDivergence
from gan_jax.losses.features import feature_matching, pulling_away
from gan_jax.losses.reconstruction import absolute_error, bernoulli_nll, gaussian_nll

__all__ = [
    "HINGE",
    "LEAST_SQUARES",
    "LEAST_SQUARES_PEARSON",
    "LEAST_SQUARES_SIGNED",
    "MINIMAX",
    "NON_SATURATING",
    "RELATIVISTIC",
    "RELATIVISTIC_AVERAGE",
    "RELATIVISTIC_AVERAGE_HINGE",
    "RELATIVISTIC_AVERAGE_LEAST_SQUARES",
    "WASSERSTEIN",
    "AdversarialLoss",
    "FDivergence",
    "absolute_error",
    "bernoulli_nll",
    "energy_margin",
    "f_divergences",
    "feature_matching",
    "gaussian_kl",
    "gaussian_nll",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "label_flipping",
    "label_smoothing",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating_discriminator_loss",
    "non_saturating_generator_loss",
    "pulling_away",
    "relativistic_average",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
]
