"""GMAN: a generator against several discriminators."""

import math
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.algorithms._gan import Scene, Term, gan, logits_of
from gan_jax.game import Game
from gan_jax.losses import NON_SATURATING, AdversarialLoss
from gan_jax.nets.several import Ensemble
from gan_jax.penalties import Critic, Penalty
from gan_jax.types import Array, PRNGKey, UserError


def gman(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    count: int,
    sharpness: float = 0.0,
    loss: AdversarialLoss = NON_SATURATING,
    penalties: Sequence[Penalty] = (),
    **settings: Any,
) -> Game:
    """A GAN whose generator answers to several discriminators, each with a loss of its own.

        D_i minimises E[l_D(D_i(x), D_i(G(z)))] + its own penalties,
        G minimises Σ_i w_i L_i,  L_i = E[l_G(D_i(G(z)))],  w = softmax(λ L).

    With λ = 0 it is their mean, with λ = ∞ the worst of them.

    Generative Multi-Adversarial Networks, Durugkar et al., 2017, arXiv:1611.01673, section 4.

    Args:
      generator: as `gan` takes it.
      discriminator: the architecture of each.
      count: of discriminators.
      sharpness: λ, from 0.
      loss: of each discriminator, without means over a batch.
      penalties: of each discriminator.
      **settings: as `gan` takes them, without a `top_share`.

    Returns:
      A game on batches of `x` [B, ...] and, when conditional, `label` [B].

    Raises:
      UserError: for a sharpness or a count out of its range, a relativistic average loss, and a
        `top_share`.
    """
    if not sharpness >= 0 or count < 1:
        raise UserError(f"a sharpness of {sharpness} over {count} discriminators: from 0, and 1")
    if loss.relative_to_mean or "top_share" in settings:
        raise UserError("several discriminators take no relativistic average, and no top_share")

    def of_each(penalty: Penalty) -> Penalty:
        def function(critic: Critic, real: Array, fake: Array, keys: PRNGKey) -> Array:
            judges = [lambda x, i=i: critic(x)[..., i] for i in range(count)]
            return sum((penalty.function(d, real, fake, keys) for d in judges), jnp.zeros(()))

        return penalty._replace(function=function)

    def each_its_own(real_logits: Array, fake_logits: Array) -> Array:
        return count * loss.discriminator(real_logits, fake_logits)  # of whose mean each is a share

    def weighted(scene: Scene) -> Array:
        each = loss.generator(logits_of(scene.fake), logits_of(scene.real))  # [B, ..., count]
        means = jnp.mean(scene.view.mean(each).reshape(-1, count), axis=0)
        if math.isinf(sharpness):
            weights = jax.nn.one_hot(jnp.argmax(means), count)
        else:
            weights = jax.nn.softmax(sharpness * means)
        return each @ weights

    own = loss._replace(discriminator=each_its_own, generator=lambda fake, real: 0 * fake)
    terms = [Term("weighted", generator=weighted), *settings.pop("terms", ())]
    return gan(
        generator,
        Ensemble(discriminator, count),
        loss=own,
        terms=terms,
        penalties=[*map(of_each, penalties)],
        **settings,
    )
