"""The loop: plays a game, and now and then looks at it, draws it and saves it."""

import dataclasses
import io
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from gan_jax import loop, parallel
from gan_jax.checkpoints import Checkpoints
from gan_jax.data import Loader, Source
from gan_jax.data.kinds import Kind
from gan_jax.diagnosis import diagnose
from gan_jax.evaluation import Evaluator
from gan_jax.game import MEMORY, Game, Players
from gan_jax.optimizers import Adam
from gan_jax.step import GameState
from gan_jax.types import Array, Metrics, UserError
from gan_jax.writers import Progress, Writer


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plain numbers of a run. Intervals count steps; 0 is never; all are due at the end.

    Attributes:
      seed: of parameters, noise and the order of the data.
      steps: of the game.
      batch_size: examples a batch, over all devices together.
      steps_per_call: steps in one dispatch, of which every interval is a multiple; 0 leaves it to
        `resolved`.
      log_every: metrics are fetched and written.
      sample_every: a picture of samples from fixed inputs; also one before the first step.
      evaluate_every: samples are evaluated, and the game's own figures computed.
      evaluate_count: samples that an evaluation draws; 0 for none.
      evaluate_split: of the data that samples are compared with; "" for the one trained on.
      checkpoint_every: the state is saved.
      keep: newest checkpoints kept.
      best: the evaluated metric whose best checkpoint is kept too, such as
        "samples/top_probability", or "-samples/fid" where the lowest is best; "" for none.
      ema_decay: of the averages of parameters and batch statistics, in [0, 1).
      accumulate: micro-batches per batch and device.
      simultaneous: players move at once rather than in turn.
    """

    seed: int = 0
    steps: int = 10_000
    batch_size: int = 64
    steps_per_call: int = 0
    log_every: int = 100
    sample_every: int = 1_000
    evaluate_every: int = 0
    evaluate_count: int = 2_000
    evaluate_split: str = ""
    checkpoint_every: int = 1_000
    keep: int = 3
    best: str = ""
    ema_decay: float = 0.999
    accumulate: int = 1
    simultaneous: bool = False

    def due(self, interval: str, done: int) -> bool:
        """Whether the interval of this name ends after `done` steps."""
        every = getattr(self, interval)
        return every > 0 and (done % every == 0 or done == self.steps)

    def resolved(self, platform: str) -> "Plan":
        """The plan with `steps_per_call` chosen, where it is 0, for "cpu", "gpu" or "tpu".

        It is the largest number that divides every interval, up to a limit: on an accelerator many
        steps hide a dispatch, on a CPU a step takes long and few keep a run quick to react.
        """
        if self.steps_per_call:
            return self
        limit = 10 if platform == "cpu" else 100
        common = math.gcd(self.steps, *(getattr(self, name) for name in ("log_every", *_LOOKS)))
        best = max(n for n in range(1, limit + 1) if common % n == 0)
        return dataclasses.replace(self, steps_per_call=best)

    def check(self, device_count: int, group: int = 1) -> None:
        """Raises a UserError where the numbers do not go together, for a game of this `group`."""
        for name in ("steps", "batch_size", "steps_per_call", "accumulate", "log_every"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: it must be at least 1")
        for name in ("steps", "log_every", *_LOOKS):
            if getattr(self, name) % self.steps_per_call:
                raise UserError(
                    f"{name} {getattr(self, name)} is not a multiple of "
                    f"steps_per_call {self.steps_per_call}"
                )
        for name in (*_LOOKS, "evaluate_count"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} is {getattr(self, name)}: it must be at least 0")
        for name, most in (("seed", 2**32 - 1), ("steps", 2**31 - 1), ("batch_size", 2**24)):
            if not 0 <= getattr(self, name) <= most:
                raise UserError(f"{name} {getattr(self, name)} is not in 0..{most}")
        if not 0 <= self.ema_decay < 1:
            raise UserError(f"ema_decay {self.ema_decay} is not in [0, 1)")
        parallel.check_batch_size(self.batch_size, self.accumulate, device_count, group)


def settings(plan: Plan, source: Source, **players: Adam) -> dict[str, Any]:
    """What every recipe's config holds, as plain values, to which it adds its own.

    Args:
      plan: whose numbers stand at the top.
      source: under `data`.
      **players: the settings of each player's optimizer, under its name.
    """
    sections = {name: dataclasses.asdict(player) for name, player in players.items()}
    own = {**dataclasses.asdict(plan), "dtype": "float32"}
    return {**own, "data": dataclasses.asdict(source), **sections}


class Stopped(Exception):
    """The run was asked to stop, saved its state and did so."""

    def __init__(self, signum: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name} at step {step:,}, state saved")
        self.signum = signum


Drawing = tuple[np.ndarray, Kind | None, np.ndarray | None]
"""A picture `[H, W, 3]` uint8 and, where they are more than it shows, samples and their kind."""


def train(
    game: Game,
    state: GameState,
    loader: Loader,
    plan: Plan,
    *,
    checkpoints: Checkpoints,
    writer: Writer | None,
    draw: Callable[[Players], Drawing],
    evaluators: Sequence[Evaluator] = (),
    ema_decay: Callable[[Array], Array] | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> GameState:
    """Plays a game from `state.step` to `plan.steps`.

    Args:
      game: the game.
      state: the state to start from, on the host or one device; it is left intact.
      loader: the data, made for the plan's batch size, steps per call and seed.
      plan: the numbers.
      checkpoints: where the state is saved.
      writer: where numbers and pictures go; None in all processes but the first, which then
        neither draw nor evaluate.
      draw: what the averaged variables look like.
      evaluators: called with the averaged variables.
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
    plan.check(len(devices), game.group)
    done = int(state.step)
    examples = plan.batch_size * game.repeats
    known: set[str] = set()
    log = MetricsLog(examples, checkpoints.unlogged(done))
    if writer and plan.due("sample_every", done):
        writer.samples(done, *draw(state.variables()))
    looks = _LOOKS if writer else ("checkpoint_every",)
    console = None if writer else io.StringIO()
    calls = loop.play(
        game,
        state,
        loader,
        steps=plan.steps,
        steps_per_call=plan.steps_per_call,
        devices=devices,
        simultaneous=plan.simultaneous,
        accumulate=plan.accumulate,
        ema_decay=ema_decay or plan.ema_decay,
    )
    with (
        Progress(plan.steps, initial=done, examples_per_step=examples, file=console) as bar,
        _signals() as signals,
    ):
        for done, replicated, metrics in calls:
            log.add(done - plan.steps_per_call, metrics)
            bar.update(done)

            if plan.due("log_every", done):
                values = log.mean()
                if writer:
                    writer.scalars(done, values)
                bar.update(done, {n: v for n, v in values.items() if n.endswith("/loss")})

            # Several processes agree on stopping where they have waited for one another anyway.
            stop = False
            if jax.process_count() == 1 or plan.due("log_every", done):
                stop = parallel.any_process(bool(signals))

            # What follows looks at the state, which must be known to be finite.
            due = [name for name in looks if plan.due(name, done)]
            if not (due or stop or done == plan.steps):
                continue
            log.settle()
            state = parallel.unreplicate(replicated)
            _check_state(done, state)
            evaluation: dict[str, float] = {}
            if writer and "evaluate_every" in due:
                for evaluate in evaluators:
                    evaluation |= evaluate(state.variables())
                writer.scalars(done, evaluation)
                if (best := plan.best.removeprefix("-")) and best not in evaluation:
                    there = ", ".join(evaluation) or "none"
                    raise UserError(f"best={plan.best}: the metrics evaluated are {there}")
                figures = ", ".join(f"{name} {value:.4g}" for name, value in evaluation.items())
                bar.say(f"step {done:,}: {figures}")
                findings = diagnose(writer.records())
                for finding in findings:
                    if finding.illness not in known:
                        bar.say(str(finding))
                known = {finding.illness for finding in findings}
            if writer and "sample_every" in due:
                writer.samples(done, *draw(state.variables()))
                writer.curves()
            if "checkpoint_every" in due or stop:
                checkpoints.save(done, state, evaluation, log.unlogged())
            if stop and done < plan.steps:
                raise Stopped(signals[0] if signals else signal.SIGTERM, done)
    return state


