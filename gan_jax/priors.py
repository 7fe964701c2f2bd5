"""Priors: what generators draw from, as values."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax import prng
from gan_jax.types import Array, PRNGKey


class Prior(NamedTuple):
    """A distribution of vectors, and how a net that guesses one is judged.

    Attributes:
      dim: D, of a vector.
      sample: `keys [B] -> [B, D]`, float32.
      nll: `(output [B, D], value [B, D]) -> [B]`, nats: minus the log-likelihood of a value under
        the posterior that a net's output stands for.
    """

    dim: int
    sample: Callable[[PRNGKey], Array]
    nll: Callable[[Array, Array], Array]


def normal(dim: int) -> Prior:
    """The standard normal distribution; an output is the mean of a normal one of variance 1."""
    return Prior(dim, lambda keys: prng.normal(keys, (dim,)), _unit_gaussian_nll)


def uniform(dim: int) -> Prior:
    """Uniform on [-1, 1)^D; an output is the mean of a normal distribution of variance 1."""
    return Prior(dim, lambda keys: 2 * prng.uniform(keys, (dim,)) - 1, _unit_gaussian_nll)


def one_hot(classes: int) -> Prior:
    """Unit vectors, all as likely; an output is the logits of the classes."""

    def sample(keys: PRNGKey) -> Array:
        draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, classes))
        return jax.nn.one_hot(draw(keys), classes)

    return Prior(classes, sample, optax.softmax_cross_entropy)


def _unit_gaussian_nll(mean: Array, value: Array) -> Array:
    return jnp.sum(0.5 * (mean - value) ** 2 + 0.5 * math.log(2 * math.pi), axis=-1)
