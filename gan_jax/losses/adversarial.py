"""Adversarial losses: what the discriminator and the generator minimise, given logits.

All functions are elementwise. Logits are unbounded reals of any shape, `[B]` from an ordinary
discriminator, `[B, h, w]` from one that judges patches; the loss has the same shape, unreduced.
A discriminator loss takes `(real_logits, fake_logits)`. A generator loss takes
`(fake_logits, real_logits)`, of which only the relativistic ones read the second.

With the logit `l = log D - log(1 - D)` the terms of the log-likelihood are `-log D = softplus(-l)`
and `-log(1 - D) = softplus(l)`, exact and finite at any `l`, with a gradient down to the
smallest float32, at |l| of about 88.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
from jax.nn import relu, softplus

from gan_jax.types import Array


class AdversarialLoss(NamedTuple):
    """What each side of the game minimises.

    Attributes:
      discriminator: `(real_logits, fake_logits) -> loss`.
      generator: `(fake_logits, real_logits) -> loss`.
      relative_to_mean: whether both take logits less the mean logit of the other side, over the
        whole batch: `D(real) - E[D(fake)]` and `D(fake) - E[D(real)]`.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[[Array, Array], Array]
    relative_to_mean: bool = False


def minimax_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
    """`-log D(real) - log(1 - D(fake))`, at least 0; `2 log 2` where D knows nothing.

    Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661, eq. 1.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return softplus(-real_logits) + softplus(fake_logits)


def minimax_generator_loss(fake_logits: Array, real_logits: Array | None = None) -> Array:
    """`log(1 - D(fake))`, at most 0: the zero-sum game, whose gradient vanishes when D wins.

    Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661, eq. 1.
    """
    del real_logits
    return -softplus(fake_logits)


non_saturating_discriminator_loss = minimax_discriminator_loss


def non_saturating_generator_loss(fake_logits: Array, real_logits: Array | None = None) -> Array:
    """`-log D(fake)`, at least 0: strong gradients where D rejects the samples.

    Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661, section 3.
    """
    del real_logits
    return softplus(-fake_logits)


def least_squares_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
    """`(D(real) - 1)² / 2 + D(fake)² / 2`, at least 0; the logits are used as they are.

    Least Squares Generative Adversarial Networks, Mao et al., 2017, arXiv:1611.04076, eq. 9.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return 0.5 * (real_logits - 1) ** 2 + 0.5 * fake_logits**2


def least_squares_generator_loss(fake_logits: Array, real_logits: Array | None = None) -> Array:
    """`(D(fake) - 1)² / 2`, at least 0.

    Least Squares Generative Adversarial Networks, Mao et al., 2017, arXiv:1611.04076, eq. 9.
    """
    del real_logits
    return 0.5 * (fake_logits - 1) ** 2


def hinge_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
    """`max(0, 1 - D(real)) + max(0, 1 + D(fake))`, at least 0; 2 where D knows nothing.

    Geometric GAN, Lim & Ye, 2017, arXiv:1705.02894; Spectral Normalization for Generative
    Adversarial Networks, Miyato et al., 2018, arXiv:1802.05957, eq. 16.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return relu(1 - real_logits) + relu(1 + fake_logits)


def hinge_generator_loss(fake_logits: Array, real_logits: Array | None = None) -> Array:
    """`-D(fake)`, unbounded: the generator's side of the hinge game.

    Spectral Normalization for Generative Adversarial Networks, Miyato et al., 2018,
    arXiv:1802.05957, eq. 17.
    """
    del real_logits
    return -fake_logits


def wasserstein_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
    """`D(fake) - D(real)`, unbounded: minus the critic's estimate of the Wasserstein-1 distance.

    The estimate holds for a 1-Lipschitz critic only, so pair it with a penalty.

    Wasserstein GAN, Arjovsky et al., 2017, arXiv:1701.07875, eq. 2.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return fake_logits - real_logits


wasserstein_generator_loss = hinge_generator_loss


def relativistic_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
    """`-log σ(D(real) - D(fake))` over pairs, at least 0; `log 2` where D knows nothing.

    The relativistic discriminator, Jolicoeur-Martineau, 2018, arXiv:1807.00734; with R1 and R2
    the loss of R3GAN, Huang et al., 2024, arXiv:2501.05441.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return softplus(fake_logits - real_logits)


def relativistic_generator_loss(fake_logits: Array, real_logits: Array | None = None) -> Array:
    """`-log σ(D(fake) - D(real))` over pairs, at least 0.

    The relativistic discriminator, Jolicoeur-Martineau, 2018, arXiv:1807.00734.

    Raises:
      ValueError: without `real_logits`, which this loss cannot do without.
    """
    if real_logits is None:
        raise ValueError("the relativistic generator loss compares with real_logits: pass them")
    return softplus(real_logits - fake_logits)


MINIMAX = AdversarialLoss(minimax_discriminator_loss, minimax_generator_loss)
NON_SATURATING = AdversarialLoss(non_saturating_discriminator_loss, non_saturating_generator_loss)
LEAST_SQUARES = AdversarialLoss(least_squares_discriminator_loss, least_squares_generator_loss)
HINGE = AdversarialLoss(hinge_discriminator_loss, hinge_generator_loss)
WASSERSTEIN = AdversarialLoss(wasserstein_discriminator_loss, wasserstein_generator_loss)
RELATIVISTIC = AdversarialLoss(relativistic_discriminator_loss, relativistic_generator_loss)


def relativistic_average(loss: AdversarialLoss) -> AdversarialLoss:
    """The relativistic average form of a loss: data are to look more real than samples on average.

    With f the loss of the discriminator, it minimises `f(C(real), C(fake))` and the generator
    `f(C(fake), C(real))`, where C is the logit less the mean logit of the other side.

    For losses that treat both signs alike, such as the logistic one and the hinge; least squares
    would need the targets 1 and -1.

    The relativistic discriminator, Jolicoeur-Martineau, 2018, arXiv:1807.00734, eq. 7 and 8.
    """
    return AdversarialLoss(loss.discriminator, loss.discriminator, relative_to_mean=True)


RELATIVISTIC_AVERAGE = relativistic_average(NON_SATURATING)
