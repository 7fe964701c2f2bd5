"""A sweep: its members, which of them are trained together, and their tables; see `ablate`."""

import csv
import hashlib
import io
import itertools
import json
import math
import re
import runpy
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax import optimizers
from gan_jax.ranges import Range, rounded
from gan_jax.types import UserError

EVALUATED = ("fid", "kid", "precision", "recall")
"""Figures of `experiments.evaluate` where a sweep names neither those of its runs nor `metrics`."""

SUCCESS = "success"
"""What is tabled of members beside their figures: 1 where they have it, 0 elsewhere."""

_PARTS = ("BASE", "SEEDS")
_DIRECTIONS = ("minimize", "maximize")


class Member(NamedTuple):
    """A run of the sweep."""

    setting: str
    seed: int
    base: str
    overrides: Mapping[str, Any]
    workdir: Path


def read(path: Path) -> Mapping[str, Any]:
    """What a file says.

    Raises:
      UserError: there is none, or it cannot be run.
    """
    if not path.is_file():
        raise UserError(f"there is no sweep at {path}")
    try:
        return runpy.run_path(str(path))
    except Exception as error:  # whatever a file may do
        raise UserError(f"{path}: {type(error).__name__}: {error}") from error


def settings_of(sweep: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Dotted settings by name: `SETTINGS`, every combination of `AXES`, or random ones of `DRAWS`.

    Raises:
      UserError: the file lacks a part, has two of these, or draws from what is no axis.
    """
    if missing := [name for name in _PARTS if name not in sweep]:
        raise UserError(f"the sweep has no {missing[0]}")
    if ("SETTINGS" in sweep) == ("AXES" in sweep):
        raise UserError("the sweep has to have SETTINGS, or AXES in their place")
    if "SETTINGS" in sweep:
        return dict(sweep["SETTINGS"])
    axes = sweep["AXES"]
    if "DRAWS" in sweep:
        random = np.random.default_rng(sweep.get("DRAW_SEED", 0))
        chosen = [
            {name: _drawn(v, random) for name, v in axes.items()} for _ in range(sweep["DRAWS"])
        ]
    else:
        if endless := [name for name, values in axes.items() if isinstance(values, Range)]:
            raise UserError(f"the axis {endless[0]} is a range: say how many DRAWS there shall be")
        chosen = [
            dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
        ]
    return {", ".join(f"{name}={value}" for name, value in one.items()): one for one in chosen}


def _drawn(values: Any, random: np.random.Generator) -> Any:
    return (
        values.draw(random) if isinstance(values, Range) else values[random.integers(len(values))]
    )


def members_of(sweep: Mapping[str, Any], folder: Path) -> list[Member]:
    """The runs of a sweep, setting by setting.

    Raises:
      UserError: as `settings_of` does, the sweep has two ways to score its members, or two settings
        would share a folder.
    """
    if also := [name for name in ("FIGURES", "EVALUATE") if name in sweep and "COST" in sweep]:
        raise UserError(f"the sweep has COST and {also[0]}: it takes one of them")
    settings, common = settings_of(sweep), sweep.get("OVERRIDES", {})
    folders = [_folder(name) for name in settings]
    if doubled := [name for name in folders if folders.count(name) > 1]:
        raise UserError(f"two settings would share the folder {doubled[0]}: name them otherwise")
    return [
        Member(
            name,
            seed,
            values.get("BASE", sweep["BASE"]),
            {n: v for n, v in {**common, **values, "seed": seed}.items() if n != "BASE"},
            folder / _folder(name) / f"seed_{seed}",
        )
        for name, values in settings.items()
        for seed in sweep["SEEDS"]
    ]


def _folder(setting: str) -> str:
    return re.sub(r"[^\w.=-]+", "_", setting)


def groups_of(members: Sequence[Member], most: int) -> list[list[Member]]:
    """Members that differ in seeds and numbers of optimizers alone, so many at most, together."""
    alike: dict[str, list[Member]] = {}
    for member in members:
        alike.setdefault(_structure(member), []).append(member)
    return [
        group[start : start + most]
        for group in alike.values()
        for start in range(0, len(group), most)
    ]


def _structure(member: Member) -> str:
    """What decides over the program of a run."""
    free = lambda name: name == "seed" or name.rpartition(".")[2] in optimizers.NUMBERS
    settings = {n: value for n, value in sorted(member.overrides.items()) if not free(n)}
    return json.dumps([member.base, settings], default=str)


def searchable(sweep: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sweep, if it can be searched.

    Raises:
      UserError: it lacks a part, has a cost, or the objective is no figure of it.
    """
    if missing := [name for name in ("BASE", "SEEDS", "AXES", "OBJECTIVE") if name not in sweep]:
        raise UserError(f"the sweep has no {missing[0]}, which a search needs")
    if "COST" in sweep:
        raise UserError("a sweep with a COST is no search: give FIGURES or EVALUATE")
    figures = sweep.get("FIGURES", EVALUATED)
    if sweep["OBJECTIVE"] not in figures and "metrics" not in sweep.get("EVALUATE", {}):
        raise UserError(f"OBJECTIVE {sweep['OBJECTIVE']!r} is none of {', '.join(figures)}")
    if sweep.get("DIRECTION") not in _DIRECTIONS:
        raise UserError(f"the sweep's DIRECTION is {' or '.join(map(repr, _DIRECTIONS))}")
    return sweep


def setting_of(axes: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The setting that a trial's parameters stand for, numbers to four digits."""
    return {
        name: rounded(params[name])
        if isinstance(values, Range)
        else {str(value): value for value in values}[params[name]]
        for name, values in axes.items()
    }


class Outcome(NamedTuple):
    """What became of a member: its figures, or why there are none; whether it is a success."""

    figures: Mapping[str, float] | None
    failure: str = ""
    success: bool | None = None


def judged(sweep: Mapping[str, Any], outcome: Outcome) -> Outcome:
    """An outcome by the sweep's `SUCCESS`, if it has such: all of these figures within bounds."""
    if "SUCCESS" not in sweep:
        return outcome
    found = outcome.figures or {}
    within = lambda name, low, high: low <= found.get(name, math.nan) <= high
    return outcome._replace(success=all(within(n, *b) for n, b in sweep["SUCCESS"].items()))


def cost(
    records: Sequence[Mapping[str, Any]], name: str, bound: float, examples: int
) -> dict[str, float] | None:
    """What it took until a figure first fell to a bound: steps, and seconds of them alone.

    Compiling, pictures and evaluations are not in it. What a run did between two logs counts by the
    throughput of the second.

    Args:
      records: of `metrics.jsonl`.
      name: of the figure.
      bound: what it falls to.
      examples: of a step.

    Returns:
      `steps` and `seconds`, not a number where no throughput was logged; None where it never fell
      so low.
    """
    known = [record for record in records if record.get(name) is not None]  # null: not finite
    reached = next((record["step"] for record in known if record[name] <= bound), None)
    if reached is None:
        return None
    key = "throughput/examples_per_second"
    rates = [(record["step"], record[key]) for record in records if record.get(key)]
    if not rates:
        return {"steps": reached, "seconds": math.nan}
    seconds, start = 0.0, 0
    for end, rate in [*rates, (reached, rates[-1][1])]:
        seconds += max(min(end, reached) - start, 0) * examples / rate
        start = max(start, end)
    return {"steps": reached, "seconds": seconds}


def told(sweep: Mapping[str, Any], member: Member) -> str:
    """What decides over a member's figures, as its folder keeps it."""
    recipe = Path(member.base.partition(":")[0])
    text = hashlib.sha256(recipe.read_bytes()).hexdigest() if recipe.is_file() else ""
    scored = [sweep.get("FIGURES"), sweep.get("EVALUATE"), *sweep.get("COST", ())]
    return json.dumps([member.base, text, member.overrides, *scored], default=str)


def outcome(sweep: Mapping[str, Any], member: Member) -> Outcome | None:
    """What became of a member, or None where it is not done."""
    path = member.workdir / "member.json"
    if not path.exists():
        return None
    record = json.loads(path.read_text())
    if record["told"] != told(sweep, member):
        return None
    return judged(sweep, Outcome(record["figures"], record["failure"]))


Outcomes = Sequence[tuple[Member, Outcome]]


class Interval(NamedTuple):
    """A mean, and half of its 95 % confidence interval by Student's t; None of a single value."""

    mean: float
    half: float | None

    def __str__(self) -> str:
        return f"{self.mean:.3g}" + ("" if self.half is None else f" ± {self.half:.2g}")


def interval(values: Sequence[float]) -> Interval:
    """Of one value at least."""
    if len(values) == 1:
        return Interval(values[0], None)
    from scipy.stats import t

    error = statistics.stdev(values) / math.sqrt(len(values))
    return Interval(statistics.mean(values), float(t.ppf(0.975, len(values) - 1)) * error)


def intervals(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """Of the figures of those that did not fail, by name; of all the share of successes."""
    good = [outcome.figures for outcome in outcomes if outcome.figures is not None]
    means = {name: interval([figures[name] for figures in good]) for name in (good or [{}])[0]}
    judged = [float(o.success) for o in outcomes if o.success is not None]
    return means | ({SUCCESS: interval(judged)} if judged else {})


def summary(found: Outcomes) -> dict[str, dict[str, Interval]]:
    """Of each setting its `intervals`."""
    return {setting: intervals(outcomes) for setting, outcomes in by_setting(found)}


def table(found: Outcomes) -> str:
    """In Markdown: means with 95 % confidence intervals over the seeds that did not fail."""
    names, means = figures_of(found), summary(found)
    lines = [f"| setting | {' | '.join(names)} | seeds, failed |", "|---" * (len(names) + 2) + "|"]
    for setting, outcomes in by_setting(found):
        cells = [str(means[setting].get(name, "-")) for name in names]
        failed = sum(outcome.figures is None for outcome in outcomes)
        lines.append(f"| {' | '.join([setting, *cells])} | {len(outcomes)}, {failed} |")
    return "\n".join(lines) + "\n"


def rows(found: Outcomes) -> str:
    """In CSV: a line a member, with its settings, its figures and why it failed."""
    names, settings = figures_of(found), sorted({name for m, _ in found for name in m.overrides})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["setting", *settings, *names, "failure"])
    for member, outcome in found:
        values = [member.overrides.get(name, "") for name in settings]
        known = {**(outcome.figures or {}), SUCCESS: outcome.success}
        figures = [known.get(name, "") for name in names]
        writer.writerow([member.setting, *values, *figures, outcome.failure])
    return out.getvalue()


def figures_of(found: Outcomes) -> list[str]:
    """Names of the figures, in order; last of success, where it is judged."""
    names = dict.fromkeys(name for _, outcome in found for name in outcome.figures or {})
    judged = any(outcome.success is not None for _, outcome in found)
    return [*names, *[SUCCESS] * judged]


def by_setting(found: Outcomes) -> Iterator[tuple[str, list[Outcome]]]:
    """Settings in order, each with what became of its members."""
    settings: dict[str, list[Outcome]] = {}
    for member, outcome in found:
        settings.setdefault(member.setting, []).append(outcome)
    yield from settings.items()
