"""The report of a sweep, a page of HTML: its table, what each axis does, samples, failures."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments import charts, html_page, sweeps
from experiments.charts import Axis
from experiments.html_page import Picture
from experiments.sweeps import Interval, Outcome, Outcomes

_STYLE = (
    charts.STYLE
    + """
td, thead th + th { white-space: nowrap; font-variant-numeric: tabular-nums; }
.pictures figure { min-width: 0; }
"""
)
_APART = 8  # values of an axis that are shown one by one
_PIXELS, _SMALLEST, _LARGEST = 1_000_000, 48, 320  # of all pictures together, and sides of one


def page(
    title: str, found: Outcomes, axes: Sequence[str] = (), pictures: Sequence[Picture] = ()
) -> str:
    """The whole report as HTML.

    Args:
      title: plain text.
      found: the members and what became of them.
      axes: names of the settings whose effects are told; of a list of settings, none.
      pictures: of samples, one a setting.
    """
    failed = [
        f"{member.setting}, seed {member.seed}: {outcome.failure}"
        for member, outcome in found
        if outcome.figures is None
    ]
    figures = sweeps.figures_of(found)
    parts = [f'<div class="wide">{_table(found)}</div>']
    if failed:
        parts.append(f"<h2>Failures</h2>{html_page.notes(failed)}")
    if figures and axes:
        told = "Means and 95 % intervals over all members of a value, whatever else they have."
        parts.append(f"<h2>Main effects</h2><p>{told}</p>")
        parts += [_charts(axis, effects(found, axis)) for axis in axes]
    elif figures:
        settings = sweeps.summary(found)
        parts.append(f"<h2>Settings</h2>{_charts('', settings)}")
    if figures and (drawn := coordinates(found)):
        told = f"A line a setting, coloured by its {figures[0]}: blue is lowest, orange highest."
        names = [name for name, _ in sweeps.by_setting(found)]
        shades = next(axis.places for axis in drawn if axis.name == figures[0])
        chart = charts.parallel(drawn, names, shades)
        parts.append(f"<h2>Parallel coordinates</h2><p>{escape(told)}</p>{chart}")
    if pictures:
        parts.append(f"<h2>Samples</h2>{html_page.row(pictures)}")
    return html_page.page(title, parts, _STYLE)


def effects(found: Outcomes, axis: str) -> dict[str, dict[str, Interval]]:
    """Of each value of an axis, by figure, the mean over all members that have it.

    More than eight numbers are put into four classes of equally many.
    """
    values = [member.overrides[axis] for member, _ in found]
    labels = _classes(values) if len(set(map(str, values))) > _APART else list(map(str, values))
    order = dict.fromkeys(
        label for _, label in sorted(zip(map(_rank, values), labels, strict=True))
    )
    members: dict[str, list[Outcome]] = {label: [] for label in order}
    for label, (_, outcome) in zip(labels, found, strict=True):
        members[label].append(outcome)
    return {label: sweeps.intervals(outcomes) for label, outcomes in members.items()}


def _rank(value: Any) -> tuple[float, str]:
    """Numbers by size, and then what is none by name."""
    return (float(value), "") if _is_number(value) else (math.inf, str(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _classes(values: Sequence[Any]) -> list[str]:
    """Of each number the bounds of its quarter; of what is none its name."""
    numbers = sorted({value for value in values if _is_number(value)})
    quarters = [list(part) for part in np.array_split(np.array(numbers), 4) if len(part)]
    names = {v: f"{part[0]:.4g} to {part[-1]:.4g}" for part in quarters for v in part}
    return [names[value] if _is_number(value) else str(value) for value in values]


def coordinates(found: Outcomes) -> list[Axis]:
    """The settings that members differ in, and the means of their figures, as parallel axes."""
    firsts = {member.setting: member for member, _ in reversed(found)}
    members = [firsts[name] for name, _ in sweeps.by_setting(found)]
    names = dict.fromkeys(name for member in members for name in member.overrides)
    given = {"recipe": [member.base for member in members]} | {
        name: [member.overrides.get(name, "-") for member in members]
        for name in names
        if name != "seed"
    }
    axes = [axis_of(n, values) for n, values in given.items() if len(set(map(str, values))) > 1]
    means = list(sweeps.summary(found).values())
    return axes + [
        axis_of(name, [m[name].mean if name in m else None for m in means], apart=False)
        for name in sweeps.figures_of(found)
    ]


def axis_of(name: str, values: Sequence[Any], *, apart: bool = True) -> Axis:
    """An axis of these values: even steps of few, or of what is no number; else to scale.

    The scale is logarithmic where values are positive and span a factor of thirty.
    """
    there = [value for value in values if value is not None]
    distinct = sorted(
        {str(value): value for value in there}.items(), key=lambda pair: _rank(pair[1])
    )
    if (apart and len(distinct) <= _APART) or not all(map(_is_number, there)):
        places = {text: i / max(len(distinct) - 1, 1) for i, (text, _) in enumerate(distinct)}
        ticks = [(place, text) for text, place in places.items()]
        return Axis(name, [None if v is None else places[str(v)] for v in values], ticks)
    low, high = min(there), max(there)
    scale = math.log10 if low > 0 and high / low >= 30 else float
    if low == high:
        return Axis(name, [None if v is None else 0.5 for v in values], [(0.5, f"{low:.4g}")])
    place = lambda v: (scale(v) - scale(low)) / (scale(high) - scale(low))
    marks = charts.ticks(low, high)
    if scale is math.log10:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        between = [10.0**power for power in powers if 0.1 < place(10.0**power) < 0.9]
        marks = [low, *between, high]
    ticks = [(place(mark), f"{mark:.4g}") for mark in marks]
    return Axis(name, [None if v is None else place(v) for v in values], ticks)


def newest_picture(workdir: Path) -> Path | None:
    """The newest of a run's pictures of samples."""
    return max((workdir / "samples").glob("*.png"), default=None)


