"""What is done with a run beside its steps: it is logged, drawn, scored and saved."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.checkpoints import Checkpoints
from gan_jax.data.kinds import Kind
from gan_jax.diagnosis import diagnose
from gan_jax.evaluation import Evaluator
from gan_jax.game import MEMORY, Game, Players
from gan_jax.plan import LOOKS, Plan
from gan_jax.step import GameState
from gan_jax.types import Metrics, UserError
from gan_jax.writers import Writer

Drawing = tuple[np.ndarray, Kind | None, np.ndarray | None]
"""A picture `[H, W, 3]` uint8 and, where they are more than it shows, samples and their kind."""

_STEPS = "steps"  # among sums of metrics, whose names are PLAYER/METRIC


class Observers(NamedTuple):
    """What takes note of a run.

    Attributes:
      checkpoints: where its state is saved.
      writer: where its numbers and pictures go; None in all processes but the first, which then
        neither draw nor evaluate.
      draw: what its averaged variables look like.
      evaluators: called with its averaged variables.
    """

    checkpoints: Checkpoints
    writer: Writer | None
    draw: Callable[[Players], Drawing]
    evaluators: Sequence[Evaluator] = ()


class Follower:
    """Follows a run from call to call.

    Args:
      game: the game.
      state: before the first call.
      plan: the numbers.
      observers: what takes note of it.
      say: takes lines for the reader.
      read: fetches a metric of this run, `[steps]`, from what is noted.
    """

    def __init__(
        self,
        game: Game,
        state: GameState,
        plan: Plan,
        observers: Observers,
        *,
        say: Callable[[str], None] = print,
        read: Callable[[Any], np.ndarray] = np.asarray,
    ) -> None:
        self._plan, self._say = plan, say
        self._checkpoints, self._writer, self._draw, self._evaluators = observers
        self._known: set[str] = set()
        done = int(state.step)
        self._log = MetricsLog(
            plan.batch_size * game.repeats, self._checkpoints.unlogged(done), read=read
        )
        if self._writer and plan.due("sample_every", done):
            self._writer.samples(done, *self._draw(state.variables()))

    def note(self, done: int, metrics: Metrics) -> dict[str, float]:
        """Notes the metrics of a call that ended at step `done`.

        Returns:
          The means since the last log, where one is due; it is written then.

        Raises:
          UserError: at a value that is not finite.
        """
        self._log.add(done - self._plan.steps_per_call, metrics)
        if not self._plan.due("log_every", done):
            return {}
        values = self._log.mean()
        if self._writer:
            self._writer.scalars(done, values)
        return values

    def due(self, done: int, stop: bool = False) -> bool:
        """Whether the state after so many steps is to be looked at."""
        looks = LOOKS if self._writer else ("checkpoint_every",)
        return stop or done == self._plan.steps or any(self._plan.due(n, done) for n in looks)

    def look(self, done: int, state: GameState, stop: bool = False) -> None:
        """Evaluates, draws and saves the state after so many steps, as is due.

        Raises:
          UserError: when a metric or a parameter is not finite, naming step, player and metric; a
            state that may hold it is never saved, so the newest checkpoint is a good one.
        """
        self._log.settle()
        began = time.monotonic()
        self._look(done, state, stop)
        self._log.leave_out(time.monotonic() - began)

    def _look(self, done: int, state: GameState, stop: bool) -> None:
        plan, writer = self._plan, self._writer
        _check_state(done, state)
        evaluation: dict[str, float] = {}
        if writer and plan.due("evaluate_every", done):
            for evaluate in self._evaluators:
                evaluation |= evaluate(state.variables())
            writer.scalars(done, evaluation)
            if (best := plan.best.removeprefix("-")) and best not in evaluation:
                there = ", ".join(evaluation) or "none"
                raise UserError(f"best={plan.best}: the metrics evaluated are {there}")
            figures = ", ".join(f"{name} {value:.4g}" for name, value in evaluation.items())
            self._say(f"step {done:,}: {figures}")
            findings = diagnose(writer.records())
            for finding in findings:
                if finding.illness not in self._known:
                    self._say(str(finding))
            self._known = {finding.illness for finding in findings}
        if writer and plan.due("sample_every", done):
            writer.samples(done, *self._draw(state.variables()))
            writer.curves()
        if plan.due("checkpoint_every", done) or stop:
            self._checkpoints.save(done, state, evaluation, self._log.unlogged())


class MetricsLog:
    """Metrics since the last log, fetched late so that the device is not kept waiting.

    Args:
      examples_per_step: what turns steps a second into examples a second.
      unlogged: what a checkpoint between two logs kept of the steps before it.
      read: fetches a metric, `[steps]`.
    """

    _IN_FLIGHT = 2

    def __init__(
        self,
        examples_per_step: int,
        unlogged: Mapping[str, float] | None = None,
        *,
        read: Callable[[Any], np.ndarray] = np.asarray,
    ) -> None:
        self._examples_per_step, self._read = examples_per_step, read
        self._pending: list[tuple[int, Metrics]] = []
        self._sums = dict(unlogged or {})
        self._timed = 0  # steps
        self._clock: float | None = None

    def add(self, first_step: int, metrics: Metrics) -> None:
        """Notes a call's metrics; `first_step` is the steps before it.

        Blocks while more than two calls are under way, so that the host does not run far ahead.
        """
        self._pending.append((first_step, metrics))
        if len(self._pending) > self._IN_FLIGHT:
            self._settle(*self._pending.pop(0))
        if self._clock is None:  # the first call compiles: time runs from its dispatch on
            self._clock = time.monotonic()

    def leave_out(self, seconds: float) -> None:
        """Has the throughput be without so many seconds, which were not spent on steps."""
        if self._clock is not None:
            self._clock += seconds

    def settle(self) -> None:
        """Fetches what is pending.

        Raises:
          UserError: at the first value that is not finite.
        """
        while self._pending:
            self._settle(*self._pending.pop(0))

    def _settle(self, first_step: int, metrics: Metrics) -> None:
        values = {n: self._read(leaf) for n, leaf in metrics.items()}
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
