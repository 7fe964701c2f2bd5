"""CycleGAN: translation between two domains from unpaired examples."""

from collections import OrderedDict

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.game import Aux, Game, Players, Turn, apply, join, part
from gan_jax.losses import LEAST_SQUARES, AdversarialLoss, absolute_error
from gan_jax.types import Array, Batch, PRNGKey, Variables


def cyclegan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    loss: AdversarialLoss = LEAST_SQUARES,
    cycle_weight: float = 10.0,
    identity_weight: float = 5.0,
) -> Game:
    """Two translators, `ab` and `ba`, against two discriminators, `a` and `b`.

    The generators minimise the adversarial losses of both directions, plus
    `cycle_weight (|ba(ab(a)) - a| + |ab(ba(b)) - b|)`, plus
    `identity_weight (|ba(a) - a| + |ab(b) - b|)`.
    Every network is its own copy of the architecture given. The paper's pool of past fakes, shown
    to the discriminators, is left out: each update sees the fakes of its own batch.

    Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, Zhu et al.,
    2017, arXiv:1703.10593, eq. 3 and section 5.2.

    Args:
      generator: `(x [B, ...], label, train) -> x' [B, ...]`; both domains have one shape.
      discriminator: `(x [B, ...], label, train) -> logits` [B] or [B, h, w].
      loss: the adversarial loss.
      cycle_weight: λ of the paper, at least 0.
      identity_weight: the paper's 0.5 λ where colours should stay, or 0.

    Returns:
      A game on batches of `a` and `b`, each with `x` [B, ...]. A sample is a translation of `a`.
    """

    def translate(variables: Variables, way: str, x: Array, *, train: bool = True) -> tuple:
        return apply(generator, part(variables, way), x, None, train=train)

    def judge(variables: Variables, domain: str, x: Array) -> tuple[Array, Variables]:
        return apply(discriminator, part(variables, domain), x, None, train=True)

    def discriminator_loss(players: Players, batch: Batch, keys: PRNGKey) -> tuple[Array, Aux]:
        del keys
        total, metrics, stats = jnp.zeros(()), {}, {}
        for domain, source, way in (("a", "b", "ba"), ("b", "a", "ab")):
            real = batch[domain]["x"]
            fake, _ = translate(players["generator"], way, batch[source]["x"])
            variables = players["discriminator"]
            real_logits, new = judge(variables, domain, real)
            variables = {**variables, **join(**{domain: new})}
            fake_logits, stats[domain] = judge(variables, domain, fake)
            total += jnp.mean(loss.discriminator(real_logits, fake_logits))
            metrics[f"real_logit_{domain}"] = jnp.mean(real_logits)
            metrics[f"fake_logit_{domain}"] = jnp.mean(fake_logits)
        return total, Aux(metrics, join(**stats))

    def generator_loss(players: Players, batch: Batch, keys: PRNGKey) -> tuple[Array, Aux]:
        del keys
        variables = players["generator"]
        adversarial = cycle = identity = jnp.zeros(())
        stats = {}
        for domain, other, way, back in (("a", "b", "ab", "ba"), ("b", "a", "ba", "ab")):
            real = batch[domain]["x"]
            fake, stats[way] = translate(variables, way, real)
            fake_logits, _ = judge(players["discriminator"], other, fake)
            real_logits, _ = judge(players["discriminator"], other, batch[other]["x"])
            adversarial += jnp.mean(loss.generator(fake_logits, real_logits))
            cycle += jnp.mean(absolute_error(translate(variables, back, fake)[0], real))
            if identity_weight:
                identity += jnp.mean(absolute_error(translate(variables, back, real)[0], real))
        total = adversarial + cycle_weight * cycle + identity_weight * identity
        metrics = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
        return total, Aux(metrics, join(**stats))

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        del keys
        variables = players["generator"]
        strips: OrderedDict[str, Array] = OrderedDict()
        for domain, other, way, back in (("a", "b", "ab", "ba"), ("b", "a", "ba", "ab")):
            real = batch[domain]["x"]
            fake, _ = translate(variables, way, real, train=False)
            again, _ = translate(variables, back, fake, train=False)
            strips[domain] = real
            strips[f"{domain} to {other}"] = fake
            strips[f"and back to {domain}"] = again
        return strips

    def sample(players: Players, inputs: Batch) -> Array:
        return translate(players["generator"], "ab", inputs["x"], train=False)[0]

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        keys = jax.random.split(key, 4)
        a, b = batch["a"]["x"], batch["b"]["x"]
        return {
            "generator": join(
                ab=generator.init(keys[0], a, None, train=True),
                ba=generator.init(keys[1], b, None, train=True),
            ),
            "discriminator": join(
                a=discriminator.init(keys[2], a, None, train=True),
                b=discriminator.init(keys[3], b, None, train=True),
            ),
        }

    return Game(
        init=init,
        turns=(Turn("discriminator", discriminator_loss), Turn("generator", generator_loss)),
        prior=lambda keys, batch: batch["a"],
        sample=sample,
        conditions=("a",),
        show=show,
    )
