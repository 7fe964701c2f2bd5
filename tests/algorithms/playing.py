"""Games played a little: which parameters a turn moves, where a short training leads."""

from functools import partial

import jax
import numpy as np
import optax

from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)


def moved(game, batch):
    """Of each turn alone, which players it moves, or which nets of a player of several.

    `{"PLAYER" or "PLAYER/TURN": {"PLAYER" or "PLAYER/NET", ...}}`; a net counts where any of its
    layers moves.
    """
    found = {}
    once = jax.tree.map(lambda column: column[None], batch)
    for turn in game.turns:
        only = game._replace(turns=(turn._replace(repeats=1),))
        state = init_state(only, {turn.player: optax.sgd(0.1)}, KEY, batch)
        after, _ = jax.jit(partial(train_step, only))(state, once)
        title = f"{turn.player}/{turn.name}" if turn.name else turn.player
        found[title] = {
            name
            for player in state.players
            for name, old, new in _nets(player, state.players[player], after.players[player])
            if any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (old, new)), strict=True))
        }
    return found


def trained(game, data, *, steps, rate):
    """The states before and after so many steps, each on all the data."""
    optimizers = {turn.player: optax.adam(rate, b1=0.5) for turn in game.turns}
    start = jax.jit(partial(init_state, game, optimizers))(KEY, data)
    once = jax.tree.map(lambda column: column[None], data)
    step = lambda state, _: train_step(game, state, once, ema_decay=0.9)
    last, _ = jax.jit(partial(jax.lax.scan, step, length=steps))(start)
    return start, last


def _nets(player, old, new):
    if any("_" in name for name in old.params):  # layers of one net: Flax names them KIND_NUMBER
        return [(player, old.params, new.params)]
    return [(f"{player}/{net}", old.params[net], new.params[net]) for net in old.params]
