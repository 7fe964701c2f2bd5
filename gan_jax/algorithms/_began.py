"""BEGAN: a discriminator that reconstructs, and a controller that keeps the game in balance."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.game import MEMORY, Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import absolute_error
from gan_jax.priors import Prior
from gan_jax.types import Array, Batch, PRNGKey, Variables


def began(
    generator: nn.Module,
    autoencoder: nn.Module,
    *,
    prior: Prior,
    balance: float = 0.5,
    gain: float = 0.001,
) -> Game:
    """A generator against an autoencoder, whose reconstruction errors are matched.

    With `L(v) = |v - D(v)|`, the mean over an example's elements:

        D minimises L(x) - k L(G(z)),
        G minimises L(G(z)),
        k ← k + λ (γ E[L(x)] - E[L(G(z))]), kept in [0, 1] and 0 at first.

    `convergence`, `L(x) + |γ L(x) - L(G(z))|`, falls as samples get better.

    BEGAN: Boundary Equilibrium Generative Adversarial Networks, Berthelot et al., 2017,
    arXiv:1703.10717, section 3.3 and 3.4.

    Args:
      generator: `(latent [B, Z], label, train) -> x [B, ...]`.
      autoencoder: the discriminator, `(x [B, ...], label, train) -> x' [B, ...]`.
      prior: of the latent.
      balance: γ of the paper, in [0, 1]: lower favours quality, higher diversity.
      gain: λ of the paper, of the controller.

    Returns:
      A game on batches of `x` [B, ...].
    """

    def generate(view: View) -> tuple[Array, Variables]:
        latent, keys = view.batch["latent"], prng.fold_in(view.keys, "generator")
        return apply(generator, view.players["generator"], latent, None, train=True, keys=keys)

    def error(view: View, variables: Variables, x: Array, purpose: str) -> tuple[Array, Variables]:
        keys = prng.fold_in(view.keys, purpose)
        output, stats = apply(autoencoder, variables, x, None, train=True, keys=keys)
        return absolute_error(output, x), stats

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        variables = view.players["discriminator"]
        k = variables[MEMORY]["k"]
        real, stats = error(view, variables, view.batch["x"], "real")
        fake, stats = error(view, {**variables, **stats}, generate(view)[0], "fake")
        mean_real, mean_fake = view.mean((real, fake))
        metrics = {
            "real_error": jnp.mean(real),
            "fake_error": jnp.mean(fake),
            "k": k,
            "convergence": mean_real + jnp.abs(balance * mean_real - mean_fake),
        }
        return jnp.mean(real) - k * jnp.mean(fake), Aux(metrics, stats, (real, fake))

    def update(memory: dict, seen: tuple[Array, Array], keys: PRNGKey, step: Array) -> dict:
        del keys, step
        real, fake = map(jnp.mean, seen)
        return {"k": jnp.clip(memory["k"] + gain * (balance * real - fake), 0.0, 1.0)}

    def generator_loss(view: View) -> tuple[Array, Aux]:
        fake, stats = generate(view)
        errors, _ = error(view, view.players["discriminator"], fake, "fake")
        return jnp.mean(errors), Aux({}, stats)

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        del batch
        return {"latent": prior.sample(prng.fold_in(keys, "latent"))}

    def sample(players: Players, inputs: Batch) -> Array:
        return apply(generator, players["generator"], inputs["latent"], None, train=False)[0]

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        keys = prng.per_example(key, batch["x"].shape[0])
        latent = inputs(keys, {})["latent"]
        critic = initialise(autoencoder, discriminator_key, batch["x"], None, keys=keys)
        return {
            "generator": initialise(generator, generator_key, latent, None, keys=keys),
            "discriminator": {**critic, MEMORY: {"k": jnp.zeros(())}},
        }

    return Game(
        init=init,
        turns=(
            Turn("discriminator", discriminator_loss, update=update),
            Turn("generator", generator_loss),
        ),
        inputs=inputs,
        sample=sample,
    )
