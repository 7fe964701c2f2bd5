"""What a categorical code does, to look at."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from gan_jax.game import Game, Players
from gan_jax.types import Array, Batch, PRNGKey

_EACH = 10  # samples of a class in a picture


def by_code(
    game: Game, name: str, classes: int
) -> Callable[[Players, Batch, PRNGKey], Mapping[str, Array]]:
    """`Game.show` of the same latents under each class of the input `name`, one-hot, in turn."""

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        drawn = {n: column[:_EACH] for n, column in game.inputs(keys, batch).items()}
        strips = OrderedDict()
        for k in range(classes):
            code = jnp.broadcast_to(jax.nn.one_hot(k, classes), drawn[name].shape)
            strips[f"{name} {k}"] = game.sample(players, {**drawn, name: code})
        return strips

    return show
