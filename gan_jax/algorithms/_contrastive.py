"""An encoder of two kinds of data that belong together, by contrast with what does not."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.game import Aux, Game, Turn, View, apply, initialise
from gan_jax.types import Array, Batch, PRNGKey, Variables

_TINY = 1e-12  # keeps the gradient of a length finite


def contrastive(encoder: nn.Module, *, column: str = "caption", temperature: float = 0.1) -> Game:
    """One player, `encoder`, who brings `x` and what is said of it together.

    It minimises the mean of two cross-entropies, with the cosines c of all of a batch:

        -log softmax_j(c(x_i, t_j) / τ)_i - log softmax_j(c(x_j, t_i) / τ)_i.

    Representation Learning with Contrastive Predictive Coding, van den Oord et al., 2018,
    arXiv:1807.03748; in both directions as in Learning Transferable Visual Models From Natural
    Language Supervision, Radford et al., 2021, arXiv:2103.00020, figure 3.

    Args:
      encoder: `(x [B, ...], text, train) -> (codes [B, E], codes [B, E])`.
      column: of what is said.
      temperature: τ.

    Returns:
      A game on batches of `x` and the column. A sample is both codes [B, 2, E], of length 1.
    """

    def codes(variables: Variables, batch: Batch, *, train: bool) -> tuple[Array, Variables]:
        """Both codes `[B, 2, E]`, of length 1, and the statistics."""
        found, stats = apply(encoder, variables, batch["x"], batch[column], train=train)
        both = jnp.stack(found, axis=1)
        return both / jnp.sqrt(jnp.sum(both**2, axis=-1, keepdims=True) + _TINY), stats

    def loss(view: View) -> tuple[Array, Aux]:
        both, stats = codes(view.players["encoder"], view.batch, train=True)
        everyone = view.gather(both)
        own = jnp.sum(both[:, 0] * both[:, 1], axis=-1) / temperature
        forth = both[:, 0] @ everyone[:, 1].T / temperature
        back = both[:, 1] @ everyone[:, 0].T / temperature
        every = (jax.nn.logsumexp(forth, axis=-1) + jax.nn.logsumexp(back, axis=-1)) / 2
        return jnp.mean(every - own), Aux({}, stats)

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        return {"encoder": initialise(encoder, key, batch["x"], batch[column])}

    return Game(
        init=init,
        turns=(Turn("encoder", loss),),
        inputs=lambda keys, batch: {},
        sample=lambda players, inputs: codes(players["encoder"], inputs, train=False)[0],
        sampler="",
        conditions=("x", column),
    )
