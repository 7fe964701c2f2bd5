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
from gan_jax.data import Dataset, Image, Kind, class_shares, num_classes, order
from gan_jax.data.dataset import read_columns
from gan_jax.extractors import EXTRACT_SIZE, Extractor, fingerprint

KEPT = 2_000
"""Examples of a set that are kept as they are, for metrics and pictures that look at them."""

_VERSION = 2  # to be raised with whatever changes what is extracted

Batches = Iterable[tuple[np.ndarray, np.ndarray | None]]
"""Of examples `[B, ...]` and their labels `[B]`, where they have any."""


class FeatureSet(NamedTuple):
    """A set of N examples and what an extractor sees in them.

    Attributes:
      kind: of the examples.
      features: `[N, D]` float32.
      examples: `[min(N, KEPT), ...]`, the first of them, as their kind stores them.
      logits: `[N, K]` float32 over the extractor's classes, where it knows any.
      label: `[N]`, the class that each is known, or was asked, to be of, where there is one.
      spectra: `[N, R]` of `metrics.log_spectrum`, of images.
      classes: that labels may be of, where that is known: of some there may be no example.
      shares: `[K]`, those of the classes in which all data are drawn, where that is known of more
        classes than the examples tell of.
    """

    kind: Kind
    features: np.ndarray
    examples: np.ndarray
    logits: np.ndarray | None = None
    label: np.ndarray | None = None
    spectra: np.ndarray | None = None
    classes: int | None = None
    shares: np.ndarray | None = None

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The arrays that are there of each example, by name."""
        found = self._replace(shares=None)._asdict()
        return {n: v for n, v in found.items() if isinstance(v, np.ndarray)}


def extract_features(
    batches: Batches, extractor: Extractor, *, title: str, count: int
) -> FeatureSet:
    """Looks at examples batch by batch; only the first `KEPT` stay in memory as they are.

    Neither the size of the batches nor their number of devices matters to what is seen.

    Args:
      batches: the examples, as they are stored or as a net makes them.
      extractor: which sees them.
      title: of the progress bar.
      count: how many examples there will be, for the bar.
    """
    kind = extractor.kind
    columns: dict[str, list[np.ndarray]] = {}
    seen = 0
    with tqdm(total=count, desc=title, delay=2, leave=False, disable=None) as bar:
        for x, label in batches:
            x = kind.to_stored(x)
            made = extractor.extract(x)
            new = {"features": made.features, "examples": x[: max(KEPT - seen, 0)]}
            if made.logits is not None:
                new["logits"] = made.logits
            if label is not None:
                new["label"] = np.asarray(label)
            if isinstance(kind, Image):
                new["spectra"] = _image_spectra()(None, np.asarray(kind.to_float(x)))
            for name, column in new.items():
                columns.setdefault(name, []).append(column)
            seen += len(x)
            bar.update(len(x))
    found: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}
    return FeatureSet(kind, **found)


@functools.cache  # compiled once for all sets, but not at import, which touches no device
def _image_spectra() -> Callable[[Any, Any], Any]:
    return parallel.map_batched(lambda _, x: metrics.log_spectrum(x), EXTRACT_SIZE)


def dataset_features(
    dataset: Dataset,
    extractor: Extractor,
    *,
    count: int,
    seed: int = 0,
    cache: str | os.PathLike[str] | None = None,
) -> FeatureSet:
    """`extract_features` of examples of a data set, drawn at random without replacement.

    Args:
      dataset: the data: `x` and, where there is one, a scalar `label`.
      extractor: which sees them.
      count: how many; all where there are fewer.
      seed: of the choice.
      cache: a folder that keeps what was extracted, by a checksum of the examples and the
        extractor's protocol; None keeps nothing.
    """
    rows = order(len(dataset), seed, 0, min(count, len(dataset)))
    title = f"{extractor.protocol['name']} of {dataset.name}[{dataset.split}]"
    like = {name: value for name, value in dataset[0].items() if _is_read(name, value)}

    def read() -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, len(rows), EXTRACT_SIZE):
            yield read_columns(dataset, rows[start : start + EXTRACT_SIZE], like)

    def extract() -> FeatureSet:
        pairs = ((columns["x"], columns.get("label")) for columns in read())
        return extract_features(pairs, extractor, title=title, count=len(rows))

    known: dict[str, Any] = {"classes": num_classes(dataset), "shares": class_shares(dataset)}
    if cache is None:
        return extract()._replace(**known)
    made_of = [_VERSION, KEPT, extractor.kind.name, extractor.protocol, fingerprint(read())]
    sha = hashlib.sha256(json.dumps(made_of, default=str).encode())
    path = Path(cache) / f"features-{sha.hexdigest()[:32]}.npz"
    if (kept := files.recall(path)) is not None:
        return FeatureSet(extractor.kind, **{**kept, **known})
    found = extract()
    files.keep(path, found.columns)
    return found._replace(**known)


def labels_to_ask_for(dataset: Dataset, count: int, *, seed: int = 0) -> np.ndarray | None:
    """Labels `[count]` for samples that are to compare with a data set, in its classes' shares.

    They are those of the examples that `dataset_features` looks at, from the first on again where
    there are fewer; None where the data have none.
    """
    if num_classes(dataset) is None:
        return None
    rows = order(len(dataset), seed, 0, min(count, len(dataset)))
    like = {"label": dataset[0]["label"]}
    parts = (rows[start : start + EXTRACT_SIZE] for start in range(0, len(rows), EXTRACT_SIZE))
    labels = [read_columns(dataset, part, like)["label"] for part in parts]
    return np.resize(np.concatenate(labels), count)


def _is_read(name: str, value: Any) -> bool:
    return name == "x" or (name == "label" and not np.ndim(value))
