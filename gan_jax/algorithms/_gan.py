"""The general GAN: any loss, penalties, terms, prior, architecture, conditioning, augmentation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import prng
from gan_jax.game import MEMORY, Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import NON_SATURATING, AdversarialLoss
from gan_jax.penalties import Penalty, vanishes
from gan_jax.priors import Prior
from gan_jax.types import Array, Batch, PRNGKey, UserError, Variables

Output = Any
"""Of a discriminator: logits, or a mapping with `logits` and whatever else it says. Of a generator:
samples, or a mapping with `x`."""


class Scene(NamedTuple):
    """What a term sees of a turn, when both nets have spoken.

    Attributes:
      view: the turn's.
      data: as D is given them, `[B, ...]`, but for augmentation.
      samples: likewise.
      made: G's whole output, samples or a mapping.
      real: D's output of data.
      fake: of samples.
      generate: `columns -> samples` under other inputs, such as `{"latent": ...}`, in place of the
        view's.
      judge: `x -> output`, of anything like data, each time under the same augmentation; with
        `columns` too under other inputs, such as a caption, in place of the view's.
    """

    view: View
    data: Array
    samples: Array
    made: Output
    real: Output
    fake: Output
    generate: Callable[[Batch], Array]
    judge: Callable[..., Output]


class Term(NamedTuple):
    """What either side minimises besides the adversarial loss.

    Attributes:
      name: of its metric, and of what it remembers.
      discriminator: `scene -> [B]` or a scalar, weight included; None for none.
      generator: likewise.
      memory: what it knows at first, where it remembers: the entry of its name in D's `memory`.
      update: `(memory, (real, fake), keys, step) -> memory`, of D's outputs on the whole batch; see
        `game.Turn`.
    """

    name: str
    discriminator: Callable[[Scene], Array] | None = None
    generator: Callable[[Scene], Array] | None = None
    memory: Any = None
    update: Callable[[Any, Any, PRNGKey, Array], Any] | None = None


class _Made(NamedTuple):
    """What G made: samples as anybody sees them, its statistics after them, its whole output."""

    samples: Array
    stats: Variables
    output: Output


def gan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    prior: Prior | Mapping[str, Prior],
    loss: AdversarialLoss = NON_SATURATING,
    penalties: Sequence[Penalty] = (),
    terms: Sequence[Term] = (),
    conditional: bool | str = False,
    augment: Callable[[PRNGKey, Array, View], Array] | None = None,
    top_share: float | Callable[[Array], Array] = 1.0,
    group: int = 1,
    observe: Callable[[PRNGKey, Array], Array] | None = None,
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
      generator: `(latent [B, Z], label, train) -> x [B, ...]`, or a mapping with `x` and what terms
        read.
      discriminator: `(x [B, ...], label, train) -> output`: logits [B], or [B, h, w] over patches;
        or a mapping with `logits` and what terms read.
      prior: of the latent; or several by name, which the generator sees side by side in the order
        of their names.
      loss: the adversarial loss.
      penalties: of the discriminator; a lazy one takes a turn of its own.
      terms: further ones of either side's loss.
      conditional: both nets are given the batch's `label` [B], or the column of this name, such as
        a caption [B, L], as their label.
      augment: `(keys [B], x, view) -> x`, differentiable: what the discriminator sees in place of
        data and samples alike.
      top_share: of a batch's samples, those that D takes for the most real, that the generator
        learns from, or a schedule (Top-k Training of GANs, Sinha et al., 2020, arXiv:2002.06224).
      group: so many consecutive examples stay together, for a discriminator that looks at several.
      observe: `(keys [B], samples) -> x`, differentiable, for data of which one has incomplete or
        noisy observations alone: samples are observed alike before anybody looks at them
        (AmbientGAN, Bora et al., 2018, openreview.net/forum?id=Hy7fDog0b).
      encode: what of the data's `x` the discriminator sees, such as one-hot vectors of tokens.
      decode: its inverse, of samples.
      discriminator_repeats: discriminator updates a step, each on fresh data.

    Returns:
      A game on batches of `x` [B, ...] and, when conditional, `label` [B].

    Raises:
      ValueError: where two terms have one name, one is called `penalty`, or one has a memory and no
        update, or an update and no memory.
      UserError: for a `top_share` that is not in (0, 1], and fewer `discriminator_repeats` than 1.
    """
    _check_terms(terms)
    if discriminator_repeats < 1:
        raise UserError(f"discriminator_repeats is {discriminator_repeats}: it must be at least 1")
    if not callable(top_share) and not 0 < top_share <= 1:
        raise UserError(f"top_share {top_share} is not in (0, 1]")
    priors = dict(prior) if isinstance(prior, Mapping) else {"latent": prior}
    remembering = {term.name: term for term in terms if term.update is not None}
    eager = [p for p in penalties if p.every == 1 and not vanishes(p.weight)]
    lazy = [p for p in penalties if p.every > 1 and not vanishes(p.weight)]
    condition = "label" if conditional is True else conditional or ""

    def label_of(batch: Batch) -> Array | None:
        return batch[condition] if condition else None

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        drawn = {name: p.sample(prng.fold_in(keys, name)) for name, p in priors.items()}
        return drawn | ({condition: batch[condition]} if condition else {})

    def latent_of(batch: Batch) -> Array:
        return jnp.concatenate([batch[name] for name in sorted(priors)], axis=-1)

    def generate(view: View) -> _Made:
        variables, keys = view.players["generator"], prng.fold_in(view.keys, "generator")
        latent, label = latent_of(view.batch), label_of(view.batch)
        output, stats = apply(generator, variables, latent, label, train=True, keys=keys)
        samples = samples_of(output)
        if observe is not None:
            samples = observe(prng.fold_in(view.keys, "observe"), samples)
        return _Made(samples, stats, output)

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

    def verdict_on(view: View, x: Array, purpose: str) -> Output:
        x, label, keys = seen(view, x, purpose)
        variables = view.players["discriminator"]
        return apply(discriminator, variables, x, label, train=True, keys=keys)[0]

    def penalised(view: View, some: Sequence[Penalty], real: Array, fake: Array) -> Array:
        keys = prng.fold_in(view.keys, "penalty")
        critic = lambda x: logits_of(verdict_on(view, x, "penalty"))
        values = [jnp.mean(p(critic, real, fake, keys, view.step)) for p in some]
        return sum(values, jnp.zeros(()))

    def added(
        view: View, side: str, data: Array, made: _Made, on_real: Output, on_fake: Output
    ) -> dict[str, Array]:
        """The terms of one side, by name."""

        def generate_from(columns: Batch) -> Array:
            return generate(view._replace(batch={**view.batch, **columns})).samples

        def judge_alone(x: Array, columns: Batch | None = None) -> Output:
            under = view._replace(batch={**view.batch, **(columns or {})})
            return verdict_on(under, x, "term")

        given = view, data, made.samples, made.output, on_real, on_fake
        scene = Scene(*given, generate_from, judge_alone)
        some = ((term.name, getattr(term, side)) for term in terms)
        return {name: jnp.mean(f(scene)) for name, f in some if f is not None}

    def remember(memory: Any, seen: Any, keys: PRNGKey, step: Array) -> Any:
        return {
            name: term.update(memory[name], seen, prng.fold_in(keys, name), step)
            for name, term in remembering.items()
            if term.update is not None
        }

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        real, made = encode(view.batch["x"]), generate(view)
        on_real, on_fake, stats = judge(view, real, made.samples)
        real_logits, fake_logits = logits_of(on_real), logits_of(on_fake)
        compared = _compared(loss, view, real_logits, fake_logits)
        total = jnp.mean(loss.discriminator(*_flipped(loss, view, *compared)))
        metrics = verdict("real", real_logits) | verdict("fake", fake_logits)
        metrics["logit_distance"] = jnp.mean(jnp.abs(real_logits - fake_logits))
        more = added(view, "discriminator", real, made, on_real, on_fake)
        if eager:
            more["penalty"] = penalised(view, eager, real, made.samples)
        each = lambda said: jnp.repeat(said, real.shape[0] // said.shape[0], axis=0)  # of a pack
        seen = jax.tree.map(each, (on_real, on_fake)) if remembering else None
        return sum(more.values(), total), Aux(metrics | more, stats, seen)

    def lazy_turn(penalty: Penalty) -> Turn:
        def penalty_loss(view: View) -> tuple[Array, Aux]:
            real, made = encode(view.batch["x"]), generate(view)
            return penalised(view, [penalty], real, made.samples), Aux({})

        due = lambda step: step % penalty.every == 0
        return Turn("discriminator", penalty_loss, name=penalty.name, when=due)

    def chosen(view: View, logits: Array) -> Array:
        """Weights of samples, of mean 1 over the batch: those that D takes for real alone."""
        share = top_share(jnp.asarray(view.step)) if callable(top_share) else top_share
        everyone = lax.stop_gradient(view.gather(logits))
        kept = lambda x: (x >= jnp.quantile(everyone, 1 - share)).astype(jnp.float32)
        return kept(logits) / jnp.mean(kept(everyone))

    def generator_loss(view: View) -> tuple[Array, Aux]:
        real, made = encode(view.batch["x"]), generate(view)
        on_real = verdict_on(view, real, "real")  # XLA drops it unless the loss or a term reads it
        on_fake = verdict_on(view, made.samples, "fake")
        fake_logits = logits_of(on_fake)
        real_compared, fake_compared = _compared(loss, view, logits_of(on_real), fake_logits)
        each = loss.generator(fake_compared, real_compared)
        total = jnp.mean(each if top_share == 1 else each * chosen(view, fake_logits))
        more = added(view, "generator", real, made, on_real, on_fake)
        return sum(more.values(), total), Aux(more, made.stats)

    def sample(players: Players, inputs: Batch) -> Array:
        latent, label = latent_of(inputs), label_of(inputs)
        made, _ = apply(generator, players["generator"], latent, label, train=False)
        return decode(samples_of(made))

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        whole = len(keys) // group * group
        if not whole:
            return {}
        batch, keys = jax.tree.map(lambda column: column[:whole], (dict(batch), keys))
        keys, label = prng.fold_in(keys, "discriminator"), label_of(batch)
        x, variables = encode(batch["x"]), players["discriminator"]
        output, _ = apply(discriminator, variables, x, label, train=False, keys=keys)
        return verdict("real", logits_of(output))

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        x, label = encode(batch["x"]), label_of(batch)
        keys = prng.per_example(key, x.shape[0])
        latent = latent_of(inputs(keys, batch))
        critic = initialise(discriminator, discriminator_key, x, label, keys=keys)
        memory = {name: term.memory for name, term in remembering.items()}
        return {
            "generator": initialise(generator, generator_key, latent, label, keys=keys),
            "discriminator": {**critic, MEMORY: memory} if memory else critic,
        }

    return Game(
        init=init,
        turns=(
            Turn(
                "discriminator",
                discriminator_loss,
                repeats=discriminator_repeats,
                update=remember if remembering else None,
            ),
            *map(lazy_turn, lazy),
            Turn("generator", generator_loss),
        ),
        inputs=inputs,
        sample=sample,
        conditions=(condition,) if condition else (),
        metrics=metrics,
        group=group,
        observed=observe is not None,
        generate=lambda players, inputs, keys: generate(View(players, inputs, keys))[:2],
    )


def _check_terms(terms: Sequence[Term]) -> None:
    names = [term.name for term in terms]
    if taken := {n for n in names if n == "penalty" or names.count(n) > 1}:
        raise ValueError(
            f"a term cannot be called {min(taken)!r}: its metric has that name already"
        )
    for term in terms:
        if (term.memory is None) != (term.update is None):
            raise ValueError(f"the term {term.name!r} has a memory or its update, and not both")


def plain(loss: AdversarialLoss) -> AdversarialLoss:
    """The loss, for games that take its two functions alone.

    Raises:
      UserError: for a relativistic average, and for flipped labels.
    """
    if loss.relative_to_mean or loss.flipped:
        raise UserError("this game takes no relativistic average, and no flipped labels")
    return loss


def logits_of(output: Output) -> Array:
    """A discriminator's logits, alone or among what else it says."""
    return output["logits"] if isinstance(output, Mapping) else output


def samples_of(output: Output) -> Array:
    """A generator's samples, alone or among what else it says."""
    return output["x"] if isinstance(output, Mapping) else output


def _compared(loss: AdversarialLoss, view: View, real: Array, fake: Array) -> tuple[Array, Array]:
    """Logits as the loss takes them."""
    if not loss.relative_to_mean:
        return real, fake
    real_mean, fake_mean = (jnp.mean(view.mean(logits)) for logits in (real, fake))
    return real - fake_mean, fake - real_mean


def _flipped(loss: AdversarialLoss, view: View, real: Array, fake: Array) -> tuple[Array, Array]:
    """Logits whose labels are exchanged in a share of the pairs."""
    if not loss.flipped:
        return real, fake
    drawn = prng.uniform(prng.fold_in(view.keys, "flip"), (1,) * (real.ndim - 1))
    flip = drawn[:: len(drawn) // len(real)] < loss.flipped  # by the first of a pack
    return jnp.where(flip, fake, real), jnp.where(flip, real, fake)


def verdict(name: str, logits: Array) -> dict[str, Array]:
    """The mean of D's logits, and of their signs: 1 where all are taken for real, -1 for none."""
    return {f"{name}_logit": jnp.mean(logits), f"{name}_sign": jnp.mean(jnp.sign(logits))}
