"""The importance weighted autoencoder: a VAE under a bound of several samples."""

import math
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import logsumexp

from gan_jax import prng
from gan_jax.algorithms._vae import BERNOULLI, Likelihood, decode, draw, encode, vae
from gan_jax.game import Aux, Game, Players, Turn, View, join
from gan_jax.types import Array, Batch, PRNGKey, UserError, Variables


def iwae(
    encoder: nn.Module,
    decoder: nn.Module,
    *,
    latent_dim: int,
    samples: int,
    likelihood: Likelihood = BERNOULLI,
    doubly_reparameterised: bool = False,
) -> Game:
    """A VAE that maximises a bound of K samples, tighter than the evidence lower bound.

    The bound is

        E[log (1 / K) Σ_k w_k],  w_k = p(x, z_k) / q(z_k | x),  z_k drawn from q(z | x).

    It rises with K to `log p(x)`. At K = 1 it is in expectation the evidence lower bound, whose
    divergence is then one of the draw, not of the closed form. Player and nets are those of `vae`.

    Importance Weighted Autoencoders, Burda, Grosse & Salakhutdinov, 2016, arXiv:1509.00519, eq. 8.

    As K grows the encoder's gradient drowns in its noise. Reparameterised once more it is

        E[Σ_k (w_k / Σ w)² ∂log w_k/∂z_k ∂z_k/∂φ],

    in whose log w_k the moments of q stand still: the same in expectation, and 0 at every draw
    where q is the true posterior. The decoder's gradient is what it was.

    Doubly Reparameterized Gradient Estimators, Tucker et al., 2019, arXiv:1810.04152, eq. 8.

    Args:
      encoder: as `vae` takes it.
      decoder: as `vae` takes it; it decodes all the samples of a batch at once.
      latent_dim: Z.
      samples: K, at least 1.
      likelihood: of an example given the decoder's output.
      doubly_reparameterised: whether the encoder learns from the second gradient.

    Returns:
      A game on batches of `x` [B, ...]. Among its figures is the bound on any data, in nats.

    Raises:
      UserError: for fewer samples than one.
    """
    if samples < 1:
        raise UserError(f"a bound of {samples} samples: it takes at least 1")
    game = vae(encoder, decoder, latent_dim=latent_dim, likelihood=likelihood)
    log_importance = log_importance_weights(encoder, decoder, likelihood=likelihood)
    weigh = partial(_weigh, decoder, likelihood)

    def loss(view: View) -> tuple[Array, Aux]:
        x, players = view.batch["x"], view.players
        mean, log_variance, encoder_stats = encode(encoder, players, x, view.keys, train=True)
        each = lambda leaf: jnp.repeat(leaf, samples, axis=0)  # [B, ...] to [B K, ...]
        keys = _split(view.keys, samples).reshape(-1)
        x, mean, log_variance = map(each, (x, mean, log_variance))
        latent, noise = draw(mean, log_variance, keys)
        of = partial(weigh, players, x, keys=keys, train=True)
        log_weights, decoder_stats = of(latent, noise, log_variance)
        if doubly_reparameterised:
            mean, log_variance = lax.stop_gradient((mean, log_variance))
            shares = nn.softmax(lax.stop_gradient(log_weights.reshape(-1, samples)))
            latent = _weakened(latent, shares.reshape(-1, 1))
            noise = (latent - mean) * jnp.exp(-0.5 * log_variance)
            log_weights, decoder_stats = of(latent, noise, log_variance)
        value = -jnp.mean(_bound(log_weights.reshape(-1, samples)))
        return value, Aux({}, join(encoder=encoder_stats, decoder=decoder_stats))

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        assert game.metrics is not None
        log_weights = log_importance(players, batch["x"], keys, samples)
        found = game.metrics(players, batch, keys)
        return {"bound": jnp.mean(_bound(log_weights.T)), **found}

    return game._replace(turns=(Turn("vae", loss),), metrics=metrics)


def log_importance_weights(
    encoder: nn.Module, decoder: nn.Module, *, likelihood: Likelihood = BERNOULLI
) -> Callable[[Players, Array, PRNGKey, int], Array]:
    """What `metrics.importance_weighted_bound` reads of a game `vae` or `iwae` of these nets.

    Importance Weighted Autoencoders, Burda, Grosse & Salakhutdinov, 2016, arXiv:1509.00519.

    Args:
      encoder: as the game takes it; so are `decoder` and `likelihood`.
      decoder: with outputs as the likelihood reads them.
      likelihood: of an example given the decoder's output.

    Returns:
      `(players, x [B, ...], keys [B], samples) -> log p(x, z) - log q(z | x)`, `[samples, B]` in
      nats, each z drawn from q. They are decoded B at a time; `samples` is static under jit.
    """

    def log_weights(players: Players, x: Array, keys: PRNGKey, samples: int) -> Array:
        mean, log_variance, _ = encode(encoder, players, x, keys, train=False)

        def of_one(keys: PRNGKey) -> Array:
            drawn = (*draw(mean, log_variance, keys), log_variance)
            return _weigh(decoder, likelihood, players, x, *drawn, keys=keys, train=False)[0]

        return lax.map(of_one, _split(keys, samples).T)

    return log_weights


def _weigh(
    decoder: nn.Module,
    likelihood: Likelihood,
    players: Players,
    x: Array,
    latent: Array,
    noise: Array,
    log_variance: Array,
    *,
    keys: PRNGKey,
    train: bool,
) -> tuple[Array, Variables]:
    """`log p(x, z) - log q(z | x)` [B] of a latent z each, and the decoder's statistics.

    The noise is what z is off q's mean, in its standard deviations.
    """
    output, stats = decode(decoder, players, latent, keys, train=train)
    # log p(z) - log q(z | x): the two Gaussians' constants cancel.
    ratio = 0.5 * jnp.sum(noise**2 + log_variance - latent**2, axis=-1)
    return ratio - likelihood.nll(output, x), stats


@jax.custom_gradient
def _weakened(latent: Array, share: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """The latent as it is, whose gradient is multiplied by a share that has none."""
    return latent, lambda gradient: (share * gradient, jnp.zeros_like(share))


def _bound(log_weights: Array) -> Array:
    """Of log-weights [B, K] the bound [B]."""
    return logsumexp(log_weights, axis=-1) - math.log(log_weights.shape[-1])


def _split(keys: PRNGKey, samples: int) -> PRNGKey:
    """Keys [B, K] of an example's draws."""
    split = lambda key: jax.random.split(key, samples)
    return jax.vmap(split)(prng.fold_in(keys, "posterior"))
