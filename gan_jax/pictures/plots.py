"""Figures of points and numbers, drawn through matplotlib's objects without pyplot."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from gan_jax.pictures.canvas import INK, PALETTE, figure, panels, render, tidy
from gan_jax.types import UserError

_SHARED = {"loss": "losses", "logit": "logits", "norm": "norms"}  # panels by a word in the name
_PROJECTED = 2_000  # points a side: t-SNE's time, and the eye's
_COUNTED = 20  # classes whose counts are legible


def scatter(points: np.ndarray, real: np.ndarray | None = None) -> np.ndarray:
    """Draws generated points over the density of the real ones.

    Args:
      points: generated, [N, 2]; those that are not finite are left out.
      real: [M, 2]; they set the limits. Where there are none the generated set them.

    Returns:
      The picture, with equal axes.

    Raises:
      UserError: a shape is another, or nothing finite sets the limits.
    """
    for name, array in (("points", points), ("real", points if real is None else real)):
        if np.ndim(array) != 2 or np.shape(array)[1] != 2:
            raise UserError(f"scatter draws points [N, 2]; {name} has shape {np.shape(array)}")
    points = _finite_rows(points)
    bounds = points if real is None else _finite_rows(real)
    if not len(bounds):
        raise UserError("scatter needs at least one finite point to set the limits")
    centre = (bounds.min(axis=0) + bounds.max(axis=0)) / 2
    reach = 0.6 * max(np.ptp(bounds, axis=0).max(), 1e-3)  # a margin of a tenth on each side
    (left, bottom), (right, top) = centre - reach, centre + reach
    page = figure(4.2, 4.2)
    axes = page.add_subplot()
    if real is not None:
        axes.imshow(
            _density(bounds, centre, reach),
            extent=(left, right, bottom, top),
            origin="lower",
            cmap="Greys",
            vmax=1.6,  # mid-grey at most, for the points to stand out
            interpolation="bilinear",
        )
        axes.plot([], [], "s", color="#aaaaaa", markersize=5, label="real")
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=4,
        color=PALETTE[1],
        alpha=0.5,
        linewidths=0,
        label="generated",
    )
    axes.set(xlim=(left, right), ylim=(bottom, top))
    if real is not None:
        axes.legend(
            frameon=False, fontsize=8, loc="upper right", markerscale=1.6, handletextpad=0.2
        )
    axes.tick_params(labelsize=7, colors=INK, length=2)
    axes.spines[:].set_color("#cccccc")
    return render(page)


def projection(
    real: np.ndarray,
    fake: np.ndarray,
    method: Literal["tsne", "pca"] = "tsne",
    seed: int = 0,
) -> np.ndarray:
    """Draws real and generated features in a plane that is laid out for both together.

    Visualizing Data using t-SNE, van der Maaten & Hinton, 2008, JMLR 9, 2579-2605: who lies beside
    whom means something there, how far clusters lie apart and how large they are does not.

    Args:
      real: [N, D]; of the rows that are finite the first 2,000.
      fake: [M, D], generated, likewise.
      method: `tsne`, which keeps neighbours, or `pca`, which keeps the directions of most variance.
      seed: of the layout; the same seed, the same picture.

    Returns:
      The picture.

    Raises:
      UserError: a shape is another, D is 1, a side has no finite row, or the method is another.
    """
    sides = [np.asarray(real), np.asarray(fake)]
    if any(x.ndim != 2 for x in sides) or not sides[0].shape[1] == sides[1].shape[1] >= 2:
        shapes = " and ".join(str(list(x.shape)) for x in sides)
        raise UserError(f"projection takes features [N, D] and [M, D], D at least 2; got {shapes}")
    sides = [_finite_rows(x)[:_PROJECTED] for x in sides]
    if not all(len(x) for x in sides):
        raise UserError("projection needs a finite row of real and of generated features")
    points = _plane(np.concatenate(sides).astype(np.float64), method, seed)
    colours = np.repeat(PALETTE[:2], [len(x) for x in sides])
    order = np.random.default_rng(seed).permutation(len(points))  # neither side covers the other
    page = figure(6.4, 5.6)
    axes = page.add_subplot(xticks=[], yticks=[])
    across, up = points[order].T
    axes.scatter(across, up, s=7, c=colours[order], alpha=0.6, linewidths=0)
    for colour, label in zip(PALETTE[:2], ("real", "generated"), strict=True):
        axes.plot([], [], "o", color=colour, markersize=5, label=label)
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[:].set_color("#cccccc")
    page.legend(
        frameon=False,
        fontsize=10,
        labelcolor=INK,
        loc="outside upper left",
        ncols=2,
        handletextpad=0,
        columnspacing=1,
    )
    return render(page)


def confusion(matrix: np.ndarray, names: Sequence[str] | None = None) -> np.ndarray:
    """Draws how often each class was taken for each: counts, shaded by their share of the row.

    Args:
      matrix: [K, K] counts, rows by label and columns by prediction, as
        `metrics.confusion_matrix` has it. More than 20 classes get neither counts nor names.
      names: of the classes; their numbers if None.

    Returns:
      The picture.

    Raises:
      UserError: the matrix is not square, or the names are not K.
    """
    matrix = np.asarray(matrix)
    classes = len(matrix)
    names = [str(k) for k in range(classes)] if names is None else names
    if matrix.shape != (classes, classes) or len(names) != classes:
        raise UserError(
            f"a confusion matrix is [K, K] with K names, got {list(matrix.shape)} and {len(names)}"
        )
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(1.2 + 0.42 * classes, 7)
    page = figure(side, side)
    axes = page.add_subplot()
    axes.set_xlabel("prediction", color=INK)
    axes.set_ylabel("label", color=INK)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if classes <= _COUNTED:
        slant = 45 if max(map(len, names)) > 3 else 0
        axes.set_xticks(range(classes), names, rotation=slant)
        axes.set_yticks(range(classes), names)
        for row, column in np.argwhere(matrix):
            count, colour = matrix[row, column], "white" if shares[row, column] > 0.5 else INK
            axes.text(column, row, f"{count:,}", color=colour, fontsize=7, ha="center", va="center")
    axes.tick_params(labelsize=8, colors=INK, length=0)
    axes.spines[:].set_color("#cccccc")
    return render(page)


def curves(records: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Draws metrics against steps, one panel a subject.

    Losses share a panel, as do logits, and norms (on a logarithmic scale); every other name has its
    own, with a line per player. Where there are many points, a moving average runs over them.

    Args:
      records: as in `metrics.jsonl`, with `step` and numbers by `player/name` or
        `player/turn/name`; what is not a number is left out, and not every record has every one.

    Returns:
      The picture.
    """
    subjects = _panels({key for record in records for key in record} - {"step"})
    series = {key: _series(records, key) for keys in subjects.values() for key in keys}
    drawn = {
        title: [key for key in keys if len(series[key][0])] for title, keys in subjects.items()
    }
    drawn = {title: keys for title, keys in drawn.items() if keys} or {"no metrics yet": []}
    across = min(len(drawn), 2 if len(drawn) in (2, 4) else 3)
    down = math.ceil(len(drawn) / across)
    page = panels(across, down, 3.3, 2.4)
    for place, (title, keys) in enumerate(drawn.items(), start=1):
        axes = page.add_subplot(down, across, place)
        _panel(axes, title, {key: series[key] for key in keys})
    return render(page)


