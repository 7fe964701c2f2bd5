"""A classifier: a game of one player."""

import flax.linen as nn
import jax.numpy as jnp
import optax

from gan_jax import prng
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.types import Array, Batch, PRNGKey, Variables


def classifier(net: nn.Module) -> Game:
    """A net that minimises the cross-entropy of its classes.

    Args:
      net: `(x [B, ...], train) -> (features [B, D], logits [B, K])`; one that draws takes `keys`.

    Returns:
      A game of the player `classifier` on batches of `x` [B, ...] and `label` [B]. A sample is the
      logits of an `x`.
    """

    def loss(view: View) -> tuple[Array, Aux]:
        variables, keys = view.players["classifier"], prng.fold_in(view.keys, "classifier")
        (_, logits), stats = apply(net, variables, view.batch["x"], train=True, keys=keys)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, view.batch["label"])
        return jnp.mean(losses), Aux({"accuracy": accuracy(logits, view.batch["label"])}, stats)

    def read(players: Players, inputs: Batch) -> Array:
        return apply(net, players["classifier"], inputs["x"], train=False)[0][1]

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        del keys
        return {"accuracy": accuracy(read(players, batch), batch["label"])}

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        keys = prng.per_example(key, batch["x"].shape[0])
        return {"classifier": initialise(net, key, batch["x"], keys=keys)}

    return Game(
        init=init,
        turns=(Turn("classifier", loss),),
        inputs=lambda keys, batch: {"x": batch["x"]},
        sample=read,
        sampler="",
        conditions=("x",),
        metrics=metrics,
    )


def accuracy(logits: Array, label: Array) -> Array:
    """The share of examples whose highest logit [B, K] is their label's [B]."""
    return jnp.mean(jnp.argmax(logits, axis=-1) == label)
