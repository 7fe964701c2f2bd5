"""pix2pix: translation from pairs, with dropout for noise."""

from collections import OrderedDict

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import NON_SATURATING, AdversarialLoss, absolute_error
from gan_jax.types import Array, Batch, PRNGKey, Variables


def pix2pix(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    loss: AdversarialLoss = NON_SATURATING,
    l1_weight: float = 100.0,
) -> Game:
    """A translator from `source` to `x` against a discriminator of pairs.

        D minimises E[l_D(D(s, x), D(s, G(s)))],
        G minimises E[l_G(D(s, G(s)))] + λ E|x - G(s)|.

    There is no latent: the noise is the generator's dropout, in sampling too.

    Image-to-Image Translation with Conditional Adversarial Networks, Isola et al., 2016,
    arXiv:1611.07004, eq. 4 and section 3.

    Args:
      generator: `(source [B, H, W, C'], label, train, keys [B]) -> x [B, H, W, C]`.
      discriminator: `(pair [B, H, W, C' + C], label, train) -> logits` [B] or [B, h, w].
      loss: the adversarial loss.
      l1_weight: λ of the paper, at least 0.

    Returns:
      A game on batches of `source` and `x`. A sample is a translation of `source`.
    """

    def translate(players: Players, inputs: Batch, *, train: bool) -> tuple[Array, Variables]:
        variables, source = players["generator"], inputs["source"]
        return apply(generator, variables, source, None, train=train, keys=inputs["noise"])

    def judge(view: View, variables: Variables, x: Array, purpose: str) -> tuple[Array, Variables]:
        pair = jnp.concatenate([view.batch["source"], x], axis=-1)
        keys = prng.fold_in(view.keys, purpose)
        return apply(discriminator, variables, pair, None, train=True, keys=keys)

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        variables = view.players["discriminator"]
        real_logits, stats = judge(view, variables, view.batch["x"], "real")
        fake, _ = translate(view.players, view.batch, train=True)
        fake_logits, stats = judge(view, {**variables, **stats}, fake, "fake")
        metrics = {"real_logit": jnp.mean(real_logits), "fake_logit": jnp.mean(fake_logits)}
        return jnp.mean(loss.discriminator(real_logits, fake_logits)), Aux(metrics, stats)

    def generator_loss(view: View) -> tuple[Array, Aux]:
        x, critic = view.batch["x"], view.players["discriminator"]
        fake, stats = translate(view.players, view.batch, train=True)
        fake_logits, _ = judge(view, critic, fake, "fake")
        real_logits, _ = judge(view, critic, x, "real")
        adversarial = jnp.mean(loss.generator(fake_logits, real_logits))
        l1 = jnp.mean(absolute_error(fake, x))
        return adversarial + l1_weight * l1, Aux({"adversarial": adversarial, "l1": l1}, stats)

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        return {"source": batch["source"], "noise": prng.fold_in(keys, "noise")}

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        fake, _ = translate(players, inputs(keys, batch), train=False)
        return {"l1": jnp.mean(absolute_error(fake, batch["x"]))}

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        fake, _ = translate(players, inputs(keys, batch), train=False)
        return OrderedDict(source=batch["source"], translation=fake, target=batch["x"])

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        source, x = batch["source"], batch["x"]
        keys = prng.per_example(key, x.shape[0])
        pair = jnp.concatenate([source, x], axis=-1)
        return {
            "generator": initialise(generator, generator_key, source, None, keys=keys),
            "discriminator": initialise(discriminator, discriminator_key, pair, None, keys=keys),
        }

    return Game(
        init=init,
        turns=(Turn("discriminator", discriminator_loss), Turn("generator", generator_loss)),
        inputs=inputs,
        sample=lambda players, inputs: translate(players, inputs, train=False)[0],
        conditions=("source",),
        metrics=metrics,
        show=show,
    )
