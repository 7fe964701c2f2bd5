"""Bounds of a latent-variable model's log-likelihood by importance sampling."""

import math

import chex
import jax.numpy as jnp
from jax.nn import logsumexp

from gan_jax.types import Array


def importance_weighted_bound(log_weights: Array) -> Array:
    """A lower bound of `log p(x)`: `log (1 / K) Σ_k p(x, z_k) / q(z_k | x)`, z from q.

    Its expectation is the evidence lower bound at K = 1 and rises to `log p(x)` with K.

    Importance Weighted Autoencoders, Burda, Grosse & Salakhutdinov, 2016, arXiv:1509.00519, eq. 8.

    Args:
      log_weights: `[K, N]`, `log p(x, z) - log q(z | x)` of K samples for each example, in nats.

    Returns:
      `[N]`, in nats.
    """
    chex.assert_rank(log_weights, 2)
    return logsumexp(log_weights, axis=0) - math.log(len(log_weights))


def effective_sample_size(log_weights: Array) -> Array:
    """How many of K samples carry a bound: `(Σ w)² / Σ w²`.

    Near 1, a single sample outweighs the others and the bound is still loose.

    A Note on Importance Sampling Using Standardized Weights, Kong, 1992, University of Chicago.

    Args:
      log_weights: `[K, N]`, natural logarithms of w.

    Returns:
      `[N]` in [1, K].
    """
    chex.assert_rank(log_weights, 2)
    return jnp.exp(2 * logsumexp(log_weights, axis=0) - logsumexp(2 * log_weights, axis=0))
