"""The protocol of a data set: random access by integer, and what can be done with any of them."""

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from gan_jax.types import UserError

Example = dict[str, np.ndarray]


RESIDENT_LIMIT = 2 * 2**30
"""Bytes up to which data are decoded once and kept."""


class Dataset(Protocol):
    """Examples by index.

    An example is a dict with `x`, an image uint8 [H, W, C], or a float32 array of any shape (an
    image then lies in [-1, 1]), and where the source has labels with `label`, an int32 scalar.

    A data set may also have `__getitems__(indices: list[int]) -> list[Example]`, where reading
    many at once is faster, and `label_names: tuple[str, ...] | None`.
    """

    @property
    def name(self) -> str:
        """What the source is called."""

    @property
    def split(self) -> str:
        """Which part of the source this is."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> Example: ...


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayDataset:
    """A data set held in memory, one array a column.

    Attributes:
        name: What the source is called.
        split: Which part of the source this is.
        columns: `x`, uint8 or float32 [N, ...], where images are [N, H, W, C] and float images lie
            in [-1, 1]; optionally `label`, integers [N] from 0, kept as int32.
        label_names: The name of each class, or None.

    Raises:
        UserError: if there is no `x` or no example, if columns differ in length, if a dtype is
            another one, if float values are not finite, or if a float image leaves [-1, 1].
    """

    name: str
    split: str
    columns: dict[str, np.ndarray]
    label_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        where = f"{self.name}[{self.split}]"
        if "x" not in self.columns:
            raise UserError(f"{where}: there is no column x among {sorted(self.columns)}")
        lengths = {key: len(column) for key, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise UserError(f"{where}: columns differ in length: {lengths}")
        if not len(self):
            raise UserError(f"{where}: there are no examples; choose another split or source")
        _check_values(where, self.columns["x"])
        if "label" in self.columns:
            labels = _checked_labels(where, self.columns["label"], self.label_names)
            object.__setattr__(self, "columns", {**self.columns, "label": labels})

    def __len__(self) -> int:
        return len(self.columns["x"])

    def __getitem__(self, i: int) -> Example:
        return {key: column[i] for key, column in self.columns.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class Mapped:
    """A data set whose `x` goes through `function` whenever an example is read."""

    dataset: Dataset
    function: Callable[[np.ndarray], np.ndarray]

    @property
    def name(self) -> str:
        """The mapped data set's."""
        return self.dataset.name

    @property
    def split(self) -> str:
        """The mapped data set's."""
        return self.dataset.split

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """The mapped data set's."""
        return getattr(self.dataset, "label_names", None)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> Example:
        return self._apply(self.dataset[i])

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        return [self._apply(example) for example in _read_examples(self.dataset, indices)]

    def _apply(self, example: Example) -> Example:
        return {**example, "x": self.function(example["x"])}


def decoded_bytes(dataset: Dataset) -> int:
    """How much memory all examples take once decoded, told from the first.

    Raises:
        UserError: if there is none.
    """
    if not len(dataset):
        raise UserError(f"{dataset.name}[{dataset.split}]: there are no examples to draw from")
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
        raise UserError(f"{dataset.name}[{dataset.split}]: there are no examples")
    first = dataset[0]
    columns = {
        key: np.empty((len(dataset), *np.shape(value)), np.asarray(value).dtype)
        for key, value in first.items()
    }
    chunk = 256
    with tqdm(
        total=len(dataset),
        desc=f"decoding {dataset.name}[{dataset.split}]",
        delay=1,
        leave=False,
        disable=None,  # no bar in a log file
    ) as bar:
        for start in range(0, len(dataset), chunk):
            indices = range(start, min(start + chunk, len(dataset)))
            for key, values in read_columns(dataset, indices, first).items():
                columns[key][start : start + len(indices)] = values
            bar.update(len(indices))
    names = getattr(dataset, "label_names", None)
    return ArrayDataset(dataset.name, dataset.split, columns, names)


def read_columns(
    dataset: Dataset, indices: Iterable[int], like: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Reads examples and stacks them.

    Args:
        dataset: Where from.
        indices: Which examples, N of them.
        like: An example whose shapes all others must have.

    Returns:
        Columns [N, ...] by key.

    Raises:
        UserError: if an example has another shape.
    """
    indices = [int(i) for i in indices]
    examples = _read_examples(dataset, indices)
    for i, example in zip(indices, examples, strict=True):
        shape, expected = np.shape(example["x"]), np.shape(like["x"])
        if shape != expected:
            raise UserError(
                f"{dataset.name}[{dataset.split}]: example {i} has shape {shape}, others have "
                f"{expected}; set data.resolution (and data.channels) to make them alike"
            )
    return {key: np.stack([example[key] for example in examples]) for key in like}


def num_classes(dataset: Dataset) -> int | None:
    """The number of classes: of label names, else the largest label plus 1.

    None where there are no labels, or where counting them would mean decoding the data set.
    """
    names = getattr(dataset, "label_names", None)
    if names is not None:
        return len(names)
    if isinstance(dataset, ArrayDataset) and "label" in dataset.columns:
        return int(dataset.columns["label"].max()) + 1
    return None


def describe(dataset: Dataset) -> str:
    """One line for the start of a run: name, split, count, shape, dtype and labels."""
    x = np.asarray(dataset[0]["x"])
    shape = "x".join(map(str, x.shape)) or "scalar"
    line = f"{dataset.name}[{dataset.split}]: {len(dataset):,} examples, x {shape} {x.dtype}"
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


def _read_examples(dataset: Dataset, indices: Sequence[int]) -> list[Example]:
    read = getattr(dataset, "__getitems__", None)
    return list(read(indices)) if read else [dataset[i] for i in indices]


def _check_values(where: str, x: np.ndarray) -> None:
    if x.dtype == np.uint8:
        return
    if x.dtype != np.float32:
        raise UserError(f"{where}: x is {x.dtype}; it must be uint8 or float32")
    low, high = x.min(), x.max()  # NaN where any value is NaN
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(f"{where}: x has values that are not finite; remove or repair them")
    if x.ndim == 4 and (low < -1 or high > 1):
        raise UserError(
            f"{where}: float images must lie in [-1, 1], these in [{low:g}, {high:g}]; "
            "rescale them or store uint8"
        )


def _checked_labels(where: str, labels: np.ndarray, names: Sequence[str] | None) -> np.ndarray:
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UserError(
            f"{where}: label must be integers of shape [N], got {labels.dtype} {labels.shape}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= (len(names) if names else 2**31):
        most = f"{len(names) - 1}" if names else "2**31 - 1"
        raise UserError(f"{where}: labels must lie in 0 to {most}, these in {low} to {high}")
    return labels.astype(np.int32, copy=False)


def _describe_labels(dataset: Dataset) -> str:
    classes = num_classes(dataset)
    if classes is None:
        return ""
    if not (isinstance(dataset, ArrayDataset) and "label" in dataset.columns):
        return f"{classes} classes"
    counts = np.bincount(dataset.columns["label"], minlength=classes)
    if classes > 20:
        return f"{classes} classes of {counts.min():,} to {counts.max():,} examples"
    names = getattr(dataset, "label_names", None) or range(classes)
    return "labels " + " ".join(f"{name}:{n}" for name, n in zip(names, counts, strict=True))
