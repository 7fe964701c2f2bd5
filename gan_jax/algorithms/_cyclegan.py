"""CycleGAN: translation between two domains from unpaired examples."""

from collections import OrderedDict

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.algorithms import _pool
from gan_jax.game import MEMORY, Aux, Game, Players, Turn, View, apply, initialise, join, part
from gan_jax.losses import (
    AdversarialLoss,
    absolute_error,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)
from gan_jax.types import Array, Batch, PRNGKey, Variables

# The paper halves the discriminator's side alone.
_LEAST_SQUARES = AdversarialLoss(
    least_squares_discriminator_loss,
    lambda fake, real: 2 * least_squares_generator_loss(fake, real),
)
_WAYS = (("a", "b", "ab", "ba"), ("b", "a", "ba", "ab"))  # from, to, by, and back by


def cyclegan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    loss: AdversarialLoss = _LEAST_SQUARES,
    cycle_weight: float = 10.0,
    identity_weight: float = 5.0,
    pool_size: int = 50,
) -> Game:
    """Two translators, `ab` and `ba`, against two discriminators, `a` and `b`.

    The generators minimise the adversarial losses of both directions, plus
    `cycle_weight (|ba(ab(a)) - a| + |ab(ba(b)) - b|)`, plus
    `identity_weight (|ba(a) - a| + |ab(b) - b|)`.
    Every network is its own copy of the architecture given. The discriminators are shown half of
    their fakes from a pool of past ones.

    Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, Zhu et al.,
    2017, arXiv:1703.10593, eq. 3 and sections 4 and 5.2.

    Args:
      generator: `(x [B, ...], label, train) -> x' [B, ...]`; both domains have one shape.
      discriminator: `(x [B, ...], label, train) -> logits` [B] or [B, h, w].
      loss: the adversarial loss; by default least squares, `(D(G(x)) - 1)²` for the generator.
      cycle_weight: λ of the paper, at least 0.
      identity_weight: the paper's 0.5 λ where colours should stay, or 0.
      pool_size: past fakes kept of each domain, the paper's 50; 0 for none.

    Returns:
      A game on batches of `a` and `b` [B, ...]. A sample is a translation of `a`, of the reverse
      game one of `b`.
    """

    def translate(
        variables: Variables, way: str, x: Array, keys: PRNGKey | None = None
    ) -> tuple[Array, Variables]:
        """In training by `keys`, without them in evaluation mode."""
        train = keys is not None
        return apply(generator, part(variables, way), x, None, train=train, keys=keys)

    def judge(
        view: View, domain: str, variables: Variables, x: Array, purpose: str
    ) -> tuple[Array, Variables]:
        keys = prng.fold_in(view.keys, f"{purpose} {domain}")
        return apply(discriminator, variables, x, None, train=True, keys=keys)

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        total, metrics, stats, seen = jnp.zeros(()), {}, {}, {}
        variables = view.players["discriminator"]
        for source, domain, way, _ in _WAYS:
            keys = prng.fold_in(view.keys, way)
            fake, _ = translate(view.players["generator"], way, view.batch[source], keys)
            if pool_size:
                keys = prng.fold_in(view.keys, f"pool {domain}")
                fake, seen[domain] = _pool.exchange(variables[MEMORY][domain], fake, keys)
            own = part(variables, domain)
            real_logits, new = judge(view, domain, own, view.batch[domain], "real")
            fake_logits, stats[domain] = judge(view, domain, {**own, **new}, fake, "fake")
            total += jnp.mean(loss.discriminator(real_logits, fake_logits))
            metrics[f"real_logit_{domain}"] = jnp.mean(real_logits)
            metrics[f"fake_logit_{domain}"] = jnp.mean(fake_logits)
        return total, Aux(metrics, join(**stats), seen)

    def update(pools: dict, seen: dict, keys: PRNGKey, step: Array) -> dict:
        del keys, step
        return {domain: _pool.keep(pool, seen[domain]) for domain, pool in pools.items()}

    def generator_loss(view: View) -> tuple[Array, Aux]:
        variables = view.players["generator"]
        adversarial = cycle = identity = jnp.zeros(())
        stats = {}
        for source, domain, way, back in _WAYS:
            real, critic = view.batch[source], part(view.players["discriminator"], domain)
            keys, back_keys = (prng.fold_in(view.keys, name) for name in (way, f"{way} {back}"))
            fake, stats[way] = translate(variables, way, real, keys)
            fake_logits, _ = judge(view, domain, critic, fake, "fake")
            real_logits, _ = judge(view, domain, critic, view.batch[domain], "real")
            adversarial += jnp.mean(loss.generator(fake_logits, real_logits))
            again, _ = translate(variables, back, fake, back_keys)
            cycle += jnp.mean(absolute_error(again, real))
            if identity_weight:
                same, _ = translate(variables, back, real, back_keys)
                identity += jnp.mean(absolute_error(same, real))
        total = adversarial + cycle_weight * cycle + identity_weight * identity
        metrics = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
        return total, Aux(metrics, join(**stats))

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        del keys
        variables = players["generator"]
        strips: OrderedDict[str, Array] = OrderedDict()
        for source, domain, way, back in _WAYS:
            fake, _ = translate(variables, way, batch[source])
            again, _ = translate(variables, back, fake)
            strips[source] = batch[source]
            strips[f"{source} to {domain}"] = fake
            strips[f"and back to {source}"] = again
        return strips

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        ab, ba, of_a, of_b = jax.random.split(key, 4)
        a, b = batch["a"], batch["b"]
        keys = prng.per_example(key, a.shape[0])
        discriminators = join(
            a=initialise(discriminator, of_a, a, None, keys=keys),
            b=initialise(discriminator, of_b, b, None, keys=keys),
        )
        if pool_size:
            pools = {domain: _pool.empty(pool_size, batch[domain]) for domain in "ab"}
            discriminators = {**discriminators, MEMORY: pools}
        generators = join(
            ab=initialise(generator, ab, a, None, keys=keys),
            ba=initialise(generator, ba, b, None, keys=keys),
        )
        return {"generator": generators, "discriminator": discriminators}

    def sampled(source: str, domain: str, way: str) -> Game:
        """The game whose samples are translations from the one to the other."""
        return Game(
            init=init,
            turns=(
                Turn("discriminator", discriminator_loss, update=update if pool_size else None),
                Turn("generator", generator_loss),
            ),
            inputs=lambda keys, batch: {source: batch[source]},
            sample=lambda players, inputs: translate(players["generator"], way, inputs[source])[0],
            conditions=(source,),
            target=domain,
            show=show,
        )

    there, back = (sampled(source, domain, way) for source, domain, way, _ in _WAYS)
    return there._replace(reverse=back)
