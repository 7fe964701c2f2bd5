"""f-GAN: adversarial losses whose optimum is a chosen f-divergence.

For convex f with f(1) = 0, `D_f(P || Q) = E_Q[f(p / q)]` is the largest value of

    E_P[T] - E_Q[f*(T)],    f* the convex conjugate of f,

over functions T. A discriminator's logits v are unbounded; an activation `T = g(v)`, increasing,
leads them into the domain of f*.

f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization, Nowozin et
al., 2016, arXiv:1606.00709, tables 1, 2 and 6.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import chex
import jax.numpy as jnp
from jax.nn import softplus

from gan_jax.losses.adversarial import AdversarialLoss
from gan_jax.types import Array


class FDivergence(NamedTuple):
    """An f-divergence as a bound on it that logits give.

    Attributes:
      activation: `v -> T = g(v)`.
      conjugate: `v -> f*(g(v))`, the two composed in closed form.
    """

    activation: Callable[[Array], Array]
    conjugate: Callable[[Array], Array]

    def bound(self, real_logits: Array, fake_logits: Array) -> Array:
        """`T(real) - f*(T(fake))`, whose mean is at most the divergence of data from samples."""
        chex.assert_equal_shape([real_logits, fake_logits])
        return self.activation(real_logits) - self.conjugate(fake_logits)

    def loss(self, *, saturating: bool = False) -> AdversarialLoss:
        """The losses of a game over it.

        The discriminator raises the bound. The generator maximises `E[T(fake)]`, as in section 3.2
        and algorithm 1 of the paper; `saturating` has it lower the bound itself, `-E[f*(T(fake))]`.
        """

        def generator(fake_logits: Array, real_logits: Array | None = None) -> Array:
            del real_logits
            return -self.conjugate(fake_logits) if saturating else -self.activation(fake_logits)

        return AdversarialLoss(lambda real, fake: -self.bound(real, fake), generator)


def _same(v: Array) -> Array:
    return v


KL = FDivergence(_same, lambda v: jnp.exp(v - 1))
"""`f(u) = u log u`, the Kullback-Leibler divergence KL(P || Q)."""

REVERSE_KL = FDivergence(lambda v: -jnp.exp(-v), lambda v: v - 1)
"""`f(u) = -log u`, KL(Q || P)."""

PEARSON = FDivergence(_same, lambda v: 0.25 * v**2 + v)
"""`f(u) = (u - 1)²`, Pearson's χ²."""

SQUARED_HELLINGER = FDivergence(lambda v: -jnp.expm1(-v), jnp.expm1)
"""`f(u) = (√u - 1)²`."""

JENSEN_SHANNON = FDivergence(
    lambda v: math.log(2) - softplus(-v), lambda v: softplus(v) - math.log(2)
)
"""`f(u) = u log u - (u + 1) log((u + 1) / 2)`, twice the Jensen-Shannon divergence."""

GAN = FDivergence(lambda v: -softplus(-v), softplus)
"""`f(u) = u log u - (u + 1) log(u + 1)`: the original GAN, `2 JS - log 4`. Here f(1) is not 0."""

TOTAL_VARIATION = FDivergence(lambda v: 0.5 * jnp.tanh(v), lambda v: 0.5 * jnp.tanh(v))
"""`f(u) = |u - 1| / 2`; the bound is flat where the discriminator is sure."""
