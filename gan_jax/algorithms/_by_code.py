"""What codes do, to look at."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from gan_jax.game import Game, Players
from gan_jax.priors import Prior
from gan_jax.types import Array, Batch, PRNGKey

_EACH = 10  # samples of a class in a picture, and values of a code
_FEW = 3  # classes under which a code is shown


def by_code(
    game: Game, name: str, classes: int, codes: Mapping[str, Prior] | None = None
) -> Callable[[Players, Batch, PRNGKey], Mapping[str, Array]]:
    """`Game.show` of what inputs of a game do, one by one.

    Args:
      game: the game.
      name: of the one-hot input; there is a strip of the same latents under each of its classes.
      classes: how many it has.
      codes: the priors of further inputs, by name. Each number of one with a span has a strip
        for each of the first three classes, in which it alone goes from its lowest value to its
        highest.
    """

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        drawn = {n: column[:_EACH] for n, column in game.inputs(keys, batch).items()}
        count = len(drawn[name])
        chosen = [jnp.tile(jax.nn.one_hot(k, classes), (count, 1)) for k in range(classes)]
        strips = OrderedDict(
            (f"{name} {k}", game.sample(players, {**drawn, name: code}))
            for k, code in enumerate(chosen)
        )
        one = {n: jnp.repeat(column[:1], count, axis=0) for n, column in drawn.items()}
        for other, prior in (codes or {}).items():
            if prior.span is None:
                continue
            values = jnp.linspace(*prior.span, count)
            for i in range(prior.dim):
                led = one[other].at[:, i].set(values)
                for k, code in enumerate(chosen[:_FEW]):
                    inputs = {**one, name: code, other: led}
                    strips[f"{other} {i}, {name} {k}"] = game.sample(players, inputs)
        return strips

    return show
