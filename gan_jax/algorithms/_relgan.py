"""RelGAN: a generator of tokens that gradients pass by the Gumbel-softmax relaxation."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import prng
from gan_jax.algorithms._gan import plain, verdict
from gan_jax.algorithms._language_model import counted, language_model, likelihood_turn, unroll
from gan_jax.game import Aux, Game, Turn, View, apply, initialise
from gan_jax.losses import RELATIVISTIC, AdversarialLoss
from gan_jax.types import Array, Batch, PRNGKey, Variables


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

    def judge(view: View, x: Array, purpose: str) -> tuple[Array, Variables]:
        keys = prng.fold_in(prng.fold_in(view.keys, purpose), "discriminator")
        variables = view.players["discriminator"]
        return apply(discriminator, variables, x, None, train=True, keys=keys)

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        real, _ = judge(view, view.batch["x"], "real")
        fake, stats = judge(view, written(view), "fake")
        metrics = verdict("real", real) | verdict("fake", fake)
        metrics["logit_distance"] = jnp.mean(jnp.abs(real - fake))
        return jnp.mean(loss.discriminator(real, fake)), Aux(metrics, stats)

    def generator_loss(view: View) -> tuple[Array, Aux]:
        weights = written(view)
        real, fake = judge(view, view.batch["x"], "real")[0], judge(view, weights, "fake")[0]
        sureness = jnp.mean(jnp.max(weights, axis=-1))
        return jnp.mean(loss.generator(fake, real)), Aux({"largest_weight": sureness})

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        keys = prng.per_example(key, batch["x"].shape[0])
        critic = initialise(discriminator, discriminator_key, batch["x"], None, keys=keys)
        return {**game.init(generator_key, batch), "discriminator": critic}

    adversarial = lambda step: step >= pretrain
    return game._replace(
        init=init,
        turns=(
            likelihood_turn(generator, end, "likelihood", lambda step: step < pretrain),
            Turn(
                "discriminator",
                discriminator_loss,
                repeats=discriminator_repeats,
                when=adversarial,
            ),
            Turn("generator", generator_loss, when=adversarial),
        ),
    )
