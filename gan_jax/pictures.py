"""Pictures of samples, points and metrics: pure functions from arrays to uint8 [H, W, 3].

Images come in as float in [-1, 1] or as uint8. Figures are drawn through matplotlib's objects,
without pyplot, so nothing here is global.
"""

import contextlib
import itertools
import math
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from gan_jax.types import UserError

_LEGIBLE = 48  # pixels a side; what is smaller is enlarged
_WHITE = 255
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
_INK = "#444444"
_DPI = 110
_SHARED = {"loss": "losses", "logit": "logits", "norm": "norms"}  # panels by a word in the name


def save_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Writes a uint8 image [H, W, 3] as PNG, whole or not at all."""
    path = pathlib.Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(partial, format="png")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise UserError(f"could not write {path}: {error.strerror or error}") from error


def grid(images: np.ndarray, columns: int | None = None, border: int = 2) -> np.ndarray:
    """Lays images out in a grid, filled row by row.

    Args:
      images: [N, H, W, C] with C of 1 or 3. Images smaller than 48 pixels are enlarged by a whole
        factor.
      columns: images in a row; the square root of N, rounded up, if None.
      border: white pixels around each image.

    Returns:
      The picture.

    Raises:
      UserError: the shape is another, or there are no images.
    """
    images = _to_rgb(images)
    cells = _enlarge(images, _side(images))
    return _tile(cells, columns or math.ceil(math.sqrt(len(cells))), border)


def rows(named: Mapping[str, np.ndarray], border: int = 2) -> np.ndarray:
    """Sets strips of images below each other, each with its name to the left.

    Args:
      named: images [N, H, W, C] by name, such as `input` and `reconstruction`; the i-th of each
        stand in one column.
      border: white pixels around each image.

    Returns:
      The picture.

    Raises:
      UserError: a shape is wrong, or the strips are of unequal length.
    """
    images = {name: _to_rgb(strip) for name, strip in named.items()}
    lengths = {name: len(strip) for name, strip in images.items()}
    if len(set(lengths.values())) != 1:
        raise UserError(f"strips of one picture need equally many images, got {lengths}")
    side = max(_side(strip) for strip in images.values())
    cells = [_centre(_enlarge(strip, side), side) for strip in images.values()]
    strips = [_tile(strip, len(strip), border) for strip in cells]
    labels = _labels(list(images), height=strips[0].shape[0])
    return np.concatenate([labels, np.concatenate(strips)], axis=1)


def scatter(points: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Draws generated points over the density of the real ones.

    Args:
      points: generated, [N, 2]; those that are not finite are left out.
      real: [M, 2]; they set the limits.

    Returns:
      The picture, with equal axes.

    Raises:
      UserError: a shape is another, or there are no real points.
    """
    for name, array in (("points", points), ("real", real)):
        if np.ndim(array) != 2 or np.shape(array)[1] != 2:
            raise UserError(f"scatter draws points [N, 2]; {name} has shape {np.shape(array)}")
    points, real = (x[np.isfinite(x).all(axis=1)] for x in map(np.asarray, (points, real)))
    if not len(real):
        raise UserError("scatter needs at least one real point, for they set the limits")
    centre = (real.min(axis=0) + real.max(axis=0)) / 2
    reach = 0.6 * max(np.ptp(real, axis=0).max(), 1e-3)  # a margin of a tenth on each side
    (left, bottom), (right, top) = centre - reach, centre + reach
    figure = Figure(figsize=(4.2, 4.2), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(
        _density(real, centre, reach),
        extent=(left, right, bottom, top),
        origin="lower",
        cmap="Greys",
        vmax=1.6,  # mid-grey at most, for the points to stand out
        interpolation="bilinear",
    )
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=4,
        color=_PALETTE[1],
        alpha=0.5,
        linewidths=0,
        label="generated",
    )
    axes.plot([], [], "s", color="#aaaaaa", markersize=5, label="real")
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.legend(frameon=False, fontsize=8, loc="upper right", markerscale=1.6, handletextpad=0.2)
    axes.tick_params(labelsize=7, colors=_INK, length=2)
    axes.spines[:].set_color("#cccccc")
    return _render(figure)


