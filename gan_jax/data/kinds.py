"""What kinds of columns there are, and how each is stored, converted and read again.

A kind is a value that says of a column what its array does not: the names of classes, a sample
rate, a vocabulary. Columns rest and travel as they are stored, small, and are converted to what a
net reads inside the step.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from gan_jax.types import Array, UserError

FULL_SCALE = 1 + 1e-6
"""What floats of [-1, 1] may reach: compiled, 255 / 127.5 - 1 is one rounding above 1."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """Of a column; one of the classes below."""

    name: ClassVar[str]

    def to_float(self, x: Array | np.ndarray) -> Array:
        """What a net reads, of what is stored; traceable. Kinds without floats: the same."""
        return jnp.asarray(x)

    def to_stored(self, x: Array | np.ndarray) -> np.ndarray:
        """What is stored, of what a net makes: the inverse of `to_float`, rounded and clipped."""
        return np.asarray(x)


class _Pixels(Kind):
    def to_float(self, x: Array | np.ndarray) -> Array:
        return _from_integers(x, np.uint8, lambda x: x / 127.5 - 1)

    def to_stored(self, x: Array | np.ndarray) -> np.ndarray:
        return _to_integers(x, np.uint8, lambda x: (x + 1) * 127.5)


@dataclasses.dataclass(frozen=True)
class Image(_Pixels):
    """`[H, W, C]`, uint8 or float32 in [-1, 1]; uint8 is read as `x / 127.5 - 1`."""

    name = "image"


@dataclasses.dataclass(frozen=True)
class Video(_Pixels):
    """`[T, H, W, C]`, as images are.

    Attributes:
      rate: frames a second.
    """

    name = "video"
    rate: float = 8.0


@dataclasses.dataclass(frozen=True)
class Audio(Kind):
    """`[T, C]`, int16 or float32 in [-1, 1]; int16 is read as `x / 32768`.

    Attributes:
      rate: samples a second.
    """

    name = "audio"
    rate: int = 16_000

    def to_float(self, x: Array | np.ndarray) -> Array:  # noqa: D102
        return _from_integers(x, np.int16, lambda x: x / 32_768)

    def to_stored(self, x: Array | np.ndarray) -> np.ndarray:  # noqa: D102
        return _to_integers(x, np.int16, lambda x: x * 32_768)


@dataclasses.dataclass(frozen=True)
class Tokens(Kind):
    """`[L]` int32, indices into a vocabulary.

    Attributes:
      vocabulary: what each token stands for, in order.
      separator: between the tokens of a text: "" for characters, " " for words.
      oracle: the distribution that texts were drawn from, a `data.Oracle`, where it is known.
    """

    name = "tokens"
    vocabulary: tuple[str, ...]
    separator: str = ""
    oracle: Any = dataclasses.field(default=None, compare=False)

    def text(self, tokens: np.ndarray) -> str:
        """The text of one row of tokens [L], without those that stand for nothing."""
        words = (self.vocabulary[int(token)] for token in tokens)
        return self.separator.join(word for word in words if word)

    def tokens(self, text: str, length: int) -> np.ndarray:
        """A text as tokens, int32 [length], filled up with the one that stands for nothing.

        Raises:
          UserError: for what is not in the vocabulary, or a text that is too long.
        """
        parts = text.split() if self.separator else list(text)
        places = {token: place for place, token in enumerate(self.vocabulary)}
        if unknown := [part for part in parts if part not in places]:
            known = ", ".join(token for token in self.vocabulary if token.strip())
            raise UserError(f"{unknown[0]!r} is not in the vocabulary: {known}")
        if len(parts) > length or (len(parts) < length and "" not in places):
            raise UserError(f"{text!r} has {len(parts)} tokens, not {length}")
        filling = [""] * (length - len(parts))
        return np.array([places[part] for part in [*parts, *filling]], np.int32)


@dataclasses.dataclass(frozen=True)
class Category(Kind):
    """int32, a class: a scalar, or `[H, W]` for a map of labels (stored as uint8 or int32).

    Attributes:
      classes: the name of each, in order.
      stacked: the grey images, a `Dataset` of ten classes, that images are stacks of, whose classes
        one after the other are the digits of the stack's, where they are known.
    """

    name = "category"
    classes: tuple[str, ...]
    stacked: Any = dataclasses.field(default=None, compare=False, repr=False)

    def to_float(self, x: Array | np.ndarray) -> Array:
        """Classes as int32."""
        return jnp.asarray(x).astype(jnp.int32)


@dataclasses.dataclass(frozen=True)
class Real(Kind):
    """Numbers of any shape, float32, on no fixed scale: points, rows of a table, features.

    Attributes:
      columns: the name of each number, where an example is a row of a table; else empty.
      mixture: the density that points were drawn from, a `data.Mixture`, where it is known.
    """

    name = "real"
    columns: tuple[str, ...] = ()
    mixture: Any = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table: numbers, or classes.

    Attributes:
      classes: the name of each class, in order; empty of numbers.
      shares: of the classes among the rows, which add up to 1.
      decimals: of numbers, at most.
      low: the least number there is; None where there is none.
      high: the greatest, likewise.
      means: of the normal distributions that numbers are taken for a mixture of; see
        `tabular.fit`.
      stds: of these.
      weights: of these, above 0; empty where all weigh the same.
    """

    classes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    decimals: int = 0
    low: float | None = None
    high: float | None = None
    means: tuple[float, ...] = ()
    stds: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table(Real):
    """Rows of a table, `[D]` float32: numbers, and classes as their places in order.

    Attributes:
      of: what is known of each column.
    """

    name = "table"
    of: tuple[Column, ...] = ()

    def to_stored(self, x: Array | np.ndarray) -> np.ndarray:
        """Rows whose numbers have their columns' decimals and bounds, and whose classes exist."""
        rows = np.array(x, np.float64)
        for i, column in enumerate(self.of):
            if column.classes:
                rows[..., i] = np.clip(np.rint(rows[..., i]), 0, len(column.classes) - 1)
            else:
                within = np.clip(rows[..., i], column.low, column.high)
                rows[..., i] = np.round(within, column.decimals)
        return rows.astype(np.float32)


