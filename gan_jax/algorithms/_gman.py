"""GMAN: a generator against several discriminators."""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.algorithms._gan import Scene, Term, gan, logits_of
from gan_jax.game import Game
from gan_jax.losses import NON_SATURATING, AdversarialLoss
from gan_jax.nets.several import Ensemble
from gan_jax.types import Array


def gman(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    count: int,
    sharpness: float = 0.0,
    loss: AdversarialLoss = NON_SATURATING,
    **settings: Any,
) -> Game:
    """A GAN whose generator answers to several discriminators, each with a loss of its own.

        D_i minimises E[l_D(D_i(x), D_i(G(z)))],
        G minimises Σ_i w_i L_i,  L_i = E[l_G(D_i(G(z)))],  w = softmax(λ L).

    With λ = 0 it is their mean, with λ = ∞ the worst of them.

    Generative Multi-Adversarial Networks, Durugkar et al., 2017, arXiv:1611.01673, section 4.

    Args:
      generator: as `gan` takes it.
      discriminator: the architecture of each.
      count: of discriminators.
      sharpness: λ, from 0.
      loss: of each discriminator.
      **settings: as `gan` takes them.

    Returns:
      A game on batches of `x` [B, ...] and, when conditional, `label` [B].
    """

    def each_its_own(real_logits: Array, fake_logits: Array) -> Array:
        return count * loss.discriminator(real_logits, fake_logits)  # of whose mean each is a share

    def weighted(scene: Scene) -> Array:
        each = loss.generator(logits_of(scene.fake), logits_of(scene.real))  # [B, count]
        means = scene.view.mean(each)
        if math.isinf(sharpness):
            weights = jax.nn.one_hot(jnp.argmax(means), count)
        else:
            weights = jax.nn.softmax(sharpness * means)
        return each @ weights

    own = loss._replace(discriminator=each_its_own, generator=lambda fake, real: 0 * fake)
    terms = [Term("weighted", generator=weighted), *settings.pop("terms", ())]
    return gan(generator, Ensemble(discriminator, count), loss=own, terms=terms, **settings)
