"""VAE/GAN: an autoencoder whose measure of likeness is what a discriminator sees."""

from collections import OrderedDict

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.algorithms._gan import Output, logits_of, plain
from gan_jax.algorithms._vae import draw
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import (
    NON_SATURATING,
    AdversarialLoss,
    absolute_error,
    gaussian_kl,
    gaussian_nll,
)
from gan_jax.types import Array, Batch, PRNGKey, Variables


def vae_gan(
    encoder: nn.Module,
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    latent_dim: int,
    loss: AdversarialLoss = NON_SATURATING,
    similarity_weight: float = 1.0,
) -> Game:
    """A VAE whose decoder is a GAN's generator, and whose likelihood lies in D's features.

    With a draw z of the posterior q(z | x), the reconstruction G(z), a sample G(z_p) at a draw of
    the standard normal prior, and the discriminator's features D_l:

        E minimises KL(q(z | x) || p(z)) + nll,    nll = -log N(D_l(x); D_l(G(z)), 1),
        G minimises γ nll + l_G(D(G(z)), D(x)) + l_G(D(G(z_p)), D(x)),
        D minimises l_D(D(x), D(G(z))) + l_D(D(x), D(G(z_p))).

    In the paper D's loss has the data's term once, here it is as heavy as that of both fakes. The
    players move one after the other, or all at once as in the paper where a step is simultaneous.

    Autoencoding beyond pixels using a learned similarity metric, Larsen et al., 2016,
    arXiv:1512.09300, algorithm 1.

    Args:
      encoder: `(x [B, ...], label, train) -> [B, 2 Z]`, mean and log-variance side by side.
      generator: `(latent [B, Z], label, train) -> x [B, ...]`.
      discriminator: `(x [B, ...], label, train) -> mapping` with `logits` and `features` [B, D].
      latent_dim: Z.
      loss: the adversarial loss.
      similarity_weight: γ of the paper, at least 0.

    Returns:
      A game on batches of `x` [B, ...].
    """
    loss = plain(loss)

    def infer(
        players: Players, x: Array, keys: PRNGKey, *, train: bool
    ) -> tuple[Array, Array, Variables]:
        """A draw of the posterior, its divergence from the prior, the encoder's statistics."""
        own = prng.fold_in(keys, "encoder")
        code, stats = apply(encoder, players["encoder"], x, None, train=train, keys=own)
        mean, log_variance = jnp.split(code, 2, axis=-1)
        latent, _ = draw(mean, log_variance, prng.fold_in(keys, "posterior"))
        return latent, gaussian_kl(mean, log_variance), stats

    def generate(
        variables: Variables, latent: Array, keys: PRNGKey | None, *, train: bool
    ) -> tuple[Array, Variables]:
        return apply(generator, variables, latent, None, train=train, keys=keys)

    def fakes(view: View) -> tuple[Array, Array, Variables]:
        """Reconstructions, samples, and the generator's statistics after both."""
        variables = view.players["generator"]
        latent, _, _ = infer(view.players, view.batch["x"], view.keys, train=True)
        keys = prng.fold_in(view.keys, "reconstruction")
        again, stats = generate(variables, latent, keys, train=True)
        keys, variables = prng.fold_in(view.keys, "sample"), {**variables, **stats}
        sample, stats = generate(variables, view.batch["latent"], keys, train=True)
        return again, sample, stats

    def judge(view: View, variables: Variables, x: Array, purpose: str) -> tuple[Output, Variables]:
        keys = prng.fold_in(view.keys, f"judge {purpose}")
        return apply(discriminator, variables, x, None, train=True, keys=keys)

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        variables = view.players["discriminator"]
        again, sample, _ = fakes(view)
        logits: dict[str, Array] = {}
        stats: Variables = {}
        for name, x in (("real", view.batch["x"]), ("reconstruction", again), ("sample", sample)):
            output, stats = judge(view, {**variables, **stats}, x, name)
            logits[name] = logits_of(output)
        each = (loss.discriminator(logits["real"], logits[n]) for n in ("reconstruction", "sample"))
        metrics = {f"{name}_logit": jnp.mean(value) for name, value in logits.items()}
        return sum(map(jnp.mean, each), jnp.zeros(())), Aux(metrics, stats)

    def unlikeness(view: View, again: Array) -> tuple[Array, Output, Output]:
        """Of reconstructions in D's features, in nats, and D's outputs on data and on them."""
        variables = view.players["discriminator"]
        real, _ = judge(view, variables, view.batch["x"], "real")
        fake, _ = judge(view, variables, again, "reconstruction")
        return jnp.mean(gaussian_nll(fake["features"], real["features"])), real, fake

    def encoder_loss(view: View) -> tuple[Array, Aux]:
        latent, divergence, stats = infer(view.players, view.batch["x"], view.keys, train=True)
        keys = prng.fold_in(view.keys, "reconstruction")
        again, _ = generate(view.players["generator"], latent, keys, train=True)
        kl, (nll, _, _) = jnp.mean(divergence), unlikeness(view, again)
        return kl + nll, Aux({"kl": kl, "feature_nll": nll}, stats)

    def generator_loss(view: View) -> tuple[Array, Aux]:
        again, sample, stats = fakes(view)
        nll, real, fake = unlikeness(view, again)
        sampled, _ = judge(view, view.players["discriminator"], sample, "sample")
        each = (loss.generator(logits_of(f), logits_of(real)) for f in (fake, sampled))
        adversarial = sum(map(jnp.mean, each), jnp.zeros(()))
        metrics = {"feature_nll": nll, "adversarial": adversarial}
        return similarity_weight * nll + adversarial, Aux(metrics, stats)

    def encode(players: Players, x: Array) -> Array:
        code, _ = apply(encoder, players["encoder"], x, None, train=False)
        return code[:, :latent_dim]

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        del batch
        return {"latent": prng.normal(prng.fold_in(keys, "latent"), (latent_dim,))}

    def sample(players: Players, inputs: Batch) -> Array:
        return generate(players["generator"], inputs["latent"], None, train=False)[0]

    def reconstruct(players: Players, x: Array, keys: PRNGKey) -> tuple[Array, Array]:
        latent, divergence, _ = infer(players, x, keys, train=False)
        return sample(players, {"latent": latent}), divergence

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        again, divergence = reconstruct(players, batch["x"], keys)
        return {"l1": jnp.mean(absolute_error(again, batch["x"])), "kl": jnp.mean(divergence)}

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        again, _ = reconstruct(players, batch["x"], keys)
        drawn = sample(players, inputs(keys, batch))
        return OrderedDict(input=batch["x"], reconstruction=again, sample=drawn)

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        encoder_key, generator_key, discriminator_key = jax.random.split(key, 3)
        x = batch["x"]
        keys = prng.per_example(key, x.shape[0])
        latent = jnp.zeros((x.shape[0], latent_dim))
        return {
            "encoder": initialise(encoder, encoder_key, x, None, keys=keys),
            "generator": initialise(generator, generator_key, latent, None, keys=keys),
            "discriminator": initialise(discriminator, discriminator_key, x, None, keys=keys),
        }

    return Game(
        init=init,
        turns=(
            Turn("discriminator", discriminator_loss),
            Turn("encoder", encoder_loss),
            Turn("generator", generator_loss),
        ),
        inputs=inputs,
        sample=sample,
        metrics=metrics,
        show=show,
        encode=encode,
    )