def curves(records: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Draws metrics against steps, one panel a subject.

    Losses share a panel, as do logits, and norms (on a logarithmic scale); every other name has its
    own, with a line per player. Where there are many points, a moving average runs over them.

    Args:
      records: as in `metrics.jsonl`, with `step` and numbers by `player/name`; what is not a number
        is left out.

    Returns:
      The picture.
    """
    panels = _panels({key for record in records for key in record} - {"step"})
    series = {key: _series(records, key) for keys in panels.values() for key in keys}
    drawn = {title: [key for key in keys if len(series[key][0])] for title, keys in panels.items()}
    drawn = {title: keys for title, keys in drawn.items() if keys} or {"no metrics yet": []}
    across = min(len(drawn), 2 if len(drawn) in (2, 4) else 3)
    down = math.ceil(len(drawn) / across)
    figure = Figure(figsize=(3.3 * across, 2.4 * down), dpi=_DPI, layout="constrained")
    for place, (title, keys) in enumerate(drawn.items(), start=1):
        axes = figure.add_subplot(down, across, place)
        _panel(axes, title, {key: series[key] for key in keys})
    return _render(figure)


def _to_rgb(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not images.size:
        raise UserError(
            f"a picture takes images [N, H, W, 1 or 3], at least one; got shape {images.shape}"
        )
    if images.dtype != np.uint8:
        images = np.nan_to_num(images.astype(np.float32), nan=-1, posinf=1, neginf=-1)
        images = np.round((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.broadcast_to(images, (*images.shape[:3], 3))


def _side(images: np.ndarray) -> int:
    """The longer side that images [N, H, W, 3] have once they are legible."""
    side = max(images.shape[1:3])
    return side * math.ceil(_LEGIBLE / side)


def _enlarge(images: np.ndarray, side: int) -> np.ndarray:
    """Repeats pixels as often as fits into a square of `side`."""
    factor = side // max(images.shape[1:3])
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def _centre(images: np.ndarray, side: int) -> np.ndarray:
    """Pads images [N, H, W, 3] with white to [N, side, side, 3]."""
    gaps = [(side - length) for length in images.shape[1:3]]
    around = [(0, 0), *((gap // 2, gap - gap // 2) for gap in gaps), (0, 0)]
    return np.pad(images, around, constant_values=_WHITE)


def _tile(cells: np.ndarray, columns: int, border: int) -> np.ndarray:
    """Arranges cells [N, H, W, 3] in rows of `columns`."""
    blank = -len(cells) % columns
    framed = np.pad(
        cells, [(0, blank), (border, border), (border, border), (0, 0)], constant_values=_WHITE
    )
    _, height, width, channels = framed.shape
    lattice = framed.reshape(-1, columns, height, width, channels).swapaxes(1, 2)
    return lattice.reshape(-1, columns * width, channels)


def _labels(names: Sequence[str], height: int) -> np.ndarray:
    """A column of names, one every `height` pixels, set flush right."""
    font = ImageFont.load_default(size=14)
    width = math.ceil(max(font.getlength(name) for name in names)) + 16
    image = Image.new("RGB", (width, height * len(names)), "white")
    draw = ImageDraw.Draw(image)
    for row, name in enumerate(names):
        middle = (width - 8, height * row + height // 2)
        draw.text(middle, name, fill=_INK, font=font, anchor="rm")
    return np.asarray(image)


def _density(points: np.ndarray, centre: np.ndarray, reach: float) -> np.ndarray:
    """A smoothed histogram of points over the square centre ± reach, at most 1, first axis up."""
    limits = np.stack([centre - reach, centre + reach], axis=1)
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=160, range=limits)
    smooth = ndimage.gaussian_filter(counts.T, sigma=1.5)
    return np.sqrt(smooth / smooth.max())  # the root keeps sparse regions visible


def _panels(keys: Iterable[str]) -> dict[str, list[str]]:
    """The keys of each panel by title, the shared panels first."""
    panels: dict[str, list[str]] = {title: [] for title in _SHARED.values()}
    for key in sorted(keys):
        name = key.rpartition("/")[2]
        shared = (title for word, title in _SHARED.items() if word in name)
        panels.setdefault(next(shared, name.replace("_", " ")), []).append(key)
    return panels


def _series(records: Sequence[Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps [T] and values [T] of a metric, where it is a finite number."""
    pairs = [
        (record["step"], record[key])
        for record in records
        if isinstance(record.get(key), int | float) and math.isfinite(record[key])
    ]
    steps, values = np.array(pairs, float).reshape(-1, 2).T
    return steps, values


def _panel(axes: Axes, title: str, series: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for colour, (key, (steps, values)) in zip(itertools.cycle(_PALETTE), series.items()):
        _line(axes, steps, values, colour=colour, label=_label(key, series))
    if title == "norms" and all((values > 0).all() for _, values in series.values()):
        axes.set_yscale("log")
    _tidy(axes, title if len(series) != 1 else next(iter(series)).replace("_", " "))
    if len(series) > 1:
        axes.legend(fontsize=7, handlelength=1.2, labelcolor=_INK, framealpha=0.8, edgecolor="none")


def _label(key: str, keys: Iterable[str]) -> str:
    """What tells `player/name` from the other keys of its panel."""
    player, _, name = key.rpartition("/")
    players = {other.rpartition("/")[0] for other in keys}
    names = {other.rpartition("/")[2] for other in keys}
    short = player if len(names) == 1 else name if len(players) == 1 else key
    return short.replace("_", " ")


def _line(axes: Axes, steps: np.ndarray, values: np.ndarray, *, colour: str, label: str) -> None:
    window = len(values) // 40
    if window >= 3:
        axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.8)
        values = ndimage.uniform_filter1d(values, window)
    marker = "o" if len(values) < 20 else None
    axes.plot(steps, values, marker=marker, markersize=3, color=colour, linewidth=1.3, label=label)


def _tidy(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=9, loc="left", color=_INK)
    axes.tick_params(labelsize=7, colors=_INK, length=2, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.grid(axis="y", color="#eeeeee", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 20k


def _render(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
