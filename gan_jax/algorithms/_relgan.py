"""RelGAN: a generator of tokens that gradients pass by the Gumbel-softmax relaxation."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import prng
from gan_jax.algorithms._gan import plain
from gan_jax.algorithms._language_model import (
    counted,
    discriminator_turn,
    init_with,
    judge,
    language_model,
    unroll,
)
from gan_jax.game import Aux, Game, Turn, View
from gan_jax.losses import RELATIVISTIC, AdversarialLoss
from gan_jax.types import Array, PRNGKey


def relgan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    length: int,
    sharpness: Callable[[Array], Array],
    pretrain: int = 0,
    temperature: float = 1.0,
    end: int | None = None,
    loss: AdversarialLoss = RELATIVISTIC,
    discriminator_repeats: int = 1,
) -> Game:
    """A generator of sequences, of which the discriminator sees what is nearly one-hot.

    For `pretrain` steps the generator is a `language_model`; then

        D minimises E[l_D(D(x), D(y))],  G minimises E[l_G(D(y), D(x))],
        y_t = softmax(β (o_t + g_t)),

    where o_t are the generator's logits after the tokens `argmax(o + g)` of the places before, and
    g_t standard Gumbel noise: the argmax is distributed as the logits say, and a gradient passes y
    at each place. The larger the sharpness β, the nearer y is to that token, and the noisier the
    gradient.

    RelGAN: Relational Generative Adversarial Networks for Text Generation, Nie, Narodytska & Patel,
    2019, openreview.net/forum?id=rJedV3R5tm; whose generator is a relational memory, where here it
    is any net. Categorical Reparameterization with Gumbel-Softmax, Jang, Gu & Poole, 2017,
    arXiv:1611.01144.

    Args:
      generator: one of `nets.sequences` that writes.
      discriminator: `(x, label, train) -> logits` [B], or [B, R] of R judgements, of x tokens
        [B, L] or weights [B, L, V].
      length: L, of a sequence.
      sharpness: β by step.
      pretrain: steps of maximum likelihood.
      temperature: as `language_model` takes it.
      end: likewise.
      loss: the adversarial loss, of each judgement.
      discriminator_repeats: discriminator updates a step, each on fresh data.

    Returns:
      A game of `generator` and `discriminator` on batches of `x` [B, L], int32.

    Raises:
      UserError: the temperature is not above 0, or the loss is relative to a mean or flips labels.
    """
    game = language_model(generator, length=length, temperature=temperature, end=end)
    loss = plain(loss)

    def written(view: View) -> Array:
        """Weights [B, L, V], nearly one-hot."""
        beta = sharpness(jnp.asarray(view.step))
        keys = prng.fold_in(view.keys, "gumbel")
        each = jax.vmap(lambda key: jax.random.split(key, length))(keys)

        def follow(logits: Array, keys: PRNGKey) -> tuple[Array, tuple[Array, Array]]:
            noise = jax.vmap(lambda key: jax.random.gumbel(key, logits.shape[1:]))(keys)
            tokens = jnp.argmax(lax.stop_gradient(logits) + noise, axis=-1)
            return tokens, (tokens, jax.nn.softmax(beta * (logits + noise)))

        tokens, weights = unroll(generator, view.players["generator"], each, follow)
        if end is None:
            return weights
        ended = jax.nn.one_hot(end, weights.shape[-1])
        return jnp.where(counted(tokens, end)[..., None] > 0, weights, ended[None, None])

    def generator_loss(view: View) -> tuple[Array, Aux]:
        weights = written(view)
        real, _ = judge(discriminator, view, view.batch["x"], "real")
        fake, _ = judge(discriminator, view, weights, "fake")
        sureness = jnp.mean(jnp.max(weights, axis=-1))
        return jnp.mean(loss.generator(fake, real)), Aux({"largest_weight": sureness})

    adversarial = lambda step: step >= pretrain
    return game._replace(
        init=init_with(game, discriminator),
        turns=(
            game.turns[0]._replace(name="likelihood", when=lambda step: step < pretrain),
            discriminator_turn(
                discriminator,
                loss,
                written,
                repeats=discriminator_repeats,
                when=adversarial,
            ),
            Turn("generator", generator_loss, when=adversarial),
        ),
    )
