"""Maximum likelihood of sequences, each class given those before it: one player, one turn."""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import lax

from gan_jax import prng
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.types import Array, Batch, PRNGKey, Variables


def autoregressive(
    net: nn.Module,
    length: int,
    *,
    conditional: bool = False,
    encode: Callable[[Array], Array] = lambda x: x,
    decode: Callable[[Array], Array] = lambda classes: classes,
) -> Game:
    """A model of the next class, trained by maximum likelihood and drawn from class by class.

    The one player, `generator`, minimises `-E[log p(c_t | c_1, ..., c_t-1, label)]`, the mean over
    t; its metrics are in nats, and on held-out data in bits too.

    WaveNet: A Generative Model for Raw Audio, van den Oord et al., 2016, arXiv:1609.03499, eq. 1.

    Args:
      net: `(classes [B, T], label, train) -> logits [B, T, K]`, of which those of t depend on
        classes before t alone. With the methods `begin(count) -> (class, memory)`, what stands
        before the first class of each sample [count], and `step(class, memory, t, label) -> (logits
        [count, K], memory)`, the same logits one after the other.
      length: T of samples.
      conditional: whether it is given the batch's `label` [B].
      encode: the data's `x` as classes [B, T].
      decode: its inverse, of samples.

    Returns:
      A game on batches of `x` and, when conditional, `label`.
    """

    def label_of(batch: Batch) -> Array | None:
        return batch["label"] if conditional else None

    def nll(
        players: Players, batch: Batch, keys: PRNGKey, *, train: bool
    ) -> tuple[Array, Variables]:
        """Nats a class, the mean over all, and the net's statistics."""
        classes, keys = encode(batch["x"]), prng.fold_in(keys, "generator")
        variables = players["generator"]
        logits, stats = apply(net, variables, classes, label_of(batch), train=train, keys=keys)
        wanted = jax.nn.one_hot(classes, logits.shape[-1])  # a product, whose gradient scatters not
        return jnp.mean(optax.softmax_cross_entropy(logits, wanted)), stats

    def loss(view: View) -> tuple[Array, Aux]:
        nats, stats = nll(view.players, view.batch, view.keys, train=True)
        return nats, Aux({}, stats)

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        nats, _ = nll(players, batch, keys, train=False)
        return {"nats": nats, "bits": nats / math.log(2)}

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        drawn = {"noise": prng.fold_in(keys, "noise")}
        return drawn | ({"label": batch["label"]} if conditional else {})

    def sample(players: Players, inputs: Batch) -> Array:
        variables, label, keys = players["generator"], label_of(inputs), inputs["noise"]

        def step(carry: tuple[Array, Any], t: Array) -> tuple[tuple[Array, Any], Array]:
            logits, memory = net.apply(variables, *carry, t, label, method="step")
            drawn = jax.vmap(jax.random.categorical)(prng.fold_in(keys, t), logits)
            return (drawn, memory), drawn

        start = net.apply(variables, len(keys), method="begin")
        _, classes = lax.scan(step, start, jnp.arange(length))
        return decode(classes.T)

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        keys = prng.per_example(key, batch["x"].shape[0])
        return {"generator": initialise(net, key, encode(batch["x"]), label_of(batch), keys=keys)}

    return Game(
        init=init,
        turns=(Turn("generator", loss),),
        inputs=inputs,
        sample=sample,
        conditions=("label",) if conditional else (),
        metrics=metrics,
    )
