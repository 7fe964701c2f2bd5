"""Tables: rows of numbers and classes, from CSV files and from arrays."""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gan_jax.data.dataset import ArrayDataset
from gan_jax.data.embedded import iris
from gan_jax.data.kinds import Category, Column, Table
from gan_jax.data.toy import grid, ring
from gan_jax.types import UserError

_MOST_CLASSES = 1_000
_EXACT = 2**24  # float32 holds no larger integers one by one


def csv_file(
    path: str | Path, *, categorical: Sequence[str] = (), like: Table | None = None
) -> ArrayDataset:
    """The rows of a CSV file whose first line names its columns.

    A column of numbers alone is one of numbers, any other one of classes, of which an empty cell is
    one. Texts that are fewer than a tenth of what a column's cells say are taken for mistakes.

    Args:
      path: the file, UTF-8.
      categorical: columns whose numbers are classes too.
      like: a table whose columns these are; then no class is new, and `categorical` says nothing.

    Returns:
      `x` [N, D] float32, of the kind `Table`.

    Raises:
      UserError: there is no such file, or it is no table; two columns have one name; a name is none
        of a column; some of a column's numbers are missing, texts, not finite or too large; there
        are as many classes as in free text.
    """
    path = Path(path).expanduser()
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a CSV file: {error}") from None
    if len(rows) < 2:
        raise UserError(f"{path} has no rows below the names of its columns")
    names, *rows = rows
    if len(set(names)) < len(names):
        raise UserError(f"{path}: two columns are called {max(names, key=names.count)!r}")
    if unknown := [name for name in categorical if name not in names]:
        raise UserError(f"{path} has no column {unknown[0]!r}; there are: {', '.join(names)}")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise UserError(f"{path}: row {number} has {len(row)} cells, not {len(names)}")
    if like is not None:
        return _read_like(path, names, rows, like)
    read = [
        _read(f"{path}: {name}", [cell.strip() for cell in cells], name in categorical)
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
    ]
    values, of = zip(*read, strict=True)
    kind = Table(columns=tuple(names), of=of)
    return ArrayDataset(path.stem, "train", {"x": np.stack(values, 1)}, {"x": kind})


_POINTS = {
    "grid": partial(grid, std=0.05**0.5),
    "gridr": partial(grid, std=0.05**0.5, jitter=1.0),
    "ring": partial(ring, std=0.2),
}


def named_table(name: str, *, categorical: Sequence[str] = (), seed: int = 0) -> ArrayDataset:
    """A table by name: a CSV file, `iris`, or 10,000 points of a mixture with wide modes.

    The mixtures are of the kind that Modeling Tabular Data using Conditional GAN, Xu et al., 2019,
    arXiv:1907.00503, is tested on: `grid`, `gridr`, whose modes are moved at random by up to half
    of their distance, and `ring`.

    Args:
      name: a path that ends in `.csv`, or one of these.
      categorical: of `csv_file`.
      seed: of points.

    Raises:
      UserError: there is no such table, or as `csv_file` does.
    """
    if name.endswith(".csv"):
        return csv_file(name, categorical=categorical)
    if name == "iris":
        return as_table(iris("all", standardised=False))
    if name not in _POINTS:
        raise UserError(f"{name!r} is no table: name a .csv file, iris, {', '.join(_POINTS)}")
    return as_table(_POINTS[name](10_000, seed=seed), labelled=False)


def as_table(dataset: ArrayDataset, *, labelled: bool = True) -> ArrayDataset:
    """Rows of numbers `x` [N, D], and the class `label` of each as a further column if wanted."""
    x, kind, label = dataset.columns["x"], dataset.kinds["x"], dataset.kinds.get("label")
    names = getattr(kind, "columns", ()) or tuple(f"x{i}" for i in range(x.shape[1]))
    columns, of = [x], [Column(decimals=6) for _ in names]
    if labelled and isinstance(label, Category):
        columns.append(dataset.columns["label"][:, None])
        names, of = (*names, "label"), [*of, _classes(dataset.columns["label"], label.classes)]
    rows = np.concatenate(columns, axis=1).astype(np.float32)
    table = Table(columns=names, of=tuple(of), mixture=getattr(kind, "mixture", None))
    return ArrayDataset(dataset.name, dataset.split, {"x": rows}, {"x": table})


def _read_like(
    path: Path, names: Sequence[str], rows: Sequence[Sequence[str]], like: Table
) -> ArrayDataset:
    """Rows of the columns of another table."""
    if tuple(names) != like.columns:
        raise UserError(f"{path} has not the columns {', '.join(like.columns)}, in this order")
    values = []
    for name, column, cells in zip(names, like.of, zip(*rows, strict=True), strict=True):
        stripped = [cell.strip() for cell in cells]
        place = {of_class: i for i, of_class in enumerate(column.classes)}
        if column.classes and (new := set(stripped) - set(place)):
            raise UserError(f"{path}: {name} has a class {min(new)!r} that the table lacks")
        codes = np.array([place.get(cell, 0) for cell in stripped])
        found = codes if column.classes else _numbers(stripped)
        if found is None or not np.all(np.isfinite(found)):
            raise UserError(f"{path}: {name} has cells that are no finite numbers")
        values.append(found.astype(np.float32))
    return ArrayDataset(path.stem, "train", {"x": np.stack(values, 1)}, {"x": like})


def _read(where: str, cells: Sequence[str], categorical: bool) -> tuple[np.ndarray, Column]:
    """A column's values, float32, and what they are."""
    given = [cell for cell in cells if cell]
    numbers = None if categorical or not given else _numbers(given)
    if numbers is None:
        classes = sorted(set(cells))
        texts = set() if categorical else {c for c in classes if c and _numbers([c]) is None}
        if texts and 10 * len(texts) < len(classes):
            odd = sum(cell in texts for cell in given)
            raise UserError(
                f"{where}: {odd:,} of {len(given):,} cells are no numbers, such as {min(texts)!r}: "
                "mend them, or name the column categorical"
            )
        if len(classes) > _MOST_CLASSES and len(classes) > len(cells) / 2:
            raise UserError(
                f"{where} has {len(classes):,} different texts in {len(cells):,} rows, which no "
                "model of classes learns: leave the column out"
            )
        place = {name: i for i, name in enumerate(classes)}
        codes = np.array([place[cell] for cell in cells])
        return codes.astype(np.float32), _classes(codes, tuple(classes))
    if lacking := len(cells) - len(given):
        raise UserError(
            f"{where} lacks {lacking:,} of its {len(cells):,} numbers: fill them in "
            "(configs/table/gain.py), or name the column categorical"
        )
    if not np.all(np.isfinite(numbers)):
        raise UserError(f"{where} holds numbers that are not finite")
    points = [cell.partition(".")[2] for cell in given]
    decimals = max(map(len, points)) if not any("e" in c.lower() for c in given) else 6
    if not decimals and np.max(np.abs(numbers)) > _EXACT:
        raise UserError(f"{where} holds whole numbers beyond ±{_EXACT:,}: are they not classes?")
    low, high = float(numbers.min()), float(numbers.max())
    return numbers.astype(np.float32), Column(decimals=decimals, low=low, high=high)


def _numbers(cells: Sequence[str]) -> np.ndarray | None:
    """What the texts stand for, or None if one is no number."""
    try:
        return np.array(cells, np.float64)
    except ValueError:
        return None


def _classes(codes: np.ndarray, classes: tuple[str, ...]) -> Column:
    counts = np.bincount(codes.astype(int), minlength=len(classes))
    return Column(classes=classes, shares=tuple(float(c) for c in counts / counts.sum()))