def pictures_of(found: Outcomes) -> list[Picture]:
    """Of each setting the newest samples of its first seed; the more there are, the smaller."""
    firsts = {member.setting: member.workdir for member, _ in reversed(found)}
    paths = {name: newest_picture(firsts[name]) for name, _ in sweeps.by_setting(found)}
    side = int(math.sqrt(_PIXELS / max(len(paths), 1)))
    side = min(max(side, _SMALLEST), _LARGEST)
    return [Picture(_shrunk(path, side), name) for name, path in paths.items() if path is not None]


def _shrunk(path: Path, side: int) -> np.ndarray:
    """A picture within a square, uint8 [H, W, 3]."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _charts(title: str, effects: Mapping[str, Mapping[str, Interval]]) -> str:
    """A chart a figure, of all values."""
    figures = dict.fromkeys(name for found in effects.values() for name in found)
    parts = [f"<h3>{escape(title)}</h3>"] if title else []
    for name in figures:
        marks = {value: found.get(name) for value, found in effects.items()}
        ends = [end for mark in marks.values() if mark for end in _ends(mark)]
        chart = charts.dots(marks, min(ends), max(ends))
        parts.append(f"<figure>{chart}<figcaption>{escape(name)}</figcaption></figure>")
    return "".join(parts)


def _ends(mark: Interval) -> tuple[float, float]:
    return mark.mean - (mark.half or 0), mark.mean + (mark.half or 0)


def _table(found: Outcomes) -> str:
    names = sweeps.figures_of(found)
    head = "".join(f"<th>{escape(name)}</th>" for name in ("setting", *names, "seeds, failed"))
    rows = []
    for (setting, outcomes), means in zip(
        sweeps.by_setting(found), sweeps.summary(found).values(), strict=True
    ):
        failed = sum(outcome.figures is None for outcome in outcomes)
        cells = [str(means.get(name, "-")) for name in names]
        cells.append(f"{len(outcomes)}, {failed}")
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(setting)}</th>{row}</tr>')
    body = "\n".join(rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
