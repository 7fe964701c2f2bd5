"""Sequences of tokens by maximum likelihood: a game of one player, and what others begin with."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import lax

from gan_jax import prng
from gan_jax.algorithms._gan import verdict
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.losses import AdversarialLoss
from gan_jax.types import Array, Batch, PRNGKey, UserError, Variables


def language_model(
    net: nn.Module,
    *,
    length: int,
    temperature: float = 1.0,
    end: int | None = None,
    conditional: bool = False,
    encode: Callable[[Array], Array] = lambda x: x,
    decode: Callable[[Array], Array] = lambda tokens: tokens,
) -> Game:
    """A net that writes sequences, of the highest likelihood.

    It minimises

        -E[Σ_t log p(x_t | x_1 .. x_{t-1}, label)] / T,

    T the mean number of tokens of a sequence in the batch, so that the loss is in nats a token.
    A sample is written token by token, each the quantile of a uniform number.

    Args:
      net: one that writes, see `nets.sequences`.
      length: L, of a sequence.
      temperature: above 0; logits are divided by it where samples are drawn and held-out data are
        judged, not in training.
      end: the token that follows a sequence and fills it up, of which the first counts and nothing
        beyond; None where all sequences are whole.
      conditional: whether the net is given the batch's `label` [B].
      encode: the data's `x` as tokens [B, L], int32.
      decode: tokens as samples.

    Returns:
      A game of the player `generator` on batches of `x` and, when conditional, `label`. Among its
      figures is `nll`, nats a token, of any data.

    Raises:
      UserError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise UserError(f"the temperature {temperature} is not above 0")

    def label_of(batch: Batch) -> Array | None:
        return batch["label"] if conditional else None

    def nll(batch: Batch, variables: Variables, temperature: float = 1.0) -> tuple[Array, Array]:
        """Of each token, 0 beyond the end, [B, L]; and how many of each sequence count, [B]."""
        x = encode(batch["x"])
        counts = counted(x, end)
        nats = token_nll(net, variables, x, label_of(batch), temperature)
        return nats * counts, jnp.sum(counts, axis=1)

    def loss(view: View) -> tuple[Array, Aux]:
        nats, counts = nll(view.batch, view.players["generator"])
        return jnp.mean(jnp.sum(nats, axis=1)) / view.mean(counts), Aux({})

    def sample(players: Players, inputs: Batch) -> Array:
        choose = by_quantile(temperature)
        uniform, label = inputs["uniform"], label_of(inputs)
        return decode(write(net, players["generator"], uniform, choose, end=end, label=label))

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        drawn = {"uniform": prng.uniform(prng.fold_in(keys, "text"), (length,))}
        return drawn | ({"label": batch["label"]} if conditional else {})

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        del keys
        nats, counts = nll(batch, players["generator"], temperature)
        return {"nll": jnp.sum(nats) / jnp.sum(counts)}

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        return {"generator": initialise(net, key, encode(batch["x"]), label_of(batch))}

    return Game(
        init=init,
        turns=(Turn("generator", loss),),
        inputs=inputs,
        sample=sample,
        conditions=("label",) if conditional else (),
        metrics=metrics,
    )


def discriminator_turn(
    net: nn.Module,
    loss: AdversarialLoss,
    written: Callable[[View], Array],
    *,
    repeats: int,
    when: Callable[[Array], Array],
) -> Turn:
    """The discriminator's turn on data and on what the generator has `written`, [B, L, ...]."""

    def descend(view: View) -> tuple[Array, Aux]:
        real, stats = judge(net, view, view.batch["x"], "real")
        fake, stats = judge(net, view, written(view), "fake", stats)
        metrics = verdict("real", real) | verdict("fake", fake)
        metrics["logit_distance"] = jnp.mean(jnp.abs(real - fake))
        return jnp.mean(loss.discriminator(real, fake)), Aux(metrics, stats)

    return Turn("discriminator", descend, repeats=repeats, when=when)


def judge(
    net: nn.Module, view: View, x: Array, purpose: str, before: Variables | None = None
) -> tuple[Array, Variables]:
    """The discriminator's logits of sequences in training, and its statistics.

    They follow those that another pass left `before`; the player's, if None.
    """
    keys = prng.fold_in(prng.fold_in(view.keys, purpose), "discriminator")
    variables = {**view.players["discriminator"], **(before or {})}
    return apply(net, variables, x, None, train=True, keys=keys)


