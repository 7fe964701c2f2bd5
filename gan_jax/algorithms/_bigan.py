"""BiGAN and ALI: a generator and an encoder against a discriminator of pairs."""

from collections import OrderedDict

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.algorithms._gan import logits_of, plain
from gan_jax.algorithms._vae import draw
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import NON_SATURATING, AdversarialLoss, absolute_error
from gan_jax.priors import Prior
from gan_jax.types import Array, Batch, PRNGKey, Variables


def bigan(
    encoder: nn.Module,
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    prior: Prior,
    stochastic: bool = False,
    loss: AdversarialLoss = NON_SATURATING,
) -> Game:
    """A discriminator of examples with their codes from latents with their samples.

    With the logits `a = D(x, E(x))` and `b = D(G(z), z)`:

        D minimises E[l_D(a, b)],
        E and G minimise E[l_D(b, a)]: each pair is to be taken for one of the other kind.

    They are at rest only where the two kinds of pairs have one distribution, and then E inverts G.
    The loss is one that treats both signs alike, such as the non-saturating one or the hinge.

    Adversarial Feature Learning, Donahue et al., 2017, arXiv:1605.09782; where the encoder is
    stochastic Adversarially Learned Inference, Dumoulin et al., 2017, arXiv:1606.00704.

    Args:
      encoder: `(x [B, ...], label, train) -> code [B, Z]`; a stochastic one gives [B, 2 Z], mean
        and log-variance of a normal distribution side by side.
      generator: `(latent [B, Z], label, train) -> x [B, ...]`.
      discriminator: `(x [B, ...], latent [B, Z], train) -> logits [B]`, or a mapping with `logits`.
      prior: of the latent.
      stochastic: whether a code is a draw.
      loss: whose side of the discriminator is used.

    Returns:
      A game on batches of `x` [B, ...].
    """
    loss = plain(loss)

    def encode(players: Players, x: Array) -> Array:
        code, _ = apply(encoder, players["encoder"], x, None, train=False)
        return code[:, : prior.dim]

    def infer(view: View) -> tuple[Array, Variables]:
        keys, x = prng.fold_in(view.keys, "encoder"), view.batch["x"]
        code, stats = apply(encoder, view.players["encoder"], x, None, train=True, keys=keys)
        if stochastic:
            mean, log_variance = jnp.split(code, 2, axis=-1)
            code, _ = draw(mean, log_variance, prng.fold_in(view.keys, "posterior"))
        return code, stats

    def generate(view: View) -> tuple[Array, Variables]:
        keys, latent = prng.fold_in(view.keys, "generator"), view.batch["latent"]
        return apply(generator, view.players["generator"], latent, None, train=True, keys=keys)

    def judge(
        view: View, variables: Variables, x: Array, latent: Array, purpose: str
    ) -> tuple[Array, Variables]:
        keys = prng.fold_in(view.keys, purpose)
        output, stats = apply(discriminator, variables, x, latent, train=True, keys=keys)
        return logits_of(output), stats

    def judged(view: View, code: Array, fake: Array) -> tuple[Array, Array, Variables]:
        """The logits of both kinds of pairs, and D's statistics after them."""
        variables, batch = view.players["discriminator"], view.batch
        real_logits, stats = judge(view, variables, batch["x"], code, "real")
        variables = {**variables, **stats}
        fake_logits, stats = judge(view, variables, fake, batch["latent"], "fake")
        return real_logits, fake_logits, stats

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        real_logits, fake_logits, stats = judged(view, infer(view)[0], generate(view)[0])
        metrics = {"real_logit": jnp.mean(real_logits), "fake_logit": jnp.mean(fake_logits)}
        return jnp.mean(loss.discriminator(real_logits, fake_logits)), Aux(metrics, stats)

    def turn_of(player: str) -> Turn:
        def swapped(view: View) -> tuple[Array, Aux]:
            (code, encoder_stats), (fake, generator_stats) = infer(view), generate(view)
            real_logits, fake_logits, _ = judged(view, code, fake)
            stats = {"encoder": encoder_stats, "generator": generator_stats}[player]
            return jnp.mean(loss.discriminator(fake_logits, real_logits)), Aux({}, stats)

        return Turn(player, swapped)

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        del batch
        return {"latent": prior.sample(prng.fold_in(keys, "latent"))}

    def sample(players: Players, inputs: Batch) -> Array:
        return apply(generator, players["generator"], inputs["latent"], None, train=False)[0]

    def reconstruct(players: Players, x: Array) -> Array:
        return sample(players, {"latent": encode(players, x)})

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        """How far `G(E(x))` is from x, and `E(G(z))` from z."""
        latent = inputs(keys, batch)
        again = encode(players, sample(players, latent))
        return {
            "l1": jnp.mean(absolute_error(reconstruct(players, batch["x"]), batch["x"])),
            "latent_l1": jnp.mean(absolute_error(again, latent["latent"])),
        }

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        return OrderedDict(
            input=batch["x"],
            reconstruction=reconstruct(players, batch["x"]),
            sample=sample(players, inputs(keys, batch)),
        )

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        encoder_key, generator_key, discriminator_key = jax.random.split(key, 3)
        x = batch["x"]
        keys = prng.per_example(key, x.shape[0])
        latent = inputs(keys, batch)["latent"]
        return {
            "encoder": initialise(encoder, encoder_key, x, None, keys=keys),
            "generator": initialise(generator, generator_key, latent, None, keys=keys),
            "discriminator": initialise(discriminator, discriminator_key, x, latent, keys=keys),
        }

    return Game(
        init=init,
        turns=(Turn("discriminator", discriminator_loss), turn_of("encoder"), turn_of("generator")),
        inputs=inputs,
        sample=sample,
        metrics=metrics,
        show=show,
        encode=encode,
    )
