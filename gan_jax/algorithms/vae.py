"""The variational autoencoder: one player, one turn."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import keys as per_example
from gan_jax.game import Aux, Game, Players, Turn, apply, join, part
from gan_jax.losses import bernoulli_nll, gaussian_kl, gaussian_nll
from gan_jax.types import Array, Batch, PRNGKey, Variables

_PRIOR, _POSTERIOR = range(2)


class Likelihood(NamedTuple):
    """How a decoder's output describes an example in [-1, 1].

    Attributes:
      nll: `(output, x) -> [B]`, nats per example.
      mean: `output -> x`, the expected example, in [-1, 1].
    """

    nll: Callable[[Array, Array], Array]
    mean: Callable[[Array], Array]


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
        encoder_variables = part(players["vae"], "encoder")
        decoder_variables = part(players["vae"], "decoder")
        code, encoder_stats = apply(encoder, encoder_variables, x, None, train=train)
        mean, log_variance = jnp.split(code, 2, axis=-1)
        noise = per_example.normal(per_example.fold_in(keys, _POSTERIOR), (latent_dim,))
        latent = mean + jnp.exp(0.5 * log_variance) * noise
        output, decoder_stats = apply(decoder, decoder_variables, latent, None, train=train)
        return output, mean, log_variance, join(encoder=encoder_stats, decoder=decoder_stats)

    def loss(players: Players, batch: Batch, keys: PRNGKey) -> tuple[Array, Aux]:
        output, mean, log_variance, stats = infer(players, batch["x"], keys, train=True)
        nll = jnp.mean(likelihood.nll(output, batch["x"]))
        kl = jnp.mean(gaussian_kl(mean, log_variance))
        return nll + beta * kl, Aux({"reconstruction": nll, "kl": kl}, stats)

    def held_out(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        output, mean, log_variance, _ = infer(players, batch["x"], keys, train=False)
        nll = jnp.mean(likelihood.nll(output, batch["x"]))
        kl = jnp.mean(gaussian_kl(mean, log_variance))
        return {"elbo": -(nll + kl), "reconstruction": nll, "kl": kl}

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        output, *_ = infer(players, batch["x"], keys, train=False)
        return OrderedDict(
            input=batch["x"],
            reconstruction=likelihood.mean(output),
            sample=sample(players, prior(keys, batch)),
        )

    def prior(keys: PRNGKey, batch: Batch) -> dict[str, Array]:
        del batch
        return {"latent": per_example.normal(per_example.fold_in(keys, _PRIOR), (latent_dim,))}

    def sample(players: Players, inputs: Mapping[str, Array]) -> Array:
        variables = part(players["vae"], "decoder")
        output, _ = apply(decoder, variables, inputs["latent"], None, train=False)
        return likelihood.mean(output)

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        encoder_key, decoder_key = jax.random.split(key)
        latent = jnp.zeros((batch["x"].shape[0], latent_dim))
        return {
            "vae": join(
                encoder=encoder.init(encoder_key, batch["x"], None, train=True),
                decoder=decoder.init(decoder_key, latent, None, train=True),
            )
        }

    return Game(
        init=init,
        turns=(Turn("vae", loss),),
        prior=prior,
        sample=sample,
        sampler="vae",
        held_out=held_out,
        show=show,
    )
