"""The protocol of a data set: random access by integer, and what can be done with any of them."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from gan_jax.data.checks import checked_columns
from gan_jax.data.kinds import Audio, Category, Image, Kind, Tokens, Video
from gan_jax.types import UserError

Example = dict[str, np.ndarray]


RESIDENT_LIMIT = 2 * 2**30
"""Bytes up to which data are decoded once and kept."""


class Dataset(Protocol):
    """Examples by index.

    An example is a dict of named columns. The main one is `x`; classes are `label`, an int32
    scalar. Each is stored as its kind says.

    A data set may also have `__getitems__(indices: list[int]) -> list[Example]`, where reading
    many at once is faster.
    """

    @property
    def name(self) -> str:
        """What the source is called."""

    @property
    def split(self) -> str:
        """Which part of the source this is."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kind of every column."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> Example: ...


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayDataset:
    """A data set held in memory, one array a column.

    Attributes:
        name: What the source is called.
        split: Which part of the source this is.
        columns: [N, ...] by name, stored as their kinds have it: images uint8 [N, H, W, C] or
            float32 in [-1, 1], audio int16 [N, T, C] or float32 in [-1, 1], tokens int32 [N, L],
            categories integers from 0, [N] or [N, H, W], other numbers float32.
        kinds: Of the columns; those left out are told by `kind_of`.

    Raises:
        UserError: if there is no column or no example, if columns differ in length, or if values
            are not of their kind.
    """

    name: str
    split: str
    columns: dict[str, np.ndarray]
    kinds: Mapping[str, Kind] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        columns, kinds = checked_columns(where(self), self.columns, self.kinds or {})
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "kinds", kinds)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, i: int) -> Example:
        return {key: column[i] for key, column in self.columns.items()}


def where(dataset: Dataset) -> str:
    """Name and split, as messages have them."""
    return f"{dataset.name}[{dataset.split}]"


def decoded_bytes(dataset: Dataset) -> int:
    """How much memory all examples take once decoded, told from the first.

    Raises:
        UserError: if there is none.
    """
    if not len(dataset):
        raise UserError(f"{where(dataset)}: there are no examples to draw from")
    return len(dataset) * sum(np.asarray(value).nbytes for value in dataset[0].values())


def materialise(dataset: Dataset) -> ArrayDataset:
    """Reads and decodes every example once; shows a progress bar if that takes over a second.

    Raises:
        UserError: if examples differ in shape, or as `ArrayDataset` does.
    """
    from tqdm import tqdm

    if isinstance(dataset, ArrayDataset):
        return dataset
    if not len(dataset):
        raise UserError(f"{where(dataset)}: there are no examples")
    first = dataset[0]
    columns = {
        key: np.empty((len(dataset), *np.shape(value)), np.asarray(value).dtype)
        for key, value in first.items()
    }
    chunk = 256
    with tqdm(
        total=len(dataset),
        desc=f"decoding {where(dataset)}",
        delay=1,
        leave=False,
        disable=None,  # no bar in a log file
    ) as bar:
        for start in range(0, len(dataset), chunk):
            indices = range(start, min(start + chunk, len(dataset)))
            for key, values in read_columns(dataset, indices, first).items():
                columns[key][start : start + len(indices)] = values
            bar.update(len(indices))
    return ArrayDataset(dataset.name, dataset.split, columns, dataset.kinds)


def read_columns(
    dataset: Dataset, indices: Iterable[int], like: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Reads examples and stacks them, as they are stored.

    Args:
        dataset: Where from.
        indices: Which examples, N of them.
        like: An example whose columns and shapes all others must have.

    Returns:
        Columns [N, ...] by name.

    Raises:
        UserError: if a column of an example has another shape.
    """
    rows = [int(i) for i in indices]
    if isinstance(dataset, ArrayDataset):
        return {name: dataset.columns[name][rows] for name in like}
    examples = read_examples(dataset, rows)
    shapes = {name: np.shape(value) for name, value in like.items()}
    for i, example in zip(rows, examples, strict=True):
        for name, expected in shapes.items():
            if name not in example:
                raise UserError(f"{where(dataset)}: example {i} has no {name}, others have")
            if np.shape(example[name]) != expected:
                raise UserError(
                    f"{where(dataset)}: {name} of example {i} has shape "
                    f"{np.shape(example[name])}, others have {expected}; "
                    f"{_remedy(dataset.kinds.get(name))} to make them alike"
                )
    return {name: np.stack([example[name] for example in examples]) for name in like}


def read_examples(dataset: Dataset, indices: Sequence[int]) -> list[Example]:
    """Examples by index, many at once where the data set can."""
    read = getattr(dataset, "__getitems__", None)
    return list(read(indices)) if read else [dataset[i] for i in indices]


def num_classes(dataset: Dataset) -> int | None:
    """The number of classes of `label`; None where an example has not one of them."""
    kind = dataset.kinds.get("label")
    if not isinstance(kind, Category) or np.ndim(dataset[0]["label"]):
        return None
    return len(kind.classes)


def describe(dataset: Dataset) -> str:
    """One line for the start of a run: name, split, count, every column, and the labels."""
    columns = ", ".join(
        f"{name} {dataset.kinds[name].name} {_shape(value)} {np.asarray(value).dtype}"
        for name, value in dataset[0].items()
    )
    line = f"{where(dataset)}: {len(dataset):,} examples; {columns}"
    labels = _describe_labels(dataset)
    return f"{line}; {labels}" if labels else line


def suggest(word: str, words: Iterable[str]) -> str:
    """A clause that names the nearest of `words`, or an empty string where none is near."""
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def check_split(name: str, split: str, splits: Sequence[str]) -> None:
    """Refuses a split that a source does not have.

    Raises:
        UserError: if `split` is not among `splits`.
    """
    if split not in splits:
        raise UserError(f"{name} has no split {split!r}; set data.split to {' or '.join(splits)}")


def _shape(value: np.ndarray) -> str:
    return "x".join(map(str, np.shape(value))) or "scalar"


def _remedy(kind: Kind | None) -> str:
    if isinstance(kind, Audio | Tokens):
        return "set data.length"
    if isinstance(kind, Image | Video):
        return "set data.resolution (and data.channels)"
    return "set data.resolution" if isinstance(kind, Category) else "pad or crop them"


def _describe_labels(dataset: Dataset) -> str:
    kind = dataset.kinds.get("label")
    if not isinstance(kind, Category):
        return ""
    classes = len(kind.classes)
    if not isinstance(dataset, ArrayDataset) or num_classes(dataset) is None:
        return f"{classes} classes"
    counts = np.bincount(dataset.columns["label"], minlength=classes)
    if classes > 20:
        return f"{classes} classes of {counts.min():,} to {counts.max():,} examples"
    return "labels " + " ".join(f"{c}:{n}" for c, n in zip(kind.classes, counts, strict=True))
