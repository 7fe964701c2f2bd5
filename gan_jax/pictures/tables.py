"""Rows of numbers and classes: how each column is distributed, and how columns go together."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from gan_jax.pictures.canvas import INK, PALETTE, SHADE, figure, frame, render
from gan_jax.types import UserError

_DRAWN = 32  # columns that get a histogram
_NAMED = 16  # columns, or classes slanted, whose names are legible
_BARS = 60  # classes that get a bar
_BINS = 40


def marginals(
    samples: np.ndarray, real: np.ndarray | None = None, names: Sequence[str] = ()
) -> np.ndarray:
    """Draws the columns' histograms, generated over real ones, and both matrices of correlation.

    What lies beyond the middle 99 percent of the real values is counted in the outermost bins.

    Args:
      samples: generated, [N, D]; the first 32 columns get a histogram.
      real: [M, D], which sets the limits; without it the generated do.
      names: of the columns; their numbers if there are none.

    Returns:
      The picture.

    Raises:
      UserError: a shape is another, or nothing is finite.
    """
    sides = {"real": real, "generated": samples}
    tables = {name: np.asarray(x, np.float64) for name, x in sides.items() if x is not None}
    width = tables["generated"].shape[-1]
    if any(x.ndim != 2 or x.shape[1] != width for x in tables.values()):
        shapes = " and ".join(str(list(x.shape)) for x in tables.values())
        raise UserError(f"marginals are of rows [N, D] and [M, D]; got {shapes}")
    tables = {name: x[np.isfinite(x).all(axis=1)] for name, x in tables.items()}
    if not all(map(len, tables.values())):
        raise UserError("marginals need a finite row of each side")
    names = names or [str(column) if width > 1 else "" for column in range(width)]
    drawn = min(width, _DRAWN)
    across = min(drawn, 6)
    down = math.ceil(drawn / across)
    below = width > 1
    size = max(1.6 * across, 3 * len(tables) if below else 3.2)
    page = figure(size, 1.3 * down + 0.4 + (size / 2 if below else 0))
    upper, *lower = page.subfigures(
        1 + below, 1, height_ratios=[1.3 * down + 0.4, size / 2][: 1 + below], squeeze=False
    )[:, 0]
    for column in range(drawn):
        axes = upper.add_subplot(down, across, column + 1)
        _histogram(axes, {name: x[:, column] for name, x in tables.items()}, names[column])
    for part in lower:
        for place, (name, x) in enumerate(tables.items(), start=1):
            _correlations(part.add_subplot(1, len(tables), place), x, f"{name}: correlation", names)
    _legend(upper, tables)
    return render(page)


def shares(
    samples: np.ndarray, real: np.ndarray | None = None, classes: Sequence[str] = ()
) -> np.ndarray:
    """Draws the share of each class as a bar, generated beside real.

    Args:
      samples: generated classes, integers of any shape.
      real: likewise.
      classes: the name of each; numbers if there are none. The first 60 get a bar.

    Returns:
      The picture.
    """
    sides = {"real": real, "generated": samples}
    counted = {n: np.asarray(x).astype(int).ravel() for n, x in sides.items() if x is not None}
    count = len(classes) or 1 + max(int(x.max(initial=0)) for x in counted.values())
    count = min(count, _BARS)
    names = list(classes or map(str, range(count)))[:count]
    page = figure(min(max(3.2, 1 + 0.4 * count), 12), 2.8)
    axes = page.add_subplot()
    broad = 0.8 / len(counted)
    for index, (side, x) in enumerate(counted.items()):
        inside = x[(x >= 0) & (x < count)]
        heights = np.bincount(inside, minlength=count) / max(len(x), 1)
        at = np.arange(count) + (index - (len(counted) - 1) / 2) * broad
        axes.bar(at, heights, broad, color=_colour(side))
    frame(axes, "share of each class")
    slant = 45 if max(map(len, names)) > 3 else 0
    shown = names if count <= 2 * _NAMED else [""] * count
    axes.set_xticks(range(count), shown, rotation=slant, ha="right" if slant else "center")
    axes.tick_params(axis="x", length=0)
    _legend(page, counted)
    return render(page)


def _colour(side: str) -> str:
    return SHADE if side == "real" else PALETTE[1]


def _legend(page: FigureBase, sides: Collection[str]) -> None:
    """Tells the sides apart above a figure or a part of one, where there are two."""
    if len(sides) > 1:
        page.legend(
            handles=[Patch(color=_colour(side), label=side) for side in sides],
            loc="outside upper right",
            ncols=2,
            frameon=False,
            fontsize=8,
            labelcolor=INK,
        )


def _histogram(axes: Axes, sides: dict[str, np.ndarray], title: str) -> None:
    bounds = sides.get("real", sides["generated"])
    low, high = np.quantile(bounds, (0.005, 0.995))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    for side, x in sides.items():
        counts, _ = np.histogram(np.clip(x, low, high), edges)
        filled = side == "real" or len(sides) == 1
        axes.stairs(counts / len(x), edges, fill=filled, color=_colour(side), linewidth=1.1)
    frame(axes, title if len(title) <= 20 else f"{title[:19]}…")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=3)


def _correlations(axes: Axes, rows: np.ndarray, title: str, names: Sequence[str]) -> None:
    centred = rows - rows.mean(axis=0)
    scale = np.sqrt((centred**2).mean(axis=0))
    unit = centred / np.where(scale > 0, scale, 1)  # a constant goes with nothing
    axes.imshow(unit.T @ unit / len(rows), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize=9, loc="left", color=INK)
    width = rows.shape[1]
    shown = names if width <= _NAMED else [""] * width
    axes.set_xticks(range(width), shown, rotation=90)
    axes.set_yticks(range(width), shown)
    axes.tick_params(labelsize=7, colors=INK, length=0)
    axes.spines[:].set_color("#cccccc")
