"""What the values of a column must be, by its kind."""

from collections.abc import Mapping

import numpy as np

from gan_jax.data.kinds import (
    FULL_SCALE,
    Audio,
    Category,
    Image,
    Kind,
    Real,
    Tokens,
    Video,
    kind_of,
)
from gan_jax.types import UserError


def checked_columns(
    where: str, columns: Mapping[str, np.ndarray], kinds: Mapping[str, Kind]
) -> tuple[dict[str, np.ndarray], dict[str, Kind]]:
    """The columns as they are stored, and the kind of each.

    Args:
        where: The data set and its split, for messages.
        columns: [N, ...] by name.
        kinds: Of columns; those left out are told by `kind_of`.

    Returns:
        The columns, integers as int32 where their kind has it so, and the kinds in their order.

    Raises:
        UserError: if there is no column or no example, if columns differ in length, if a kind is
            of no column or cannot be told, or if values are not of their kind.
    """
    if not columns:
        raise UserError(f"{where}: there are no columns; give it at least x")
    unknown = sorted(set(kinds) - set(columns))
    if unknown:
        raise UserError(
            f"{where}: kinds name the column {unknown[0]!r}, which is not among "
            f"{', '.join(columns)}"
        )
    scalars = [name for name, column in columns.items() if not np.ndim(column)]
    if scalars:
        raise UserError(f"{where}: column {scalars[0]} is one scalar; it must be [N, ...]")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"{where}: columns differ in length: {lengths}")
    if not next(iter(lengths.values())):
        raise UserError(f"{where}: there are no examples; choose another split or source")
    told = {name: kinds.get(name) or _told(where, name, x) for name, x in columns.items()}
    return {name: _checked(where, name, x, told[name]) for name, x in columns.items()}, told


def _told(where: str, name: str, x: np.ndarray) -> Kind:
    try:
        return kind_of(x)
    except UserError as error:
        raise UserError(f"{where}: column {name}: {error}") from None


def _checked(where: str, name: str, x: np.ndarray, kind: Kind) -> np.ndarray:
    where = f"{where}: {name}"
    if isinstance(kind, Video):
        return _of_unit_range(where, x, kind, np.uint8, "[N, T, H, W, C]")
    if isinstance(kind, Image):
        return _of_unit_range(where, x, kind, np.uint8, "[N, H, W, C]")
    if isinstance(kind, Audio):
        return _of_unit_range(where, x, kind, np.int16, "[N, T, C]")
    if isinstance(kind, Tokens):
        return _indices(where, x, kind, len(kind.vocabulary), (2,)).astype(np.int32, copy=False)
    if isinstance(kind, Category):
        x = _indices(where, x, kind, len(kind.classes), (1, 3))
        return x if x.ndim == 3 and x.dtype == np.uint8 else x.astype(np.int32, copy=False)
    if isinstance(kind, Real):
        if x.dtype != np.float32:
            raise UserError(f"{where} is {x.dtype}; store {kind.name} columns as float32")
        _finite(where, x)
        if kind.columns and x.shape[1:] != (len(kind.columns),):
            raise UserError(
                f"{where} has shape {list(x.shape)}, but its kind names {len(kind.columns)} "
                "columns; name one for each number of a row"
            )
    return x


def _of_unit_range(
    where: str, x: np.ndarray, kind: Kind, stored: type[np.generic], shape: str
) -> np.ndarray:
    if x.ndim != shape.count(",") + 1:
        raise UserError(f"{where} has shape {list(x.shape)}; a column of {kind.name} is {shape}")
    if x.dtype == stored:
        return x
    if x.dtype != np.float32:
        raise UserError(
            f"{where} is {x.dtype}; store {kind.name} as {stored.__name__}, or float32 in [-1, 1]"
        )
    low, high = _finite(where, x)
    if low < -FULL_SCALE or high > FULL_SCALE:
        raise UserError(
            f"{where}: float {kind.name} must lie in [-1, 1], these values in [{low:g}, {high:g}]; "
            f"rescale them or store {stored.__name__}"
        )
    return x


def _finite(where: str, x: np.ndarray) -> tuple[float, float]:
    low, high = x.min(initial=np.inf), x.max(initial=-np.inf)  # NaN where any value is NaN
    if x.size and not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(f"{where} has values that are not finite; remove or repair them")
    return float(low), float(high)


def _indices(
    where: str, x: np.ndarray, kind: Kind, count: int, ranks: tuple[int, ...]
) -> np.ndarray:
    shapes = {1: "[N]", 2: "[N, L]", 3: "[N, H, W]"}
    if x.dtype.kind not in "iu" or x.ndim not in ranks:
        wanted = " or ".join(shapes[rank] for rank in ranks)
        raise UserError(
            f"{where}: a column of {kind.name} must be integers of shape {wanted}, "
            f"got {x.dtype} {list(x.shape)}"
        )
    low, high = (int(x.min()), int(x.max())) if x.size else (0, 0)
    if low < 0 or high >= count:
        most = f"0 to {count - 1}" if count else "an empty list"
        raise UserError(
            f"{where}: values must lie in {most}, these in {low} to {high}; "
            f"mend them or its kind, {kind.name}"
        )
    return x
