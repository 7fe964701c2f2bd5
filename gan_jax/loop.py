"""The training loops: calls of several steps one after the other, of one run or of several."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import parallel
from gan_jax.data import Loader
from gan_jax.game import Game
from gan_jax.step import GameState, train_step
from gan_jax.types import Batch, Metrics


def make_steps(
    game: Game, fetch: Callable[[Any, Any], Any], devices: Sequence[jax.Device], **settings: Any
) -> parallel.TrainSteps:
    """What the loop calls again and again; settings as `train_step` takes them."""
    step = partial(train_step, game, axis_name=parallel.AXIS, **settings)
    return parallel.compile_steps(step, fetch, devices)


def play(
    game: Game,
    state: GameState,
    loader: Loader,
    *,
    steps: int,
    steps_per_call: int,
    devices: Sequence[jax.Device],
    **settings: Any,
) -> Iterator[tuple[int, GameState, Metrics]]:
    """Plays a game from `state.step` to `steps`.

    Args:
      game: the game.
      state: the state to start from, on the host or one device; it is left intact.
      loader: the data, made for the same `steps_per_call`.
      steps: the last one.
      steps_per_call: steps in one dispatch.
      devices: to spread the batch over, of all processes.
      **settings: as `train_step` takes them.

    Yields:
      After every call, as soon as it is dispatched: how many steps have been taken, the state, with
      a copy a device, and the metrics, `[devices, steps_per_call]`. The next call gives the state
      up.
    """
    run = make_steps(game, loader.fetch, devices, **settings)
    done = int(state.step)
    items = loader.items(done)
    replicated = parallel.replicate(state, devices)
    resident = parallel.replicate(loader.resident, devices)
    while done < steps:
        item = parallel.shard(next(items), parallel.local_count(devices))
        replicated, metrics = run(replicated, resident, item)
        done += steps_per_call
        yield done, replicated, metrics


Optimizers = Callable[[Any], Mapping[str, optax.GradientTransformation]]
"""From a run's numbers, which may be traced, to its optimizers by player."""


def make_members_steps(
    game: Game,
    optimizers: Optimizers,
    fetch: Callable[[Any, Any], Any],
    devices: Sequence[jax.Device],
    **settings: Any,
) -> Callable[[GameState, Any, Any, Any], tuple[GameState, Metrics]]:
    """What `play_together` calls again and again; settings as `train_step` takes them."""

    def step(state: GameState, batch: Batch, numbers: Any) -> tuple[GameState, Metrics]:
        """A step whose optimizers are made of the run's numbers, not those that it carries."""
        made = optimizers(numbers)
        kept = {name: player.tx for name, player in state.players.items()}
        own = lambda players, tx: {n: p.replace(tx=tx.get(n, p.tx)) for n, p in players.items()}
        state = state.replace(players=own(state.players, made))
        state, metrics = train_step(game, state, batch, **settings)
        return state.replace(players=own(state.players, kept)), metrics

    return parallel.compile_members(step, fetch, devices)


def play_together(
    run: Callable[[GameState, Any, Any, Any], tuple[GameState, Metrics]],
    states: Sequence[GameState],
    loaders: Sequence[Loader],
    numbers: Any,
    *,
    steps: int,
    steps_per_call: int,
    devices: Sequence[jax.Device],
) -> Iterator[tuple[int, GameState, Metrics]]:
    """Plays one game in several runs at once, all from the same step on.

    A run takes the steps that it takes alone, to rounding; what becomes of it depends on its place
    and on how many there are, not on what the others are.

    Args:
      run: of `make_members_steps`, for these devices.
      states: of each run, on the host or one device; they are left intact.
      loaders: of each run, of the same data; their items differ.
      numbers: of the runs' optimizers, leaves `[runs, ...]`.
      steps: the last one.
      steps_per_call: steps in one dispatch.
      devices: of this process, whose number divides that of the runs.

    Yields:
      After every call, as soon as it is dispatched: how many steps have been taken, the states
      `[devices, runs, ...]` and the metrics `[devices, runs, steps_per_call]`. The next call gives
      the states up.
    """
    done = int(states[0].step)
    # Leaf by leaf, since each state carries optimizers of its own, of which none is used.
    each = [jax.tree.leaves(jax.device_put(state, devices[0])) for state in states]
    leaves = map(jnp.stack, zip(*each, strict=True))
    stacked = jax.tree.unflatten(jax.tree.structure(states[0]), leaves)
    stacked = parallel.deal_members(stacked, devices)
    numbers = parallel.deal_members(jax.tree.map(jnp.float32, numbers), devices)
    resident = parallel.replicate(loaders[0].resident, devices)
    streams = [loader.items(done) for loader in loaders]
    while done < steps:
        items = jax.tree.map(lambda *leaves: np.stack(leaves), *map(next, streams))
        items = jax.tree.map(lambda leaf: leaf.reshape(len(devices), -1, *leaf.shape[1:]), items)
        stacked, metrics = run(stacked, resident, items, numbers)
        done += steps_per_call
        yield done, stacked, metrics
