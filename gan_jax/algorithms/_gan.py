"""The general GAN: any loss, penalties, terms, prior, architecture, conditioning, augmentation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.game import MEMORY, Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import NON_SATURATING, AdversarialLoss
from gan_jax.penalties import Penalty
from gan_jax.priors import Prior
from gan_jax.types import Array, Batch, PRNGKey, Variables

Output = Any
"""Of a discriminator: logits, or a mapping with `logits` and whatever else it says."""


class Term(NamedTuple):
    """What either side minimises besides the adversarial loss.

    Attributes:
      name: of its metric.
      discriminator: `(view, real, fake) -> [B]`, weight included, of D's outputs; None for none.
      generator: likewise.
    """

    name: str
    discriminator: Callable[[View, Output, Output], Array] | None = None
    generator: Callable[[View, Output, Output], Array] | None = None


def gan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    prior: Prior | Mapping[str, Prior],
    loss: AdversarialLoss = NON_SATURATING,
    penalties: Sequence[Penalty] = (),
    terms: Sequence[Term] = (),
    conditional: bool = False,
    augment: Callable[[PRNGKey, Array, View], Array] | None = None,
    memory: Any = None,
    update: Callable[[Any, Any, PRNGKey, Array], Any] | None = None,
    encode: Callable[[Array], Array] = lambda x: x,
    decode: Callable[[Array], Array] = lambda x: x,
    discriminator_repeats: int = 1,
) -> Game:
    """A generator against a discriminator.

    The players are `generator` and `discriminator`, who moves first:

        D minimises E[l_D(D(x), D(G(z)))] + penalties + terms,
        G minimises E[l_G(D(G(z)), D(x))] + terms.

    The vanilla GAN, DCGAN, LSGAN, WGAN-GP, SN-GAN, the hinge GAN and R3GAN are settings of it, and
    conditional on labels each is a conditional GAN.

    Generative Adversarial Networks, Goodfellow et al., 2014, arXiv:1406.2661; Conditional
    Generative Adversarial Nets, Mirza & Osindero, 2014, arXiv:1411.1784.

    Args:
      generator: `(latent [B, Z], label, train) -> x [B, ...]`.
      discriminator: `(x [B, ...], label, train) -> output`: logits [B], or [B, h, w] over patches;
        or a mapping with `logits` and what terms read.
      prior: of the latent; or several by name, which the generator sees side by side in the order
        of their names.
      loss: the adversarial loss.
      penalties: of the discriminator; a lazy one takes a turn of its own.
      terms: further ones of either side's loss.
      conditional: both nets are given the batch's `label` [B].
      augment: `(keys [B], x, view) -> x`, differentiable: what the discriminator sees in place of
        data and samples alike.
      memory: the discriminator's at first, where it has one, such as the probability that an
        adaptive augmentation reads of its view.
      update: `(memory, (real, fake), keys, step) -> memory`, of D's outputs on the whole batch; see
        `game.Turn`.
      encode: what of the data's `x` the discriminator sees, such as one-hot vectors of tokens.
      decode: its inverse, of samples.
      discriminator_repeats: discriminator updates a step, each on fresh data.

    Returns:
      A game on batches of `x` [B, ...] and, when conditional, `label` [B].
    """
    priors = dict(prior) if isinstance(prior, Mapping) else {"latent": prior}
    eager = [p for p in penalties if p.every == 1 and not _vanishes(p)]
    lazy = [p for p in penalties if p.every > 1 and not _vanishes(p)]

    def label_of(batch: Batch) -> Array | None:
        return batch["label"] if conditional else None

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        drawn = {name: p.sample(prng.fold_in(keys, name)) for name, p in priors.items()}
        return drawn | ({"label": batch["label"]} if conditional else {})

    def latent_of(batch: Batch) -> Array:
        return jnp.concatenate([batch[name] for name in sorted(priors)], axis=-1)

    def generate(view: View) -> tuple[Array, Variables]:
        variables, keys = view.players["generator"], prng.fold_in(view.keys, "generator")
        latent, label = latent_of(view.batch), label_of(view.batch)
        return apply(generator, variables, latent, label, train=True, keys=keys)

    def seen(view: View, x: Array, purpose: str) -> tuple[Array, Array | None, PRNGKey]:
        """What D is given of data or samples, and the keys for its own draws."""
        keys = prng.fold_in(view.keys, purpose)
        if augment is not None:
            x = augment(prng.fold_in(keys, "augment"), x, view)
        return x, label_of(view.batch), prng.fold_in(keys, "discriminator")

    def judge(view: View, real: Array, fake: Array) -> tuple[Output, Output, Variables]:
        """Real and fake in one pass, unless batch statistics would mix them."""
        variables = view.players["discriminator"]
        each = [seen(view, x, name) for x, name in ((real, "real"), (fake, "fake"))]
        if "batch_stats" in variables:
            outputs = []
            for x, label, keys in each:
                output, stats = apply(discriminator, variables, x, label, train=True, keys=keys)
                variables = {**variables, **stats}
                outputs.append(output)
            return outputs[0], outputs[1], stats
        x, label, keys = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), *each)
        both, stats = apply(discriminator, variables, x, label, train=True, keys=keys)
        halves = [jax.tree.map(lambda leaf, i=i: jnp.split(leaf, 2)[i], both) for i in range(2)]
        return halves[0], halves[1], stats

    def critic_of(view: View, purpose: str) -> Callable[[Array], Array]:
        def critic(x: Array) -> Array:
            x, label, keys = seen(view, x, purpose)
            variables = view.players["discriminator"]
            output, _ = apply(discriminator, variables, x, label, train=True, keys=keys)
            return logits_of(output)

        return critic

    def penalised(view: View, some: Sequence[Penalty], real: Array, fake: Array) -> Array:
        keys = prng.fold_in(view.keys, "penalty")
        critic = critic_of(view, "penalty")
        values = [jnp.mean(p(critic, real, fake, keys, view.step)) for p in some]
        return sum(values, jnp.zeros(()))

    def added(view: View, side: str, real: Output, fake: Output) -> dict[str, Array]:
        """The terms of one side, by name."""
        some = ((term.name, getattr(term, side)) for term in terms)
        return {name: jnp.mean(f(view, real, fake)) for name, f in some if f is not None}

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        real, (fake, _) = encode(view.batch["x"]), generate(view)
        outputs = judge(view, real, fake)
        real_logits, fake_logits = map(logits_of, outputs[:2])
        total = jnp.mean(loss.discriminator(*_compared(loss, view, real_logits, fake_logits)))
        metrics = _verdict("real", real_logits) | _verdict("fake", fake_logits)
        metrics["logit_distance"] = jnp.mean(jnp.abs(real_logits - fake_logits))
        more = added(view, "discriminator", *outputs[:2])
        if eager:
            more["penalty"] = penalised(view, eager, real, fake)
        seen = None if update is None else outputs[:2]
        return sum(more.values(), total), Aux(metrics | more, outputs[2], seen)

    def lazy_turn(penalty: Penalty) -> Turn:
        def penalty_loss(view: View) -> tuple[Array, Aux]:
            real, (fake, _) = encode(view.batch["x"]), generate(view)
            return penalised(view, [penalty], real, fake), Aux({})

        due = lambda step: step % penalty.every == 0
        return Turn("discriminator", penalty_loss, name=penalty.name, when=due)

    def generator_loss(view: View) -> tuple[Array, Aux]:
        fake, stats = generate(view)
        variables = view.players["discriminator"]
        each = {"real": encode(view.batch["x"]), "fake": fake}
        outputs = {}
        for name, x in each.items():
            # XLA drops the pass over data unless the loss or a term reads it.
            x, label, keys = seen(view, x, name)
            outputs[name], _ = apply(discriminator, variables, x, label, train=True, keys=keys)
        compared = _compared(loss, view, *(logits_of(outputs[n]) for n in ("real", "fake")))
        total = jnp.mean(loss.generator(*compared[::-1]))
        more = added(view, "generator", outputs["real"], outputs["fake"])
        return sum(more.values(), total), Aux(more, stats)

    def sample(players: Players, inputs: Batch) -> Array:
        latent, label = latent_of(inputs), label_of(inputs)
        return decode(apply(generator, players["generator"], latent, label, train=False)[0])

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        keys, label = prng.fold_in(keys, "discriminator"), label_of(batch)
        x, variables = encode(batch["x"]), players["discriminator"]
        output, _ = apply(discriminator, variables, x, label, train=False, keys=keys)
        return _verdict("real", logits_of(output))

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        x, label = encode(batch["x"]), label_of(batch)
        keys = prng.per_example(key, x.shape[0])
        latent = latent_of(inputs(keys, batch))
        critic = initialise(discriminator, discriminator_key, x, label, keys=keys)
        return {
            "generator": initialise(generator, generator_key, latent, label, keys=keys),
            "discriminator": critic if memory is None else {**critic, MEMORY: memory},
        }

    return Game(
        init=init,
        turns=(
            Turn("discriminator", discriminator_loss, repeats=discriminator_repeats, update=update),
            *map(lazy_turn, lazy),
            Turn("generator", generator_loss),
        ),
        inputs=inputs,
        sample=sample,
        conditions=("label",) if conditional else (),
        metrics=metrics,
    )


def logits_of(output: Output) -> Array:
    """A discriminator's logits, alone or among what else it says."""
    return output["logits"] if isinstance(output, Mapping) else output


def _vanishes(penalty: Penalty) -> bool:
    return not callable(penalty.weight) and penalty.weight == 0


def _compared(loss: AdversarialLoss, view: View, real: Array, fake: Array) -> tuple[Array, Array]:
    """Logits as the loss takes them."""
    if not loss.relative_to_mean:
        return real, fake
    real_mean, fake_mean = (jnp.mean(view.mean(logits)) for logits in (real, fake))
    return real - fake_mean, fake - real_mean


def _verdict(name: str, logits: Array) -> dict[str, Array]:
    """The mean of D's logits, and of their signs: 1 where all are taken for real, -1 for none."""
    return {f"{name}_logit": jnp.mean(logits), f"{name}_sign": jnp.mean(jnp.sign(logits))}
