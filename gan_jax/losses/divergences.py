"""Divergences between distributions given by their parameters."""

import chex
import jax.numpy as jnp

from gan_jax.types import Array


def gaussian_kl(mean: Array, log_variance: Array) -> Array:
    """KL divergence of a diagonal Gaussian from the standard one, in nats.

    `KL(N(μ, exp(λ)) || N(0, 1)) = ½ Σ (μ² + exp(λ) - 1 - λ)`, with the log-variance λ.

    Auto-Encoding Variational Bayes, Kingma & Welling, 2013, arXiv:1312.6114, appendix B.

    Args:
      mean: `[B, D]`.
      log_variance: `[B, D]`, natural logarithm of the variance.

    Returns:
      `[B]`, at least 0.
    """
    chex.assert_equal_shape([mean, log_variance])
    return 0.5 * jnp.sum(mean**2 + jnp.expm1(log_variance) - log_variance, axis=-1)
