"""SeqGAN: a generator of tokens, that no gradient passes, by policy gradient."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import prng
from gan_jax.algorithms._gan import plain
from gan_jax.algorithms._language_model import (
    by_quantile,
    counted,
    discriminator_turn,
    init_with,
    language_model,
    token_nll,
    write,
)
from gan_jax.game import Aux, Game, Turn, View, apply
from gan_jax.losses import NON_SATURATING
from gan_jax.types import Array, UserError


def seqgan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    length: int,
    rollouts: int,
    pretrain: int = 0,
    warm_up: int = 0,
    temperature: float = 1.0,
    end: int | None = None,
    discriminator_repeats: int = 1,
) -> Game:
    """A generator of sequences that is rewarded for what the discriminator takes for real.

    For `pretrain` steps the generator is a `language_model`; for `warm_up` more the discriminator
    learns alone; then, y a sequence of the generator's,

        D minimises E[softplus(-D(x)) + softplus(D(y))],
        G minimises -E[Σ_t (Q_t - b_t) log p(y_t | y_1 .. y_{t-1})],
        Q_t = mean of σ(D(y_1 .. y_t, what G writes after)) over so many rollouts,

    Q_L of the whole sequence itself, and neither Q nor b differentiated. The baseline b_t is the
    batch's mean of Q_t, which the paper does without. Rollouts are the newest generator's.

    SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient, Yu, Zhang, Wang & Yu, 2017,
    arXiv:1609.05473, algorithm 1.

    Args:
      generator: one of `nets.sequences` that writes.
      discriminator: `(x [B, L], label, train) -> logits` [B].
      length: L, of a sequence.
      rollouts: of each place, at least 1; a step writes (L - 1) times as many batches.
      pretrain: steps of maximum likelihood.
      warm_up: steps of the discriminator alone after these.
      temperature: as `language_model` takes it.
      end: likewise.
      discriminator_repeats: discriminator updates a step, each on fresh data.

    Returns:
      A game of `generator` and `discriminator` on batches of `x` [B, L], int32.

    Raises:
      UserError: there are no rollouts, or the temperature is not above 0.
    """
    if rollouts < 1:
        raise UserError(f"{rollouts} rollouts tell nothing: take 1 or more")
    game = language_model(generator, length=length, temperature=temperature, end=end)
    loss, start = plain(NON_SATURATING), pretrain + warm_up

    def written(view: View) -> Array:
        return write(
            generator, view.players["generator"], view.batch["uniform"], by_quantile(), end=end
        )

    def reward(view: View, x: Array) -> Array:
        """Of sequences [N, L] the probability [N] that they are real, without dropout."""
        variables = view.players["discriminator"]
        return jax.nn.sigmoid(apply(discriminator, variables, x, None, train=False)[0])

    def values(view: View, y: Array) -> Array:
        """Q [B, L] of each place."""
        repeated = jnp.repeat(y, rollouts, axis=0)

        def value(given: Array) -> Array:
            keys = prng.fold_in(view.keys, "rollout")
            keys = jax.vmap(jax.random.fold_in, (0, None))(keys, given)
            noise = prng.uniform(keys, (rollouts, length)).reshape(-1, length)
            ended = write(
                generator,
                view.players["generator"],
                noise,
                by_quantile(),
                end=end,
                given=(repeated, given),
            )
            return jnp.mean(reward(view, ended).reshape(-1, rollouts), axis=1)

        before = lax.map(value, jnp.arange(1, length))
        return jnp.concatenate([before.T, reward(view, y)[:, None]], axis=1)

    def policy_loss(view: View) -> tuple[Array, Aux]:
        y = lax.stop_gradient(written(view))
        q = lax.stop_gradient(values(view, y))
        log_p = -token_nll(generator, view.players["generator"], y)
        gain = (q - view.mean(q)[None]) * counted(y, end) * log_p
        return -jnp.mean(jnp.sum(gain, axis=1)), Aux({"reward": jnp.mean(q[:, -1])})

    return game._replace(
        init=init_with(game, discriminator),
        turns=(
            game.turns[0]._replace(name="likelihood", when=lambda step: step < pretrain),
            discriminator_turn(
                discriminator,
                loss,
                written,
                repeats=discriminator_repeats,
                when=lambda step: step >= pretrain,
            ),
            Turn("generator", policy_loss, when=lambda step: step >= start),
        ),
    )