KINDS: Mapping[str, type[Kind]] = {
    kind.name: kind for kind in (Image, Video, Audio, Tokens, Category, Real, Table)
}
"""By the names that configs and records use."""


_ORIGINS = ("mixture", "oracle", "stacked")  # attributes that no record holds


def to_record(kind: Kind) -> dict[str, Any]:
    """A kind as JSON holds it; `from_record` is the inverse, but for where data are drawn from."""
    values = {field.name: getattr(kind, field.name) for field in dataclasses.fields(kind)}
    for origin in _ORIGINS:
        values.pop(origin, None)
    if isinstance(kind, Table):
        values["of"] = [dataclasses.asdict(column) for column in kind.of]
    return {"kind": kind.name, **values}


def from_record(record: Mapping[str, Any]) -> Kind:
    """The kind that a record tells of."""

    def tuples(values: Mapping[str, Any]) -> dict[str, Any]:
        return {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}

    values = tuples({name: value for name, value in record.items() if name != "kind"})
    if record["kind"] == Table.name:
        values["of"] = tuple(Column(**tuples(column)) for column in values.get("of", ()))
    return KINDS[record["kind"]](**values)


def make_kind(value: Kind | str | Mapping[str, Any], column: np.ndarray | None = None) -> Kind:
    """The kind that a config names: by name, as a record, or itself.

    Args:
      value: a name of `KINDS`; a record, such as `{"kind": "audio", "rate": 8000}`; or a kind.
      column: its values, where they are at hand: classes or a vocabulary that are left out are
        then their numbers.

    Raises:
      UserError: if there is no such kind, or something that it needs is left out.
    """
    if isinstance(value, Kind):
        return value
    record: dict[str, Any] = {"kind": value} if isinstance(value, str) else dict(value)
    name = str(record.get("kind"))
    if name not in KINDS:
        raise UserError(f"no kind of column is called {name!r}; name one of {', '.join(KINDS)}")
    need = {"category": "classes", "tokens": "vocabulary"}.get(name)
    if need and need not in record and column is not None and column.dtype.kind in "iu":
        record[need] = _numbers(column)
    try:
        return from_record(record)
    except TypeError:
        told = (field.name for field in dataclasses.fields(KINDS[name]))
        fields = [field for field in told if field not in _ORIGINS]
        raise UserError(
            f"a kind of {name} is told by {', '.join(fields) or 'its name alone'}"
            f"{f', and needs {need}' if need else ''}; got {record}"
        ) from None


def kind_of(x: np.ndarray) -> Kind:
    """The kind of a column [N, ...] that says nothing of itself, told by its dtype and shape.

    uint8 [N, H, W, C], and float32 of that shape in [-1, 1], with at most four channels, is an
    image; int16 [N, T, C] audio; integers [N] a category, whose classes are numbers; other floats
    are real.

    Raises:
      UserError: where nothing is told by them.
    """
    image = x.ndim == 4 and x.shape[-1] <= 4
    if image and (x.dtype == np.uint8 or (x.dtype.kind == "f" and _within_one(x))):
        return Image()
    if x.dtype == np.int16 and x.ndim == 3:
        return Audio()
    if x.dtype.kind in "iu" and x.ndim == 1:
        return Category(_numbers(x))
    if x.dtype.kind == "f":
        return Real()
    raise UserError(
        f"what are {x.dtype} values of shape {list(x.shape)}? Name their kind: {', '.join(KINDS)}"
    )


def _numbers(x: np.ndarray) -> tuple[str, ...]:
    return tuple(str(k) for k in range(int(x.max()) + 1 if x.size else 0))


def _within_one(x: np.ndarray) -> bool:
    return bool(x.size == 0 or (x.min() >= -FULL_SCALE and x.max() <= FULL_SCALE))


def _from_integers(x: Any, dtype: Any, convert: Any) -> Array:
    x = jnp.asarray(x)
    return convert(x.astype(jnp.float32)) if x.dtype == dtype else x.astype(jnp.float32)


def _to_integers(x: Any, dtype: Any, convert: Any) -> np.ndarray:
    x = np.asarray(x)
    if x.dtype == dtype:
        return x
    limits = np.iinfo(dtype)
    return np.clip(np.rint(convert(x.astype(np.float32))), limits.min, limits.max).astype(dtype)
