"""Charts as inline SVG, drawn in the colours of the page they stand on: text from numbers."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator

from experiments.sweeps import Interval

STYLE = """
svg { display: block; font: 12px system-ui, "Segoe UI", Roboto, sans-serif; }
svg text { fill: var(--ink); }
svg .quiet { fill: var(--quiet); stroke: var(--paper); stroke-width: 3; paint-order: stroke; }
svg line { stroke: var(--line); }
svg .mark { stroke: #0072b2; stroke-width: 2; fill: #0072b2; }
svg path { fill: none; stroke-width: 1.5; opacity: .8; }
svg path:hover { stroke-width: 4; opacity: 1; }
.wide { overflow-x: auto; }
"""

_STOPS = (0, 114, 178), (176, 70, 140), (213, 94, 0)  # blue, purple, orange: in light and dark
_LABEL, _PLOT, _NUMBER, _LINE = 240, 320, 140, 22  # pixels: a row's three columns, and its height
_APART, _TALL = 150, 260  # pixels: between parallel axes, and their length
_LETTERS = 36  # of a label that fits


class Axis(NamedTuple):
    """One of several parallel axes.

    Attributes:
      name: plain text.
      places: of each line on it, from 0 at the bottom to 1 at the top; None where it has none.
      ticks: places, and what is written there.
    """

    name: str
    places: Sequence[float | None]
    ticks: Sequence[tuple[float, str]]


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between two."""
    values = MaxNLocator(count).tick_values(low, high)
    return [float(value) for value in values if low <= value <= high]


def dots(marks: Mapping[str, Interval | None], low: float, high: float) -> str:
    """A line each: its name, a dot with its interval between `low` and `high`, and the number.

    An interval that is wider is cut off.
    """
    span = (high - low) or 1.0
    x = lambda value: _LABEL + _PLOT * min(max((value - low) / span, 0.0), 1.0)
    bottom = _LINE * len(marks)
    parts = [
        f'<line x1="{x(t):.1f}" x2="{x(t):.1f}" y1="0" y2="{bottom}"/>'
        f'<text class="quiet" x="{x(t):.1f}" y="{bottom + 16}" text-anchor="middle">{t:.4g}</text>'
        for t in ticks(low, high)
    ]
    for index, (name, mark) in enumerate(marks.items()):
        y = _LINE * index + _LINE // 2
        label = escape(name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…")
        full = escape(name)
        parts.append(
            f'<text x="{_LABEL - 12}" y="{y + 4}" text-anchor="end">{label}<title>{full}</title>'
            "</text>"
        )
        if mark is None:
            parts.append(f'<text x="{_LABEL + _PLOT + 16}" y="{y + 4}">-</text>')
            continue
        if mark.half is not None:
            left, right = x(mark.mean - mark.half), x(mark.mean + mark.half)
            parts.append(f'<line class="mark" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="mark" cx="{x(mark.mean):.1f}" cy="{y}" r="3.5"/>')
        parts.append(f'<text x="{_LABEL + _PLOT + 16}" y="{y + 4}">{mark}</text>')
    return _svg(_LABEL + _PLOT + _NUMBER, bottom + 22, parts)


def parallel(axes: Sequence[Axis], names: Sequence[str], shades: Sequence[float | None]) -> str:
    """Parallel coordinates: a line each from axis to axis, as far as it has places.

    Args:
      axes: from left to right.
      names: of the lines, in plain text, shown where one is pointed at.
      shades: of the lines, as `colour` has them.
    """
    top, margin = 48, 70
    x = lambda index: margin + _APART * index
    y = lambda place: top + _TALL * (1 - place)
    parts = []
    for index, axis in enumerate(axes):
        parts.append(
            f'<line x1="{x(index)}" x2="{x(index)}" y1="{top}" y2="{top + _TALL}"/>'
            f'<text x="{x(index)}" y="{14 + 16 * (index % 2)}" text-anchor="middle">'
            f"{escape(axis.name)}</text>"
        )
    for index, (name, shade) in enumerate(zip(names, shades, strict=True)):
        points = []
        for place, axis in enumerate(axes):
            if (value := axis.places[index]) is None:
                break
            points.append(f"{x(place)},{y(value):.1f}")
        parts.append(
            f'<path d="M{" ".join(points)}" stroke="{colour(shade)}"><title>{escape(name)}</title>'
            "</path>"
        )
    parts += [
        f'<text class="quiet" x="{x(index) + 6}" y="{y(place) + 4:.1f}">{escape(text)}</text>'
        for index, axis in enumerate(axes)
        for place, text in axis.ticks
    ]
    return _svg(x(len(axes) - 1) + _APART - 20, top + _TALL + 14, parts)


def colour(shade: float | None) -> str:
    """From blue at 0 over purple to orange at 1, and grey for None."""
    if shade is None:
        return "#949ea7"
    low, high = _STOPS[:2] if shade < 0.5 else _STOPS[1:]
    part = 2 * shade if shade < 0.5 else 2 * shade - 1
    rgb = (round(a + (b - a) * part) for a, b in zip(low, high, strict=True))
    return "#" + "".join(f"{value:02x}" for value in rgb)


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<div class="wide"><svg {size} role="img">{"".join(parts)}</svg></div>'
