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
      span: the lowest and the highest value between which each number by itself is led, to see what
        it does; None where numbers only mean something together.
    """

    dim: int
    sample: Callable[[PRNGKey], Array]
    nll: Callable[[Array, Array], Array]
    span: tuple[float, float] | None = None


def normal(dim: int, std: float = 1.0) -> Prior:
    """Normal of mean 0 and this standard deviation, which its span goes twice to either side.

    An output is the mean of a normal distribution of variance 1.
    """
    draw = lambda keys: std * prng.normal(keys, (dim,))
    return Prior(dim, draw, _unit_gaussian_nll, (-2 * std, 2 * std))


def uniform(dim: int, most: float = 1.0) -> Prior:
    """Uniform on [-most, most)^D; an output is the mean of a normal distribution of variance 1."""
    draw = lambda keys: most * (2 * prng.uniform(keys, (dim,)) - 1)
    return Prior(dim, draw, _unit_gaussian_nll, (-most, most))


def one_hot(classes: int) -> Prior:
    """Unit vectors, all as likely; an output is the logits of the classes."""

    def sample(keys: PRNGKey) -> Array:
        draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, classes))
        return jax.nn.one_hot(draw(keys), classes)

    return Prior(classes, sample, optax.softmax_cross_entropy)


def _unit_gaussian_nll(mean: Array, value: Array) -> Array:
    return jnp.sum(0.5 * (mean - value) ** 2 + 0.5 * math.log(2 * math.pi), axis=-1)