def _finite_rows(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    return x[np.isfinite(x).all(axis=1)]


def _density(points: np.ndarray, centre: np.ndarray, reach: float) -> np.ndarray:
    """A smoothed histogram of points over the square centre ± reach, at most 1, first axis up."""
    from scipy import ndimage  # slow to import

    limits = np.stack([centre - reach, centre + reach], axis=1)
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=160, range=limits)
    smooth = ndimage.gaussian_filter(counts.T, sigma=1.5)
    return np.sqrt(smooth / smooth.max())  # the root keeps sparse regions visible


def _plane(features: np.ndarray, method: str, seed: int) -> np.ndarray:
    """Lays features [N, D] out in the plane, [N, 2]."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if method == "pca":
        return PCA(2, random_state=seed).fit_transform(features)
    if method == "tsne":
        tsne = TSNE(perplexity=min(30, (len(features) - 1) / 3), init="pca", random_state=seed)
        # Its threads meet some thousand times: on busy cores, to wait for one another.
        with threadpool_limits(1, "openmp"):
            return tsne.fit_transform(features)
    raise UserError(f"projection knows the methods tsne and pca, not {method}")


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
    for colour, (key, (steps, values)) in zip(itertools.cycle(PALETTE), series.items()):
        _line(axes, steps, values, colour=colour, label=_label(key, series))
    if title == "norms" and all((values > 0).all() for _, values in series.values()):
        axes.set_yscale("log")
    tidy(axes, title if len(series) != 1 else next(iter(series)).replace("_", " "))
    if len(series) > 1:
        axes.legend(fontsize=7, handlelength=1.2, labelcolor=INK, framealpha=0.8, edgecolor="none")


def _label(key: str, keys: Iterable[str]) -> str:
    """What tells `player/name` or `player/turn/name` from the other keys of its panel."""
    paths = [other.split("/") for other in keys]
    path = key.split("/")
    first = 0 if len({other[0] for other in paths}) > 1 else 1  # the player, if there are several
    last = len(path) if len({other[-1] for other in paths}) > 1 else -1
    return " ".join(path[first:last] or path[:1]).replace("_", " ")


def _line(axes: Axes, steps: np.ndarray, values: np.ndarray, *, colour: str, label: str) -> None:
    window = len(values) // 40
    if window >= 3:
        from scipy import ndimage  # slow to import

        axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.8)
        values = ndimage.uniform_filter1d(values, window)
    marker = "o" if len(values) < 20 else None
    axes.plot(steps, values, marker=marker, markersize=3, color=colour, linewidth=1.3, label=label)
