"""Sets of examples as metrics see them, gathered batch by batch and kept where they are costly."""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from gan_jax import cache as files
from gan_jax import metrics, parallel
from gan_jax.data import Dataset, order, to_float
from gan_jax.data.dataset import read_columns
from gan_jax.extractors import EXTRACT_SIZE, Extractor, stored

KEPT = 2_000
"""Examples of a set that are kept as they are, for metrics and pictures that look at them."""

_VERSION = 1  # to be raised with whatever changes what is observed

Batches = Iterable[tuple[np.ndarray, np.ndarray | None]]
"""Of examples `[B, ...]` and their labels `[B]`, where they have any."""


class Observed(NamedTuple):
    """A set of N examples through the eyes of an extractor.

    Attributes:
      features: `[N, D]` float32.
      examples: `[min(N, KEPT), ...]`, the first of them; images are uint8.
      logits: `[N, K]` float32 over the extractor's classes, where it knows any.
      label: `[N]`, the class that each is known, or was asked, to be of, where there is one.
      spectra: `[N, R]` of `metrics.log_spectrum`, of images.
    """

    features: np.ndarray
    examples: np.ndarray
    logits: np.ndarray | None = None
    label: np.ndarray | None = None
    spectra: np.ndarray | None = None

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """What is there, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def observe(batches: Batches, extractor: Extractor, *, title: str, count: int) -> Observed:
    """Looks at examples batch by batch; only the first `KEPT` stay in memory as they are.

    Neither the size of the batches nor their number of devices matters to what is seen.

    Args:
      batches: the examples.
      extractor: which sees them.
      title: of the progress bar.
      count: how many examples there will be, for the bar.
    """
    columns: dict[str, list[np.ndarray]] = {}
    seen = 0
    with tqdm(total=count, desc=title, delay=2, leave=False, disable=None) as bar:
        for x, label in batches:
            x = stored(x)
            made = extractor.extract(x)
            new = {"features": made.features, "examples": x[: max(KEPT - seen, 0)]}
            if made.logits is not None:
                new["logits"] = made.logits
            if label is not None:
                new["label"] = np.asarray(label)
            if x.ndim == 4:
                new["spectra"] = _spread_spectrum()(None, np.asarray(to_float(x)))
            for name, column in new.items():
                columns.setdefault(name, []).append(column)
            seen += len(x)
            bar.update(len(x))
    return Observed(**{name: np.concatenate(parts) for name, parts in columns.items()})


@functools.cache  # compiled once for all sets, but not at import, which touches no device
def _spread_spectrum() -> Callable[[Any, Any], Any]:
    return parallel.spread(lambda _, x: metrics.log_spectrum(x), EXTRACT_SIZE)


def observe_data(
    dataset: Dataset,
    extractor: Extractor,
    *,
    count: int,
    seed: int = 0,
    cache: str | os.PathLike[str] | None = None,
) -> Observed:
    """Looks at so many examples of a data set, drawn at random without replacement.

    Args:
      dataset: the data.
      extractor: which sees them.
      count: how many; all where there are fewer.
      seed: of the choice.
      cache: a folder that keeps what was seen, by a checksum of the examples and the extractor's
        protocol; None keeps nothing.
    """
    rows = order(len(dataset), seed, 0, min(count, len(dataset)))
    title = f"{extractor.protocol['name']} of {dataset.name}[{dataset.split}]"

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        for start in range(0, len(rows), EXTRACT_SIZE):
            columns = read_columns(dataset, rows[start : start + EXTRACT_SIZE], dataset[0])
            yield columns["x"], columns.get("label")

    if cache is None:
        return observe(batches(), extractor, title=title, count=len(rows))
    sha = hashlib.sha256(json.dumps([_VERSION, KEPT, extractor.protocol], default=str).encode())
    for x, label in batches():
        sha.update(f"{x.dtype} {x.shape}".encode())
        sha.update(x.tobytes() + (b"" if label is None else label.tobytes()))
    path = Path(cache) / f"observed-{sha.hexdigest()[:32]}.npz"
    if (kept := files.recall(path)) is not None:
        return Observed(**kept)
    observed = observe(batches(), extractor, title=title, count=len(rows))
    files.keep(path, observed.columns)
    return observed
