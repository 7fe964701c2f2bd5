"""The variational autoencoder: one player, one turn."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise, join, part
from gan_jax.losses import bernoulli_nll, gaussian_kl, gaussian_nll
from gan_jax.types import Array, Batch, PRNGKey, Variables


class Likelihood(NamedTuple):
    """How a decoder's output, which may be a tree, describes an example, of pixels in [-1, 1].

    Attributes:
      nll: `(output, x) -> [B]`, nats per example.
      mean: `output -> x`, the expected example.
    """

    nll: Callable[[Any, Array], Array]
    mean: Callable[[Any], Array]


BERNOULLI = Likelihood(
    nll=lambda logits, x: bernoulli_nll(logits, (x + 1) / 2),
    mean=lambda logits: 2 * nn.sigmoid(logits) - 1,
)
"""Pixels as coins: the output is logits, a grey value is read as a probability."""


def gaussian(std: float) -> Likelihood:
    """Pixels as Gaussians of one fixed standard deviation: the output is their mean."""
    return Likelihood(
        nll=lambda output, x: gaussian_nll(output, x, std=std), mean=lambda output: output
    )


def vae(
    encoder: nn.Module,
    decoder: nn.Module,
    *,
    latent_dim: int,
    likelihood: Likelihood = BERNOULLI,
    beta: float = 1.0,
) -> Game:
    """A variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

    The one player is `vae`, with the nets `encoder` and `decoder`. It minimises
    `E_q[-log p(x | z)] + β KL(q(z | x) || p(z))`, for β = 1 minus the evidence lower bound.

    Auto-Encoding Variational Bayes, Kingma & Welling, 2013, arXiv:1312.6114; for β ≠ 1 beta-VAE,
    Higgins et al., 2017.

    Args:
      encoder: `(x [B, ...], label, train) -> [B, 2 Z]`, mean and log-variance side by side.
      decoder: `(latent [B, Z], label, train) -> output [B, ...]`, as the likelihood reads it.
      latent_dim: Z.
      likelihood: of an example given the decoder's output.
      beta: weight of the divergence, at least 0.

    Returns:
      A game on batches of `x` [B, ...].
    """

    def infer(
        players: Players, x: Array, keys: PRNGKey, *, train: bool
    ) -> tuple[Array, Array, Array, Variables]:
        """The decoder's output at one posterior sample, mean and log-variance, statistics."""
        mean, log_variance, encoder_stats = encode(encoder, players, x, keys, train=train)
        latent, _ = draw(mean, log_variance, prng.fold_in(keys, "posterior"))
        output, decoder_stats = decode(decoder, players, latent, keys, train=train)
        return output, mean, log_variance, join(encoder=encoder_stats, decoder=decoder_stats)

    def loss(view: View) -> tuple[Array, Aux]:
        x = view.batch["x"]
        output, mean, log_variance, stats = infer(view.players, x, view.keys, train=True)
        nll = jnp.mean(likelihood.nll(output, x))
        kl = jnp.mean(gaussian_kl(mean, log_variance))
        return nll + beta * kl, Aux({"reconstruction": nll, "kl": kl}, stats)

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        output, mean, log_variance, _ = infer(players, batch["x"], keys, train=False)
        nll = jnp.mean(likelihood.nll(output, batch["x"]))
        kl = jnp.mean(gaussian_kl(mean, log_variance))
        return {"elbo": -(nll + kl), "reconstruction": nll, "kl": kl}

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        output, *_ = infer(players, batch["x"], keys, train=False)
        return OrderedDict(
            input=batch["x"],
            reconstruction=likelihood.mean(output),
            sample=sample(players, inputs(keys, batch)),
        )

    def code(players: Players, x: Array) -> Array:
        return encode(encoder, players, x, None, train=False)[0]

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        del batch
        return {"latent": prng.normal(prng.fold_in(keys, "latent"), (latent_dim,))}

    def sample(players: Players, inputs: Batch) -> Array:
        output, _ = decode(decoder, players, inputs["latent"], None, train=False)
        return likelihood.mean(output)

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        encoder_key, decoder_key = jax.random.split(key)
        latent = jnp.zeros((batch["x"].shape[0], latent_dim))
        keys = prng.per_example(key, batch["x"].shape[0])
        return {
            "vae": join(
                encoder=initialise(encoder, encoder_key, batch["x"], None, keys=keys),
                decoder=initialise(decoder, decoder_key, latent, None, keys=keys),
            )
        }

    return Game(
        init=init,
        turns=(Turn("vae", loss),),
        inputs=inputs,
        sample=sample,
        sampler="vae",
        metrics=metrics,
        show=show,
        encode=code,
    )


def encode(
    encoder: nn.Module, players: Players, x: Array, keys: PRNGKey | None, *, train: bool
) -> tuple[Array, Array, Variables]:
    """The posterior's mean and log-variance, both [B, Z], and the encoder's statistics."""
    variables, keys = part(players["vae"], "encoder"), _own(keys, "encoder")
    code, stats = apply(encoder, variables, x, None, train=train, keys=keys)
    mean, log_variance = jnp.split(code, 2, axis=-1)
    return mean, log_variance, stats


def decode(
    decoder: nn.Module, players: Players, latent: Array, keys: PRNGKey | None, *, train: bool
) -> tuple[Array, Variables]:
    """The decoder's output at latents [B, Z], and its statistics."""
    variables, keys = part(players["vae"], "decoder"), _own(keys, "decoder")
    return apply(decoder, variables, latent, None, train=train, keys=keys)


def draw(mean: Array, log_variance: Array, keys: PRNGKey) -> tuple[Array, Array]:
    """A draw of a diagonal Gaussian, differentiable in both, and the noise it is made of."""
    noise = prng.normal(keys, mean.shape[1:])
    return mean + jnp.exp(0.5 * log_variance) * noise, noise


def _own(keys: PRNGKey | None, purpose: str) -> PRNGKey | None:
    return None if keys is None else prng.fold_in(keys, purpose)
