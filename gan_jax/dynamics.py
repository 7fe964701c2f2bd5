"""A game's step as a map of a few numbers, and what becomes of it near a point of rest.

Which Training Methods for GANs do actually Converge?, Mescheder et al., 2018, arXiv:1801.04406,
section 2 and appendix A: a fixed point attracts where all eigenvalues of the map's Jacobian lie
within the unit circle, and repels where one lies outside.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from gan_jax.game import Game
from gan_jax.step import GameState, train_step
from gan_jax.types import Array, Batch

Move = Callable[[Array], Array]


def as_map(
    game: Game, state: GameState, batch: Batch, *, steps: int = 1, **settings: Any
) -> tuple[Move, Array, Callable[[Array], GameState]]:
    """Steps of a game on one batch, with one key, as a map of vectors [N].

    A vector holds all parameters and the optimizers' numbers, so that momentum is part of the map.

    Args:
      game: the game.
      state: where the vector begins. What is no such number, such as counts and flags, stays as it
        is here.
      batch: columns `[repeats, B, ...]`.
      steps: how many make up the map.
      **settings: as `train_step` takes them.

    Returns:
      The map; the vector of the state; and from a vector the state.
    """

    def numbers(state: GameState) -> Any:
        kept = {name: (player.params, player.opt_state) for name, player in state.players.items()}
        return [leaf for leaf in jax.tree.leaves(kept) if _is_number(leaf)]

    start, back = ravel_pytree(numbers(state))

    def at(vector: Array) -> GameState:
        values = iter(back(vector))
        put = lambda leaf: next(values) if _is_number(leaf) else leaf
        players = {}
        for name, player in sorted(state.players.items()):  # as trees have them
            params, opt_state = jax.tree.map(put, (player.params, player.opt_state))
            players[name] = player.replace(params=params, opt_state=opt_state)
        return state.replace(players=players)

    def move(vector: Array) -> Array:
        after = at(vector)
        for _ in range(steps):
            after, _ = train_step(game, after, batch, **settings)
        return ravel_pytree(numbers(after))[0]

    return move, start, at


def _is_number(leaf: Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def multipliers(move: Move, point: Array) -> np.ndarray:
    """The eigenvalues of a map's Jacobian at a point [N], complex [N], the largest first."""
    jacobian = np.asarray(jax.jit(jax.jacobian(move))(point), np.float64)
    found = np.linalg.eigvals(jacobian)
    return found[np.argsort(-np.abs(found), kind="stable")]


def trajectory(move: Move, start: Array, count: int) -> Array:
    """A point [N] and where so many moves take it, [count + 1, N]."""
    follow = lambda point, _: (move(point), point)
    last, visited = lax.scan(follow, start, length=count)
    return jnp.concatenate([visited, last[None]])
