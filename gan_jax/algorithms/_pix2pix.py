"""pix2pix and its kin: translation from pairs."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.algorithms._gan import Output, logits_of, plain
from gan_jax.algorithms.targets import L1, Target
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import NON_SATURATING, AdversarialLoss, matched_features, squared_error
from gan_jax.penalties import Weight, vanishes, weight_at
from gan_jax.types import Array, Batch, PRNGKey, Variables


class Comparison(NamedTuple):
    """A further term of the translator's loss, between a translation and what it is to be like.

    Attributes:
      name: of its metric.
      function: `(view, translation, x) -> [B]` of images as D sees them, weight included.
      player: the one without a turn that it looks at, such as a frozen net; "" for none.
      init: `(key, x) -> variables` of that player.
    """

    name: str
    function: Callable[[View, Array, Array], Array]
    player: str = ""
    init: Callable[[PRNGKey, Array], Variables] | None = None


def perceptual(
    net: nn.Module,
    weight: Weight = 1.0,
    *,
    distance: Callable[[Array, Array], Array] = squared_error,
    maps: Sequence[str] = (),
    source: bool = False,
    variables: Variables | None = None,
    name: str = "perceptual",
    player: str = "perceptual",
) -> Comparison:
    """The distance of two images in the maps of a frozen net, a player that takes no turn.

    Perceptual Losses for Real-Time Style Transfer and Super-Resolution, Johnson et al., 2016,
    arXiv:1603.08155, section 3.2.

    Args:
      net: `(x [B, H, W, C], label, train) -> maps`, one or a mapping of them by name.
      weight: of the sum over the maps, or a schedule.
      distance: `(maps, maps) -> [B]`, such as `losses.gram_distance` for their style.
      maps: which of them; all if none is named.
      source: whether the translation is compared with its source, and not with `x`.
      variables: of the net; initial ones if None, or those that a run is started with.
      name: of the metric.
      player: the net's; several terms may share it.
    """

    def maps_of(players: Players, x: Array) -> Mapping[str, Array]:
        found, _ = apply(net, players[player], x, None, train=False)
        return found if isinstance(found, Mapping) else {"": found}

    def compare(view: View, translation: Array, x: Array) -> Array:
        other = view.batch["source"] if source else x
        mine, theirs = maps_of(view.players, translation), maps_of(view.players, other)
        total = sum((distance(mine[n], theirs[n]) for n in maps or mine), jnp.zeros(()))
        return weight_at(weight, view.step) * total

    def init(key: PRNGKey, x: Array) -> Variables:
        if variables is None:
            return initialise(net, key, x, None)
        return jax.tree.map(jnp.asarray, variables)

    return Comparison(name, compare, player, init)


def pix2pix(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    target: Target = L1,
    loss: AdversarialLoss = NON_SATURATING,
    adversarial: Weight = 1.0,
    error: Weight = 100.0,
    matching: Weight = 0.0,
    comparisons: Sequence[Comparison] = (),
    conditional: bool = True,
    beside: int = -1,
    encode: Callable[[Array], Array] = lambda source: source,
) -> Game:
    """A translator from `source` to `x` against a discriminator of pairs, or of `x` alone.

        D minimises E[l_D(D(s, x), D(s, G(s)))],
        G minimises α E[l_G(D(s, G(s)))] + λ E[error(G(s), x)] + μ E[matching] + comparisons,

    summed over discriminators where D is several. There is no latent: the noise is the generator's
    dropout, in sampling too. With other targets and weights it is semantic segmentation, inpainting
    by a context encoder, colourisation, super-resolution, of sound a vocoder or, of
    the frames that follow others, prediction. D rests in steps where α is 0.

    Image-to-Image Translation with Conditional Adversarial Networks, Isola et al., 2016,
    arXiv:1611.07004, eq. 4 and section 3.

    Args:
      generator: `(source [B, h, w, C'], label, train, keys [B]) -> output`, as the target reads it.
      discriminator: `(pair [B, H, W, C' + C], label, train) -> logits`, [B] or [B, h, w] or a tree
        of such; or a mapping with `logits` and, for `matching`, `features`, a tree of [B, ...].
        Without the source if it is not conditional.
      target: what an output stands for; by default an image, compared by L1.
      loss: the adversarial loss.
      adversarial: α, at least 0, or a schedule: a function of the step.
      error: λ of the paper, likewise.
      matching: μ, likewise, of `losses.matched_features`.
      comparisons: further terms, such as `perceptual`.
      conditional: whether D sees the source too, which must then be of the translation's size but
        along `beside`.
      beside: the axis along which D sees source and translation as one: the channels', or the
        time's (1) where films are continued.
      encode: the source as nets are shown it, such as one-hot maps of its classes.

    Returns:
      A game on batches of `source` and `x`. A sample is a translation of `source`.
    """
    loss = plain(loss)

    def run(players: Players, inputs: Batch, *, train: bool) -> tuple[Array, Variables]:
        variables, source = players["generator"], encode(inputs["source"])
        return apply(generator, variables, source, None, train=train, keys=inputs["noise"])

    def pair(source: Array, image: Array) -> Array:
        return jnp.concatenate([encode(source), image], axis=beside) if conditional else image

    def judge(
        view: View, variables: Variables, image: Array, purpose: str
    ) -> tuple[Output, Variables]:
        keys = prng.fold_in(view.keys, purpose)
        x = pair(view.batch["source"], image)
        return apply(discriminator, variables, x, None, train=True, keys=keys)

    def both(view: View) -> tuple[Array, Array, Array, Variables]:
        """The generator's output, both images as D sees them, the generator's statistics."""
        output, stats = run(view.players, view.batch, train=True)
        fake = target.see(output, view.batch["source"])
        return output, target.encode(view.batch["x"]), fake, stats

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        variables = view.players["discriminator"]
        _, real, fake, _ = both(view)
        on_real, stats = judge(view, variables, real, "real")
        on_fake, stats = judge(view, {**variables, **stats}, fake, "fake")
        logits = {"real": logits_of(on_real), "fake": logits_of(on_fake)}
        metrics = {f"{n}_logit": _mean(x) for n, x in logits.items()}
        return _summed(loss.discriminator, *logits.values()), Aux(metrics, stats)

    def generator_loss(view: View) -> tuple[Array, Aux]:
        critic = view.players["discriminator"]
        output, real, fake, stats = both(view)
        distance = jnp.mean(target.error(output, view.batch["x"], view.batch["source"]))
        metrics = {target.name: distance}
        total = weight_at(error, view.step) * distance
        for comparison in comparisons:
            value = jnp.mean(comparison.function(view, fake, real))
            metrics[comparison.name], total = value, total + value
        if not vanishes(adversarial):
            on_fake, _ = judge(view, critic, fake, "fake")
            on_real, _ = judge(view, critic, real, "real")
            value = _summed(loss.generator, logits_of(on_fake), logits_of(on_real))
            total += weight_at(adversarial, view.step) * value
            metrics["adversarial"] = value
            if not vanishes(matching):
                value = jnp.mean(matched_features(on_real["features"], on_fake["features"]))
                total += weight_at(matching, view.step) * value
                metrics["matched_features"] = value
        return total, Aux(metrics, stats)

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        return {"source": batch["source"], "noise": prng.fold_in(keys, "noise")}

    def sample(players: Players, inputs: Batch) -> Array:
        return target.decode(run(players, inputs, train=False)[0], inputs["source"])

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        output, _ = run(players, inputs(keys, batch), train=False)
        return {target.name: jnp.mean(target.error(output, batch["x"], batch["source"]))}

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        translation = sample(players, inputs(keys, batch))
        return OrderedDict(source=batch["source"], translation=translation, target=batch["x"])

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        source, x = batch["source"], target.encode(batch["x"])
        keys, shown = prng.per_example(key, x.shape[0]), pair(source, x)
        made = {c.player: c.init for c in comparisons if c.init is not None}
        return {
            "generator": initialise(generator, generator_key, encode(source), None, keys=keys),
            "discriminator": initialise(discriminator, discriminator_key, shown, None, keys=keys),
            **{name: init(prng.fold_in(key, name), x) for name, init in made.items()},
        }

    when = (lambda step: adversarial(step) > 0) if callable(adversarial) else None
    against = (
        () if vanishes(adversarial) else (Turn("discriminator", discriminator_loss, when=when),)
    )
    return Game(
        init=init,
        turns=(*against, Turn("generator", generator_loss)),
        inputs=inputs,
        sample=sample,
        conditions=("source",),
        metrics=metrics,
        show=show,
    )


def _summed(loss: Callable[[Array, Array], Array], a: Any, b: Any) -> Array:
    """The sum, over the leaves of two trees of logits, of mean losses."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum((jnp.mean(loss(*pair)) for pair in pairs), jnp.zeros(()))


def _mean(tree: Any) -> Array:
    """The mean, over the leaves of a tree of logits, of their means."""
    return jnp.mean(jnp.stack([jnp.mean(leaf) for leaf in jax.tree.leaves(tree)]))
