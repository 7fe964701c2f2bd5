"""The general GAN: any loss, penalties, architecture and conditioning."""

from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import keys as per_example
from gan_jax.game import Aux, Game, Players, Turn, apply
from gan_jax.losses import NON_SATURATING, AdversarialLoss
from gan_jax.penalties import Penalty
from gan_jax.types import Array, Batch, PRNGKey, Variables

_LATENT, _PENALTY = range(2)


def gan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    latent_dim: int,
    loss: AdversarialLoss = NON_SATURATING,
    penalties: Sequence[Penalty] = (),
    discriminator_repeats: int = 1,
    conditional: bool = False,
) -> Game:
    """A generator against a discriminator.

    The players are `generator` and `discriminator`, who moves first. The vanilla GAN, DCGAN, LSGAN,
    WGAN-GP, SN-GAN, the hinge GAN and R3GAN are settings of it, and conditional on labels each
    is a conditional GAN.

    Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661; Conditional
    Generative Adversarial Nets, Mirza & Osindero, 2014, arXiv:1411.1784.

    Args:
      generator: `(latent [B, Z], label, train) -> x [B, ...]`.
      discriminator: `(x [B, ...], label, train) -> logits` [B], or [B, h, w] over patches.
      latent_dim: Z, the dimension of the standard normal latent.
      loss: the adversarial loss.
      penalties: functions `(critic, real, fake, keys) -> [B]`, weight included, added to the
        discriminator's loss.
      discriminator_repeats: discriminator updates a step, each on fresh data.
      conditional: both nets are given the batch's `label` [B].

    Returns:
      A game on batches of `x` [B, ...] and, when conditional, `label` [B].
    """

    def label_of(batch: Mapping[str, Array]) -> Array | None:
        return batch["label"] if conditional else None

    def prior(keys: PRNGKey, batch: Batch) -> Mapping[str, Array]:
        if "latent" in batch:
            return batch
        latent = per_example.normal(per_example.fold_in(keys, _LATENT), (latent_dim,))
        return {"latent": latent} | ({"label": batch["label"]} if conditional else {})

    def generate(
        players: Players, inputs: Mapping[str, Array], *, train: bool
    ) -> tuple[Array, Variables]:
        variables = players["generator"]
        return apply(generator, variables, inputs["latent"], label_of(inputs), train=train)

    def judge_both(
        variables: Variables, real: Array, fake: Array, label: Array | None
    ) -> tuple[Array, Array, Variables]:
        """Real and fake in one pass, unless batch statistics would mix them."""
        if "batch_stats" in variables:
            params = variables["params"]
            real_logits, stats = apply(discriminator, variables, real, label, train=True)
            variables = {"params": params, **stats}
            fake_logits, stats = apply(discriminator, variables, fake, label, train=True)
            return real_logits, fake_logits, stats
        labels = None if label is None else jnp.concatenate([label, label])
        x = jnp.concatenate([real, fake])
        logits, stats = apply(discriminator, variables, x, labels, train=True)
        real_logits, fake_logits = jnp.split(logits, 2)
        return real_logits, fake_logits, stats

    def discriminator_loss(players: Players, batch: Batch, keys: PRNGKey) -> tuple[Array, Aux]:
        real, label = batch["x"], label_of(batch)
        fake, _ = generate(players, prior(keys, batch), train=True)
        variables = players["discriminator"]
        real_logits, fake_logits, stats = judge_both(variables, real, fake, label)
        total = jnp.mean(loss.discriminator(real_logits, fake_logits))
        metrics = _verdict("real", real_logits) | _verdict("fake", fake_logits)
        metrics["logit_distance"] = jnp.mean(jnp.abs(real_logits - fake_logits))

        def critic(x: Array) -> Array:
            return apply(discriminator, variables, x, label, train=True)[0]

        penalty_keys = per_example.fold_in(keys, _PENALTY)
        if penalties:
            terms = [jnp.mean(p(critic, real, fake, penalty_keys)) for p in penalties]
            metrics["penalty"] = sum(terms, jnp.zeros(()))
            total = total + metrics["penalty"]
        return total, Aux(metrics, stats)

    def generator_loss(players: Players, batch: Batch, keys: PRNGKey) -> tuple[Array, Aux]:
        label = label_of(batch)
        fake, stats = generate(players, prior(keys, batch), train=True)
        variables = players["discriminator"]
        fake_logits, _ = apply(discriminator, variables, fake, label, train=True)
        # XLA drops this pass unless the loss is a relativistic one.
        real_logits, _ = apply(discriminator, variables, batch["x"], label, train=True)
        return jnp.mean(loss.generator(fake_logits, real_logits)), Aux({}, stats)

    def held_out(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        variables = players["discriminator"]
        logits, _ = apply(discriminator, variables, batch["x"], label_of(batch), train=False)
        return _verdict("real", logits)

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        latent = jnp.zeros((batch["x"].shape[0], latent_dim))
        label = label_of(batch)
        return {
            "generator": generator.init(generator_key, latent, label, train=True),
            "discriminator": discriminator.init(discriminator_key, batch["x"], label, train=True),
        }

    return Game(
        init=init,
        turns=(
            Turn("discriminator", discriminator_loss, discriminator_repeats),
            Turn("generator", generator_loss),
        ),
        prior=prior,
        sample=lambda players, inputs: generate(players, inputs, train=False)[0],
        conditions=("label",) if conditional else (),
        prepare=lambda keys, batch: {**batch, **prior(keys, batch)},
        held_out=held_out,
    )


def _verdict(name: str, logits: Array) -> dict[str, Array]:
    """The mean of D's logits, and of their signs: 1 where all are taken for real, -1 for none."""
    return {f"{name}_logit": jnp.mean(logits), f"{name}_sign": jnp.mean(jnp.sign(logits))}
