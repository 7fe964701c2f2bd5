"""Training: a game is played and followed, in one run or in several at once."""

import io
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import loop, parallel
from gan_jax.data import Loader
from gan_jax.follow import Follower, Observers
from gan_jax.game import Game
from gan_jax.plan import Plan, named, points_plan, settings
from gan_jax.step import GameState
from gan_jax.types import Array, UserError
from gan_jax.writers import Progress

__all__ = [
    "Member",
    "Observers",
    "Plan",
    "Stopped",
    "named",
    "points_plan",
    "settings",
    "train",
    "train_together",
]


class Stopped(Exception):
    """The run was asked to stop, saved its state and did so."""

    def __init__(self, signum: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name} at step {step:,}, state saved")
        self.signum = signum


def train(
    game: Game,
    state: GameState,
    loader: Loader,
    plan: Plan,
    observers: Observers,
    *,
    ema_decay: Callable[[Array], Array] | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> GameState:
    """Plays a game from `state.step` to `plan.steps`.

    Args:
      game: the game.
      state: the state to start from, on the host or one device; it is left intact.
      loader: the data, made for the plan's batch size, steps per call and seed.
      plan: the numbers.
      observers: what takes note of it.
      ema_decay: by step, in place of the plan's number.
      devices: to spread the batch over; all of all processes if None.

    Returns:
      The final state.

    Raises:
      Stopped: after SIGTERM, SIGINT or SIGHUP, the state saved.
      UserError: when a metric or a parameter is not finite, naming step, player and metric; a state
        that may hold it is never saved, so the newest checkpoint is a good one.
    """
    devices = parallel.devices() if devices is None else devices
    plan.check(len(devices), game.group, [int(state.step)])
    calls = loop.play(
        game,
        state,
        loader,
        steps=plan.steps,
        steps_per_call=plan.steps_per_call,
        devices=devices,
        **plan.of_step(ema_decay),
    )
    shown = observers.writer is not None
    with _progress(game, state, plan, shown=shown) as bar, _signals() as signals:
        follower = Follower(game, state, plan, observers, say=bar.say, read=parallel.read)
        for done, replicated, metrics in calls:
            bar.update(done)
            if values := follower.note(done, metrics):
                bar.update(done, _losses(values))
            # Several processes agree on stopping where they have waited for one another anyway.
            stop = False
            if jax.process_count() == 1 or plan.due("log_every", done):
                stop = parallel.any_process(bool(signals))
            if follower.due(done, stop):
                state = parallel.unreplicate(replicated)
                follower.look(done, state, stop)
            if stop and done < plan.steps:
                raise Stopped(signals[0] if signals else signal.SIGTERM, done)
    return state


class Member(NamedTuple):
    """One of several runs that are trained together.

    Attributes:
      state: to start from, on the host or one device; it is left intact.
      loader: the data, of its seed; all members' are the same.
      numbers: of its optimizers, as `loop.Optimizers` takes them.
      observers: what takes note of it.
    """

    state: GameState
    loader: Loader
    numbers: Any
    observers: Observers


def train_together(
    game: Game,
    optimizers: loop.Optimizers,
    members: Sequence[Member],
    plan: Plan,
    *,
    ema_decay: Callable[[Array], Array] | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> list[GameState | UserError]:
    """Plays a game in several runs, which differ in their seeds and the numbers of optimizers.

    Each is, to rounding, the run that it would be alone, and is logged, looked at and saved as one.
    Those that are behind catch up with the next first.

    Args:
      game: the game.
      optimizers: what a member's numbers make; of the structure of those that its state carries.
      members: the runs.
      plan: their numbers, whatever its seed.
      ema_decay: by step, in place of the plan's number.
      devices: of this process, to deal the members out to; all where None, or as many as can have
        equally many members.

    Returns:
      Of each member the final state, or what stopped it, which stops no other.

    Raises:
      Stopped: after SIGTERM, SIGINT or SIGHUP, all states saved.
    """
    if devices is None:
        local = jax.local_devices()
        devices = local[: max(n for n in range(1, len(local) + 1) if len(members) % n == 0)]
    plan.check(1, game.group, [int(member.state.step) for member in members])
    run = loop.make_members_steps(
        game,
        optimizers,
        members[0].loader.fetch,
        devices,
        **plan.of_step(ema_decay),
    )
    numbers = jax.tree.map(lambda *values: np.stack(values), *(m.numbers for m in members))
    ends: list[GameState | UserError] = [member.state for member in members]

    def step_of(end: GameState | UserError) -> int:
        return plan.steps if isinstance(end, UserError) else int(end.step)

    begin = min((member.state for member in members), key=step_of)
    with _progress(game, begin, plan, shown=True) as bar, _signals() as signals:
        followers = [
            Follower(
                game,
                member.state,
                plan,
                member.observers,
                say=lambda line: None,
                read=partial(parallel.read_member, index=index),
            )
            for index, member in enumerate(members)
        ]
        while (first := min(map(step_of, ends))) < plan.steps:
            playing = [i for i, end in enumerate(ends) if step_of(end) == first]
            until = min([step_of(end) for end in ends if step_of(end) > first], default=plan.steps)
            calls = loop.play_together(
                run,
                # Who does not play holds its place, so that there is one program.
                [ends[i if i in playing else playing[0]] for i in range(len(ends))],  # type: ignore[misc]
                [member.loader for member in members],
                numbers,
                steps=until,
                steps_per_call=plan.steps_per_call,
                devices=devices,
            )
            for done, states, metrics in calls:
                stop = bool(signals)
                losses: dict[str, float] = {}
                for i in list(playing):
                    try:
                        losses = followers[i].note(done, metrics) or losses
                        if followers[i].due(done, stop) or done == until:
                            state = parallel.member(states, i)
                            if followers[i].due(done, stop):
                                followers[i].look(done, state, stop)
                            ends[i] = state
                    except UserError as error:
                        ends[i] = error
                        playing.remove(i)
                bar.update(done, _losses(losses))
                if stop and done < plan.steps:
                    raise Stopped(signals[0], done)
                if not playing:
                    break
    return ends


def _progress(game: Game, state: GameState, plan: Plan, *, shown: bool) -> Progress:
    examples = plan.batch_size * game.repeats
    console = None if shown else io.StringIO()
    return Progress(plan.steps, initial=int(state.step), examples_per_step=examples, file=console)


def _losses(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name.endswith("/loss")}


@contextmanager
def _signals() -> Iterator[list[int]]:
    """A list that a first signal to end is noted in; a second one acts as it would have."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(signum: int, _: object) -> None:
        received.append(signum)
        restore()

    def restore() -> None:
        for signum, handler in previous.items():
            signal.signal(signum, handler)

    ends = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    previous = {s: signal.signal(s, note) for s in ends}
    try:
        yield received
    finally:
        restore()
