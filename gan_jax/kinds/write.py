"""Files of samples by their kind, each written whole or not at all."""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from scipy.io import wavfile

from gan_jax import pictures
from gan_jax.data.kinds import Audio, Category, Column, Image, Kind, Real, Table, Tokens, Video
from gan_jax.files import write_whole
from gan_jax.kinds import show
from gan_jax.types import UserError

SUFFIXES: Mapping[type[Kind], tuple[str, ...]] = {
    Image: (".png", ".gif", ".npz"),
    Video: (".gif", ".png", ".npz"),
    Audio: (".wav", ".png", ".npz"),
    Tokens: (".txt", ".png", ".npz"),
    Category: (".png", ".csv", ".npz"),
    Real: (".png", ".csv", ".npz"),
    Table: (".png", ".csv", ".npz"),
}
"""What samples of each kind can be written as, first what suits it best."""

_GAP = 0.25  # seconds of silence between sounds
_STILL = 4.0  # images a second, where there is no rate
_SHOWN = 16  # videos in one GIF


def default_suffix(kind: Kind) -> str:
    """What samples are written as where nobody says: `.csv` for rows of a table, say."""
    return ".csv" if isinstance(kind, Real) and kind.columns else SUFFIXES[type(kind)][0]


def companions(kind: Kind) -> tuple[str, ...]:
    """What samples are written as beside a picture, to be heard, read or seen to move."""
    return tuple(suffix for suffix in SUFFIXES[type(kind)][:1] if suffix != ".png")


def check_suffix(path: str | os.PathLike[str], kind: Kind) -> str:
    """The suffix of a path that samples of this kind can be written to.

    Raises:
      UserError: they cannot; it names the suffixes that suit.
    """
    suffix, suited = Path(path).suffix.lower(), SUFFIXES[type(kind)]
    if suffix not in suited:
        raise UserError(f"{path}: {kind.name} is written as {', '.join(suited)}")
    return suffix


def samples(
    path: str | os.PathLike[str],
    kind: Kind,
    samples: np.ndarray,
    *,
    extras: Mapping[str, np.ndarray] | None = None,
    picture: np.ndarray | None = None,
) -> None:
    r"""Writes samples as the suffix of `path` says.

    `.png`: the picture. `.gif`: videos beside each other, or images one after another. `.wav`:
    int16, one after another with a short silence between. `.txt`: a line each, in which `\n` stands
    for a line's end and `\\` for a backslash. `.csv`: a row each under the columns' names, classes
    by theirs. `.npz`: `samples` (float32, or int32 of tokens and classes) and the extras.

    Args:
      path: where to.
      kind: of the samples.
      samples: [N, ...], as a net makes them or as they are stored.
      extras: what else is known of each, [N, ...] by column; `label` is called `labels` in an
        `.npz`. A `.csv` takes those of one number each.
      picture: of the samples, uint8 [H, W, 3], for `.png`; drawn where there is none.

    Raises:
      UserError: the suffix does not suit the kind, or the file could not be written.
    """
    suffix = check_suffix(path, kind)
    x, extras = np.asarray(samples), extras or {}
    if suffix == ".png":
        pictures.save_png(path, show.samples(kind, x) if picture is None else picture)
    elif suffix == ".npz":
        write_whole(path, _npz(kind, x, extras))
    elif suffix == ".csv":
        write_whole(path, _csv(kind, x, extras))
    elif isinstance(kind, Audio):
        write_whole(path, _wav(kind, x))
    elif isinstance(kind, Tokens):
        write_whole(path, _txt(kind, x))
    elif isinstance(kind, Image | Video):
        write_whole(path, _gif(kind, x))


def _npz(kind: Kind, x: np.ndarray, extras: Mapping[str, np.ndarray]) -> bytes:
    whole = isinstance(kind, Tokens | Category)
    stored = x.astype(np.int32) if whole else np.asarray(kind.to_float(x), np.float32)
    names = {"label": "labels"}
    arrays: dict[str, Any] = {names.get(name, name): column for name, column in extras.items()}
    arrays["samples"] = stored
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _csv(kind: Kind, x: np.ndarray, extras: Mapping[str, np.ndarray]) -> str:
    if isinstance(kind, Category):
        if x.ndim > 1:
            raise UserError("a .csv holds a class a row; maps of labels go into an .npz")
        cells = np.array(kind.classes)[x][:, None] if kind.classes else x[:, None].astype(str)
    elif isinstance(kind, Table):
        cells = np.stack(
            [_cells(c, of) for c, of in zip(kind.to_stored(x).T, kind.of, strict=True)], 1
        )
    else:
        cells = x.reshape(len(x), -1).astype(np.float32).astype(str)  # the shortest that is exact
    named = kind.columns if isinstance(kind, Real) else ()
    width = cells.shape[1]
    header = list(named or (["x"] if width == 1 else [f"x{column}" for column in range(width)]))
    single = {n: np.asarray(column) for n, column in extras.items() if np.ndim(column) == 1}
    table = np.concatenate([cells, *(c.astype(str)[:, None] for c in single.values())], axis=1)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*header, *single])
    writer.writerows(table.tolist())
    return buffer.getvalue()


def _cells(x: np.ndarray, column: Column) -> np.ndarray:
    """A column's numbers with its decimals, or its classes by their names."""
    if column.classes:
        return np.array(column.classes)[x.astype(int)]
    return np.array([f"{value:.{column.decimals}f}" for value in x.astype(float)])


def _txt(kind: Tokens, x: np.ndarray) -> str:
    return "".join("".join(map(_visible, kind.text(row))) + "\n" for row in x)


def _visible(letter: str) -> str:
    if letter == "\\" or not letter.isprintable():
        return letter.encode("unicode_escape").decode()
    return letter


def _wav(kind: Audio, x: np.ndarray) -> bytes:
    sounds = kind.to_stored(x if x.dtype == np.int16 else np.nan_to_num(x))
    sounds = sounds.reshape(*sounds.shape[:2], -1)
    silence = np.zeros((round(_GAP * kind.rate), sounds.shape[2]), np.int16)
    parts = [part for sound in sounds for part in (sound, silence)][:-1]
    buffer = io.BytesIO()
    wavfile.write(buffer, kind.rate, np.concatenate(parts))
    return buffer.getvalue()


def _gif(kind: Image | Video, x: np.ndarray) -> bytes:
    if isinstance(kind, Video):
        frames = [pictures.grid(moment) for moment in np.moveaxis(x[:_SHOWN], 1, 0)]
        rate = kind.rate
    else:
        frames, rate = [pictures.grid(image[None], border=0) for image in x], _STILL
    first, *others = [Pillow.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(
        buffer, "gif", save_all=True, append_images=others, duration=round(1_000 / rate), loop=0
    )
    return buffer.getvalue()