_LOOKS = ("evaluate_every", "sample_every", "checkpoint_every")


_STEPS = "steps"  # among sums of metrics, whose names are PLAYER/METRIC


class MetricsLog:
    """Metrics since the last log, fetched late so that the device is not kept waiting.

    Args:
      examples_per_step: what turns steps a second into examples a second.
      unlogged: what a checkpoint between two logs kept of the steps before it.
    """

    _IN_FLIGHT = 2

    def __init__(self, examples_per_step: int, unlogged: Mapping[str, float] | None = None) -> None:
        self._examples_per_step = examples_per_step
        self._pending: list[tuple[int, Metrics]] = []
        self._sums = dict(unlogged or {})
        self._timed = 0  # steps
        self._clock: float | None = None

    def add(self, first_step: int, metrics: Metrics) -> None:
        """Notes a call's metrics, leaves `[devices, steps]`; `first_step` is the steps before it.

        Blocks while more than two calls are under way, so that the host does not run far ahead.
        """
        self._pending.append((first_step, metrics))
        if len(self._pending) > self._IN_FLIGHT:
            self._settle(*self._pending.pop(0))
        if self._clock is None:  # the first call compiles: time runs from its dispatch on
            self._clock = time.monotonic()

    def settle(self) -> None:
        """Fetches what is pending.

        Raises:
          UserError: at the first value that is not finite.
        """
        while self._pending:
            self._settle(*self._pending.pop(0))

    def _settle(self, first_step: int, metrics: Metrics) -> None:
        values = {n: np.asarray(leaf) for n, leaf in parallel.unreplicate(metrics).items()}
        _check_finite(first_step, values)
        count = len(next(iter(values.values())))
        self._timed += count
        totals = {n: float(np.sum(value, dtype=np.float64)) for n, value in values.items()}
        for name, total in {_STEPS: count, **totals}.items():
            self._sums[name] = self._sums.get(name, 0.0) + total

    def unlogged(self) -> dict[str, float]:
        """The sums over the settled steps since the last log, from which another may go on."""
        return dict(self._sums)

    def mean(self) -> dict[str, float]:
        """The mean of each metric over the steps since the last call, and the throughput.

        That of a turn with a condition is over the steps in which it was taken, if there were any.
        """
        self.settle()
        sums, self._sums = self._sums, {}
        steps = sums.pop(_STEPS)
        values = {}
        for name, total in sums.items():
            turn, _, metric = name.rpartition("/")
            taken = steps if metric == "taken" else sums.get(f"{turn}/taken", steps)
            if taken:
                values[name] = total / taken
        assert self._clock is not None
        now = time.monotonic()
        rate = self._timed * self._examples_per_step / max(now - self._clock, 1e-9)
        self._clock, self._timed = now, 0
        return values | {"throughput/examples_per_second": rate}


def _check_finite(first_step: int, values: Mapping[str, np.ndarray]) -> None:
    bad = [
        (int(np.argmin(np.isfinite(value))), name)
        for name, value in values.items()
        if not np.isfinite(value).all()
    ]
    if bad:
        index, _ = min(bad)
        names = ", ".join(f"{n} is {values[n][index]}" for i, n in bad if i == index)
        raise UserError(
            f"step {first_step + index + 1:,}: {names}; the newest checkpoint is from before it. "
            "Try a lower learning rate, clip_norm or a penalty"
        )


def _check_state(done: int, state: GameState) -> None:
    """What the last update made of the state shows in no metric yet."""
    kept = {
        name: {**{c: v for c, v in p.variables.items() if c != MEMORY}, "ema": p.ema}
        for name, p in state.players.items()
    }
    for path, leaf in jax.tree.leaves_with_path(kept):
        if not np.isfinite(np.asarray(leaf, np.float32)).all():
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            raise UserError(
                f"step {done:,}: {name} is not finite after the update; the newest checkpoint is "
                "from before it. Try a lower learning rate, clip_norm or a penalty"
            )


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
