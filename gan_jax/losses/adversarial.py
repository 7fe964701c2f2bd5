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
from functools import partial
from typing import NamedTuple

import chex
from jax.nn import relu, softplus

from gan_jax.types import Array, UserError


class AdversarialLoss(NamedTuple):
    """What each side of the game minimises.

    Attributes:
      discriminator: `(real_logits, fake_logits) -> loss`.
      generator: `(fake_logits, real_logits) -> loss`.
      relative_to_mean: whether both take logits less the mean logit of the other side, over the
        whole batch: `D(real) - E[D(fake)]` and `D(fake) - E[D(real)]`.
      flipped: the share of pairs whose labels are exchanged for the discriminator, at random.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[[Array, Array], Array]
    relative_to_mean: bool = False
    flipped: float = 0.0


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


def least_squares_discriminator_loss(
    real_logits: Array, fake_logits: Array, *, real: float = 1.0, fake: float = 0.0
) -> Array:
    """`(D(real) - b)² / 2 + (D(fake) - a)² / 2`, at least 0; the logits are used as they are.

    Least Squares Generative Adversarial Networks, Mao et al., 2017, arXiv:1611.04076, eq. 2, by
    default in the coding of eq. 9.

    Args:
      real_logits: any shape.
      fake_logits: the same.
      real: b, what is wanted of data.
      fake: a, what is wanted of samples.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return 0.5 * (real_logits - real) ** 2 + 0.5 * (fake_logits - fake) ** 2


def least_squares_generator_loss(
    fake_logits: Array, real_logits: Array | None = None, *, target: float = 1.0
) -> Array:
    """`(D(fake) - c)² / 2`, at least 0, with the target c.

    Least Squares Generative Adversarial Networks, Mao et al., 2017, arXiv:1611.04076, eq. 2.
    """
    del real_logits
    return 0.5 * (fake_logits - target) ** 2


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
LEAST_SQUARES_SIGNED = AdversarialLoss(
    partial(least_squares_discriminator_loss, fake=-1.0), least_squares_generator_loss
)
"""The coding a = -1, b = c = 1."""
LEAST_SQUARES_PEARSON = AdversarialLoss(
    partial(least_squares_discriminator_loss, fake=-1.0),
    partial(least_squares_generator_loss, target=0.0),
)
"""The coding a = -1, b = 1, c = 0 of eq. 8: Pearson's χ² of `p_real + p_fake` from `2 p_fake`."""
HINGE = AdversarialLoss(hinge_discriminator_loss, hinge_generator_loss)
WASSERSTEIN = AdversarialLoss(wasserstein_discriminator_loss, wasserstein_generator_loss)
RELATIVISTIC = AdversarialLoss(relativistic_discriminator_loss, relativistic_generator_loss)


NONE = AdversarialLoss(lambda real, fake: 0 * real, lambda fake, real: 0 * fake)
"""Nothing: for games of which terms say it all."""


def relativistic_average(loss: AdversarialLoss) -> AdversarialLoss:
    """The relativistic average form of a loss: data are to look more real than samples on average.

    With f the loss of the discriminator, it minimises `f(C(real), C(fake))` and the generator
    `f(C(fake), C(real))`, where C is the logit less the mean logit of the other side.

    For losses that treat both signs alike: the logistic one, the hinge and `LEAST_SQUARES_SIGNED`.

    The relativistic discriminator, Jolicoeur-Martineau, 2018, arXiv:1807.00734, eq. 7 and 8.
    """
    return loss._replace(generator=loss.discriminator, relative_to_mean=True)


RELATIVISTIC_AVERAGE = relativistic_average(NON_SATURATING)
RELATIVISTIC_AVERAGE_LEAST_SQUARES = relativistic_average(LEAST_SQUARES_SIGNED)
RELATIVISTIC_AVERAGE_HINGE = relativistic_average(HINGE)


def label_smoothing(real: float = 0.9, fake: float = 0.0) -> AdversarialLoss:
    """The non-saturating pair whose discriminator is trained on probabilities in place of labels.

    `-E_real[α log D + (1 - α) log(1 - D)] - E_fake[β log D + (1 - β) log(1 - D)]`; one-sided
    smoothing leaves β at 0, since else D would support the samples of today where no data are.

    Improved Techniques for Training GANs, Salimans et al., 2016, arXiv:1606.03498, section 3.4.

    Args:
      real: α in [0, 1], the probability given for data.
      fake: β in [0, 1], for samples.

    Raises:
      UserError: one is no probability.
    """
    if not (0 <= real <= 1 and 0 <= fake <= 1):
        raise UserError(f"labels {real} and {fake} are no probabilities")

    def discriminator(real_logits: Array, fake_logits: Array) -> Array:
        chex.assert_equal_shape([real_logits, fake_logits])
        loss = softplus(-real_logits) + (1 - real) * real_logits
        return loss + softplus(fake_logits) - fake * fake_logits

    return AdversarialLoss(discriminator, non_saturating_generator_loss)


def label_flipping(loss: AdversarialLoss, share: float) -> AdversarialLoss:
    """A loss whose discriminator finds the labels of a share of the pairs, in [0, 1), exchanged.

    How to Train a GAN?, Chintala et al., 2016, github.com/soumith/ganhacks, point 6.

    Raises:
      UserError: the share is not in [0, 1).
    """
    if not 0 <= share < 1:
        raise UserError(f"a share {share} of flipped labels is not in [0, 1)")
    return loss._replace(flipped=share)


def energy_margin(margin: float) -> AdversarialLoss:
    """EBGAN's loss of energies `E(x) = -D(x)`: `E(real) + max(0, m - E(fake))` against `E(fake)`.

    Energy-based Generative Adversarial Network, Zhao et al., 2017, arXiv:1609.03126, eq. 1 and 2.

    Args:
      margin: m, positive: samples of a higher energy are left alone.

    Raises:
      UserError: it is not positive.
    """
    if not margin > 0:
        raise UserError(f"the margin {margin} of energies is not above 0")

    def discriminator(real_logits: Array, fake_logits: Array) -> Array:
        chex.assert_equal_shape([real_logits, fake_logits])
        return relu(margin + fake_logits) - real_logits

    return AdversarialLoss(discriminator, hinge_generator_loss)
