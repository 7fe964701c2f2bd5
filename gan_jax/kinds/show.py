"""Pictures of samples by their kind."""

import functools
from collections.abc import Mapping

import numpy as np

from gan_jax import pictures
from gan_jax.data.kinds import Audio, Category, Image, Kind, Real, Table, Tokens, Video
from gan_jax.types import UserError

WANTED: Mapping[type[Kind], int] = {
    Image: 80,
    Video: 8,
    Audio: 8,
    Tokens: 16,
    Category: 2_000,
    Real: 2_000,
    Table: 2_000,
}
"""How many samples a picture of each kind asks for; it takes any number."""

_FRAMES = 16  # of a video
_MAPS = 80  # of labels
_ROW = 32  # numbers that are taken for a row of a table; more, for a series


def samples(
    kind: Kind,
    samples: np.ndarray,
    *,
    columns: int | None = None,
    real: np.ndarray | None = None,
) -> np.ndarray:
    """Draws samples as a person looks at their kind.

    Images are a grid, videos strips of frames, sounds waves with spectrograms, texts lines, classes
    a bar chart of shares, maps of labels a grid in colours, points a scatter, rows of a table
    histograms and correlations, other numbers lines.

    Args:
      kind: of the samples.
      samples: [N, ...], as a net makes them or as they are stored; see `WANTED`.
      columns: how many of images, videos, sounds or maps stand in a row.
      real: [M, ...], what points, rows, series and classes are drawn beside.

    Returns:
      The picture, uint8 [H, W, 3].

    Raises:
      UserError: the shape is not one of this kind, or there are no samples.
    """
    samples = np.asarray(samples)
    if not samples.size:
        raise UserError(f"a picture needs at least one {kind.name}; got {list(samples.shape)}")
    return _draw(kind, samples, columns, None if real is None else np.asarray(real))


def strips(kinds: Kind | Mapping[str, Kind], titled: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draws columns that belong together: what went in, what came out, what was wanted.

    Images and maps of labels stand below each other, the i-th of each in one column; other kinds
    get a section each.

    Args:
      kinds: of all, or of each by title.
      titled: [N, ...] by title.

    Returns:
      The picture, uint8 [H, W, 3].

    Raises:
      UserError: a shape is not one of its kind, or images are not equally many.
    """
    by_title = {title: kinds[title] if isinstance(kinds, Mapping) else kinds for title in titled}
    arrays = {title: np.asarray(x) for title, x in titled.items()}
    images = {title: _as_images(by_title[title], x) for title, x in arrays.items()}
    found = {title: x for title, x in images.items() if x is not None}
    if len(found) == len(images):
        return pictures.rows(found)
    return pictures.sections({title: samples(by_title[title], x) for title, x in arrays.items()})


def confusion(kind: Category, matrix: np.ndarray) -> np.ndarray:
    """Draws how often each class was taken for each, as `metrics.confusion_matrix` has it.

    Returns:
      The picture, uint8 [H, W, 3].
    """
    return pictures.confusion(matrix, kind.classes)


@functools.singledispatch
def _draw(kind: Kind, x: np.ndarray, columns: int | None, real: np.ndarray | None) -> np.ndarray:
    raise UserError(f"there is no picture of {kind.name}")


@_draw.register
def _(kind: Image, x: np.ndarray, columns: int | None, real: np.ndarray | None) -> np.ndarray:
    return pictures.grid(x, columns)


@_draw.register
def _(kind: Video, x: np.ndarray, columns: int | None, real: np.ndarray | None) -> np.ndarray:
    if x.ndim != 5:
        raise UserError(f"videos are [N, T, H, W, C]; got {list(x.shape)}")
    frames = x[:, np.linspace(0, x.shape[1] - 1, min(x.shape[1], _FRAMES)).round().astype(int)]
    films = [pictures.grid(video, len(video), border=1) for video in frames]
    return pictures.grid(np.stack(films), columns or 1, border=4)


@_draw.register
def _(kind: Audio, x: np.ndarray, columns: int | None, real: np.ndarray | None) -> np.ndarray:
    waves = x / 32_768 if x.dtype == np.int16 else x
    return pictures.sounds(waves[: WANTED[Audio]], kind.rate, columns)


@_draw.register
def _(kind: Tokens, x: np.ndarray, columns: int | None, real: np.ndarray | None) -> np.ndarray:
    return pictures.texts([kind.text(row) for row in x[: WANTED[Tokens]]])


@_draw.register
def _(kind: Category, x: np.ndarray, columns: int | None, real: np.ndarray | None) -> np.ndarray:
    maps = _as_images(kind, x)
    if maps is None:
        return pictures.shares(x, real, kind.classes)
    grid = pictures.grid(maps[:_MAPS], columns)
    if not kind.classes:
        return grid
    names = pictures.legend(pictures.palette(len(kind.classes)), kind.classes)
    width = max(grid.shape[1], names.shape[1])
    parts = [
        np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255)
        for part in (grid, names)
    ]
    return np.concatenate(parts)


@_draw.register
def _(kind: Real, x: np.ndarray, columns: int | None, real: np.ndarray | None) -> np.ndarray:
    x, real = _rows(x), None if real is None else _rows(real)
    if x.ndim == 2 and x.shape[1] == 2 and not kind.columns:
        return pictures.scatter(x, real)
    if x.ndim == 2 and (kind.columns or x.shape[1] <= _ROW):
        return pictures.marginals(x, real, kind.columns)
    return pictures.lines(x, real)


def _rows(x: np.ndarray) -> np.ndarray:
    """Numbers [N] and rows [N, D] as rows, anything longer as series [N, T, C]."""
    return x.reshape(len(x), -1) if x.ndim < 3 else x.reshape(*x.shape[:2], -1)


def _as_images(kind: Kind, x: np.ndarray) -> np.ndarray | None:
    """[N, H, W, C] of what is an image or can be shown as one, else None."""
    if isinstance(kind, Image):
        return x
    if isinstance(kind, Category) and x.ndim == 3:
        colours = pictures.palette(max(len(kind.classes), int(x.max(initial=0)) + 1))
        return colours[x.astype(int)]
    return None
