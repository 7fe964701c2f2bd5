"""The plain numbers of a run, and how a recipe's config holds them."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeVar

from gan_jax import parallel
from gan_jax.data import Source
from gan_jax.optimizers import Adam
from gan_jax.types import Array, UserError

T = TypeVar("T")

LOOKS = ("evaluate_every", "sample_every", "checkpoint_every")
"""The intervals after which the state is looked at."""


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

    def of_step(self, ema_decay: Callable[[Array], Array] | None = None) -> dict[str, Any]:
        """How `step.train_step` plays, the averages by step where a schedule is given."""
        return {
            "simultaneous": self.simultaneous,
            "accumulate": self.accumulate,
            "ema_decay": ema_decay or self.ema_decay,
        }

    def resolved(self, platform: str, *taken: int) -> "Plan":
        """The plan with `steps_per_call` chosen, where it is 0, for "cpu", "gpu" or "tpu".

        It is the largest number that divides every interval and the steps that runs have `taken`,
        up to a limit: on an accelerator many steps hide a dispatch, on a CPU a step takes long and
        few keep a run quick to react.
        """
        if self.steps_per_call:
            return self
        limit = 10 if platform == "cpu" else 100
        intervals = (getattr(self, name) for name in ("log_every", *LOOKS))
        common = math.gcd(self.steps, *intervals, *taken)
        best = max(n for n in range(1, limit + 1) if common % n == 0)
        return dataclasses.replace(self, steps_per_call=best)

    def check(self, device_count: int, group: int = 1, taken: Sequence[int] = ()) -> None:
        """Raises a UserError where the numbers do not go together.

        Args:
          device_count: how many devices a batch is dealt out to.
          group: of the game.
          taken: steps that runs have taken, from where they go on.
        """
        for name in ("steps", "batch_size", "steps_per_call", "accumulate", "log_every"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: it must be at least 1")
        for name in ("steps", "log_every", *LOOKS):
            if getattr(self, name) % self.steps_per_call:
                raise UserError(
                    f"{name} {getattr(self, name)} is not a multiple of "
                    f"steps_per_call {self.steps_per_call}; steps_per_call=0 chooses one that fits"
                )
        for steps in taken:
            if steps % self.steps_per_call:
                raise UserError(
                    f"the run has taken {steps:,} steps, which is not a multiple of "
                    f"steps_per_call {self.steps_per_call}: give it one that divides both"
                )
        for name in (*LOOKS, "evaluate_count"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} is {getattr(self, name)}: it must be at least 0")
        for name, most in (("seed", 2**32 - 1), ("steps", 2**31 - 1), ("batch_size", 2**24)):
            if not 0 <= getattr(self, name) <= most:
                raise UserError(f"{name} {getattr(self, name)} is not in 0..{most}")
        if not 0 <= self.ema_decay < 1:
            raise UserError(f"ema_decay {self.ema_decay} is not in [0, 1)")
        parallel.check_batch_size(self.batch_size, self.accumulate, device_count, group)


def points_plan(steps: int) -> Plan:
    """Of points in the plane: large batches, many cheap steps a call, looked at five times."""
    often = steps // 5
    return Plan(
        steps=steps,
        batch_size=256,
        steps_per_call=100,
        sample_every=often,
        evaluate_every=often,
        evaluate_count=10_000,
        checkpoint_every=often,
    )


def named(module: ModuleType, name: str, kind: type[T]) -> T:
    """The value of this name and kind, for a setting that names one, such as `losses.HINGE`.

    Raises:
      UserError: there is none, with those that there are.
    """
    known = {n: v for n, v in vars(module).items() if isinstance(v, kind)}
    if name not in known:
        raise UserError(f"{name!r} is none of {', '.join(sorted(known))}")
    return known[name]


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
