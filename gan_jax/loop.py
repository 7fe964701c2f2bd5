"""The one training loop: calls of several steps, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax

from gan_jax import parallel
from gan_jax.data import Loader
from gan_jax.game import Game
from gan_jax.step import GameState, train_step
from gan_jax.types import Metrics


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
