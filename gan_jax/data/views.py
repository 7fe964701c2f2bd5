"""Data sets made of data sets: a column changed, a column chosen, two sets side by side."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gan_jax.data.dataset import ArrayDataset, Dataset, Example, read_examples, suggest, where
from gan_jax.data.kinds import Category, Kind
from gan_jax.types import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class _View:
    """A data set whose examples are made of another's when they are read."""

    dataset: Dataset
    kinds: Mapping[str, Kind]
    change: Callable[[Example], Example]

    @property
    def name(self) -> str:
        return self.dataset.name

    @property
    def split(self) -> str:
        return self.dataset.split

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> Example:
        return self.change(self.dataset[i])

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        return [self.change(example) for example in read_examples(self.dataset, indices)]


def changed(
    dataset: Dataset, kinds: Mapping[str, Kind], change: Callable[[Example], Example]
) -> Dataset:
    """A lazy view in which each example goes through `change`, to columns of these kinds."""
    return _View(dataset, kinds, change)


def transformed(
    dataset: Dataset,
    column: str,
    function: Callable[[np.ndarray], np.ndarray],
    *,
    of: str = "",
    kind: Kind | None = None,
) -> Dataset:
    """A lazy view in which a column of each example is a function of it, or of another.

    Args:
        dataset: What is looked at.
        column: The name of the column, an old or a new one.
        function: Of one example's value, as it is stored, to another.
        of: The column whose value that is; `column` if empty.
        kind: Of what it returns; that of `of` if None.

    Raises:
        UserError: if there is no column to be read.
    """
    read = of or column
    _check_column(dataset, read)
    kinds = {**dataset.kinds, column: kind or dataset.kinds[read]}
    return _View(dataset, kinds, lambda row: {**row, column: function(row[read])})


def select(dataset: Dataset, *, x: str = "x") -> Dataset:
    """A view in which one column is called `x` and its label is called `label`.

    Args:
        dataset: What is looked at; of unpaired data, the data set that column `x` comes from.
        x: The name of the column. Its label is the column `{x}_label`, else `label`; where there
            is neither, the view has none. All other columns are dropped.

    Raises:
        UserError: if there is no such column.
    """
    _check_column(dataset, x)
    if isinstance(dataset, Unpaired) and x in dataset.domains:
        return select(dataset.domains[x])
    label = next((name for name in (f"{x}_label", "label") if name in dataset.kinds), None)
    names = {"x": x} | ({} if label is None or label == x else {"label": label})
    if x == "x" and set(names) == set(dataset.kinds):
        return dataset
    return renamed(dataset, **names)


def renamed(dataset: Dataset, **names: str) -> Dataset:
    """A view of some columns under other names: `x="source", source="x"` lets two change places.

    Args:
        dataset: What is looked at.
        **names: The old name of each new one. All other columns are dropped.

    Raises:
        UserError: if there is no such column.
    """
    for old in names.values():
        _check_column(dataset, old)
    kinds = {new: dataset.kinds[old] for new, old in names.items()}
    rename = lambda row: {new: row[old] for new, old in names.items()}
    if isinstance(dataset, ArrayDataset):
        return ArrayDataset(dataset.name, dataset.split, rename(dataset.columns), kinds)
    return _View(dataset, kinds, rename)


@dataclasses.dataclass(frozen=True, eq=False)
class Unpaired:
    """Data sets whose examples have nothing to do with each other; made by `unpaired`.

    By index, its rows are aligned, for looking at; `make_loader` shuffles each data set apart.

    Attributes:
        domains: The data sets by the column that each one's `x` becomes.
    """

    domains: Mapping[str, Dataset]

    @property
    def name(self) -> str:
        """The names of all, once each."""
        return "+".join(dict.fromkeys(d.name for d in self.domains.values()))

    @property
    def split(self) -> str:
        """The splits of all, once each."""
        return "+".join(dict.fromkeys(d.split for d in self.domains.values()))

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Of the flat columns."""
        return self.flat({domain: dataset.kinds for domain, dataset in self.domains.items()})

    def __len__(self) -> int:
        """The length of the smallest."""
        return min(map(len, self.domains.values()))

    def __getitem__(self, i: int) -> Example:
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        i %= len(self)
        return self.flat({domain: dataset[i] for domain, dataset in self.domains.items()})

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        rows = [read_examples(dataset, indices) for dataset in self.domains.values()]
        return [
            self.flat(dict(zip(self.domains, row, strict=True))) for row in zip(*rows, strict=True)
        ]

    @staticmethod
    def flat(nested: Mapping[str, Mapping]) -> dict:
        """Columns by domain as the flat columns of one batch: `a`, `a_label`, `b`, `b_label`."""
        return {
            domain if name == "x" else f"{domain}_{name}": value
            for domain, columns in nested.items()
            for name, value in columns.items()
        }


def unpaired(**domains: Dataset) -> Unpaired:
    """Two or more data sets, shuffled independently into the flat columns of one batch.

    Args:
        **domains: The data sets. Of `a`, the column `x` becomes `a`, `label` becomes `a_label`.

    Raises:
        UserError: if there are fewer than two, if one has no `x`, or if names of columns clash.
    """
    if len(domains) < 2:
        raise UserError(f"unpaired data are two sets or more, got {', '.join(domains) or 'none'}")
    for dataset in domains.values():
        _check_column(dataset, "x")
    result = Unpaired(dict(sorted(domains.items())))
    if len(result.kinds) < sum(len(dataset.kinds) for dataset in domains.values()):
        raise UserError(f"columns of {', '.join(domains)} would share a name; rename a domain")
    return result


@dataclasses.dataclass(frozen=True, eq=False)
class _OfDomains:
    """Examples of some domains, one after the other, labelled by their domain."""

    whole: Unpaired
    chosen: Sequence[str]

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def split(self) -> str:
        return self.whole.split

    @property
    def kinds(self) -> Mapping[str, Kind]:
        kind = self.whole.domains[self.chosen[0]].kinds["x"]
        return {"x": kind, "label": Category(tuple(self.whole.domains))}

    def __len__(self) -> int:
        return sum(len(self.whole.domains[name]) for name in self.chosen)

    def __getitem__(self, i: int) -> Example:
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        (example,) = self.__getitems__([i % len(self)])
        return example

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        found: dict[int, Example] = {}
        start, labels = 0, list(self.whole.domains)
        for name in self.chosen:
            dataset, label = self.whole.domains[name], np.array(labels.index(name), np.int32)
            mine = [i for i in indices if start <= i < start + len(dataset)]
            rows = read_examples(dataset, [i - start for i in mine]) if mine else []
            found |= {i: {"x": row["x"], "label": label} for i, row in zip(mine, rows, strict=True)}
            start += len(dataset)
        return [found[i] for i in indices]


def by_domain(dataset: Unpaired, *domains: str) -> Dataset:
    """A view of the examples of domains, one domain after the other, with the domain as `label`.

    Args:
        dataset: Whose examples are looked at.
        *domains: Which of its domains; all if none is named. Labels count all.
    """
    return _OfDomains(dataset, domains or tuple(dataset.domains))


def _check_column(dataset: Dataset, column: str) -> None:
    if column not in dataset.kinds:
        raise UserError(
            f"{where(dataset)} has no column {column!r} among {', '.join(dataset.kinds)}"
            f"{suggest(column, dataset.kinds)}"
        )