def init_with(
    game: Game, discriminator: nn.Module
) -> Callable[[PRNGKey, Batch], dict[str, Variables]]:
    """`Game.init` of a game of the generator alone, with a discriminator beside it."""

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        keys = prng.per_example(key, batch["x"].shape[0])
        critic = initialise(discriminator, discriminator_key, batch["x"], None, keys=keys)
        return {**game.init(generator_key, batch), "discriminator": critic}

    return init


def token_nll(
    net: nn.Module,
    variables: Variables,
    x: Array,
    label: Array | None = None,
    temperature: float = 1.0,
) -> Array:
    """Minus the log-likelihood of each token given those before it, [B, L]."""
    logits = net.apply(variables, x, label) / temperature
    wanted = jax.nn.one_hot(x, logits.shape[-1])  # a product, whose gradient scatters not
    return optax.softmax_cross_entropy(logits, wanted)


def counted(x: Array, end: int | None) -> Array:
    """1 for tokens [B, L] up to the first `end`, 0 beyond."""
    if end is None:
        return jnp.ones(x.shape, jnp.float32)
    ends = jnp.cumsum(x == end, axis=1) - (x == end)
    return (ends == 0).astype(jnp.float32)


def by_quantile(temperature: float = 1.0) -> Callable[[Array, Array], Array]:
    """`(logits [B, V], uniform [B]) -> tokens [B]`, distributed as the logits say."""

    def choose(logits: Array, uniform: Array) -> Array:
        cumulative = jnp.cumsum(jax.nn.softmax(logits / temperature), axis=-1)
        below = cumulative < uniform[:, None] * cumulative[:, -1:]
        return jnp.minimum(jnp.sum(below, axis=-1), logits.shape[-1] - 1).astype(jnp.int32)

    return choose


def write(
    net: nn.Module,
    variables: Variables,
    noise: Any,
    choose: Callable[[Array, Any], Array],
    *,
    end: int | None = None,
    given: tuple[Array, Array | int] | None = None,
    label: Array | None = None,
) -> Array:
    """Sequences, token by token.

    Args:
      net: one that writes, see `nets.sequences`.
      variables: its own.
      noise: leaves [B, L, ...], of which each place gets its own.
      choose: `(logits [B, V], noise [B, ...]) -> tokens` [B].
      end: after which nothing but itself is written.
      given: tokens [B, L] and how many of them, 0 to L, sequences begin with.
      label: [B], of a net that is given such.

    Returns:
      Tokens [B, L].
    """

    def follow(logits: Array, here: Any) -> tuple[Array, Array]:
        noise, begun, place = here
        tokens = choose(logits, noise)
        if given is not None:
            tokens = jnp.where(place < given[1], begun, tokens)
        return tokens, tokens

    size, length = jax.tree.leaves(noise)[0].shape[:2]
    begun = jnp.zeros((size, length), jnp.int32) if given is None else given[0]
    places = jnp.broadcast_to(jnp.arange(length), (size, length))
    tokens = unroll(net, variables, (noise, begun, places), follow, label)
    return tokens if end is None else jnp.where(counted(tokens, end) > 0, tokens, end)


def unroll(
    net: nn.Module,
    variables: Variables,
    here: Any,
    follow: Callable[[Array, Any], tuple[Array, Any]],
    label: Array | None = None,
) -> Any:
    """What a net goes through while it writes.

    Args:
      net: one that writes, see `nets.sequences`.
      variables: its own.
      here: leaves [B, L, ...], of which each place gets its own, [B, ...].
      follow: `(logits [B, V], here) -> (input of the next place, outcome of this one)`, the input
        tokens [B] or weights [B, V].
      label: [B], of a net that is given such.

    Returns:
      Outcomes, leaves [B, L, ...].
    """
    run = partial(net.apply, variables)
    size, length = jax.tree.leaves(here)[0].shape[:2]
    turned = partial(jax.tree.map, lambda leaf: jnp.swapaxes(leaf, 0, 1))

    def advance(carry: tuple, here: Any) -> tuple[tuple, Any]:
        state, entering = carry
        state, logits = run(state, entering, label, method="step")
        following, outcome = follow(logits, here)
        return (state, run(following, method="embed")), outcome

    first = run(jnp.full((size,), net.vocabulary, jnp.int32), method="embed")
    state = net.begin(size, length)
    _, outcomes = lax.scan(advance, (state, first), turned(here))
    return turned(outcomes)
