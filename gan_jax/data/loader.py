"""The way of a batch: which examples a step sees, and how they reach it.

The order is a pure function of `(seed, epoch, position)`, so a run resumes at any step with no
state but the step's number. Step `s` sees the positions from `s * repeats * batch_size` on,
however many steps one call covers and wherever the examples rest.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gan_jax.data.dataset import (
    RESIDENT_LIMIT,
    Dataset,
    decoded_bytes,
    materialise,
    read_columns,
    where,
)
from gan_jax.data.kinds import Kind
from gan_jax.data.views import Unpaired
from gan_jax.types import Batch, UserError


class Loader(NamedTuple):
    """What brings batches into a step.

    Attributes:
        resident: A pytree of arrays to be copied to every device once; None when streaming.
        fetch: `(resident, item) -> batch`, pure, traced inside the step. The item's leaves are
            [B, ...]; so are the batch's flat columns, each as `Kind.to_float` of its kind has it.
        items: `items(step)` yields endlessly, one pytree a call from step `step` on, with leaves
            [steps_per_call, repeats, batch_size, ...].
    """

    resident: Any
    fetch: Callable[[Any, Any], Batch]
    items: Callable[[int], Iterator[Any]]


class _Shares(NamedTuple):
    """Which positions of the endless stream make up a call."""

    batch_size: int
    repeats: int
    steps_per_call: int
    part: slice
    apart: bool


def make_loader(
    dataset: Dataset,
    *,
    batch_size: int,
    repeats: int = 1,
    steps_per_call: int = 1,
    seed: int,
    part: tuple[int, int] = (0, 1),
    apart: bool = False,
    resident_limit: int = RESIDENT_LIMIT,
) -> Loader:
    """Makes the loader of a data set.

    Data that fit `resident_limit` are decoded once and kept on the device, and an item is int32
    indices; data that do not are read and decoded by threads ahead of their use, and an item is
    the examples as they are stored. Both bring the same batches, bit for bit.

    Args:
        dataset: A data set; the parts of unpaired data are shuffled independently, each over its
            own length. It may hold fewer examples than a batch: epochs follow one another without
            a seam, and no example is dropped.
        batch_size: Examples a batch.
        repeats: Batches a step.
        steps_per_call: Steps a call.
        seed: Of the order.
        part: `(p, n)` for the p-th of n equal, consecutive parts of every batch, which is what
            process p of n takes: leaves are [..., batch_size / n, ...].
        apart: Whether an epoch ends with its last whole batch, so that no batch holds an example
            twice; a fresh permutation leaves out others.
        resident_limit: Bytes, of all columns together.

    Raises:
        UserError: if a data set is empty, its examples differ in shape, a count is below 1, or no
            whole batch is in an epoch that is to end with one.
    """
    counts = {"batch_size": batch_size, "repeats": repeats, "steps_per_call": steps_per_call}
    for name, value in counts.items():
        if value < 1:
            raise UserError(f"{name} must be at least 1, got {value}")
    index, processes = part
    if batch_size % processes:
        raise UserError(
            f"batch_size {batch_size} cannot be dealt out evenly to {processes} processes"
        )
    share = batch_size // processes
    plan = _Shares(**counts, part=slice(index * share, (index + 1) * share), apart=apart)
    parts = dataset.domains if isinstance(dataset, Unpaired) else {"": dataset}
    if apart and (few := min(map(len, parts.values()))) < batch_size:
        raise UserError(f"batch_size {batch_size} is more than the {few} examples there are")
    fits = sum(map(decoded_bytes, parts.values())) <= resident_limit
    make = _resident_loader if fits else _streaming_loader
    if not isinstance(dataset, Unpaired):
        return make(dataset, plan, seed)
    loaders = {
        domain: make(source, plan, _domain_seed(seed, place))
        for place, (domain, source) in enumerate(sorted(parts.items()))
    }
    return _side_by_side(loaders, fits)


def batches(dataset: Dataset, rows: Iterable[int], size: int) -> Iterator[dict[str, np.ndarray]]:
    """Reads examples in the order given, a batch at a time: what evaluation looks at.

    Args:
        dataset: Where from; nothing more of it is decoded than a batch.
        rows: Which examples.
        size: Examples a batch; the last one may be shorter.

    Yields:
        Columns [B, ...], each as `Kind.to_float` of its kind has it.

    Raises:
        UserError: if there are no examples, or they differ in shape.
    """
    if not len(dataset):
        raise UserError(f"{where(dataset)}: there are no examples")
    like = dataset[0]
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        columns = _convert(read_columns(dataset, chunk, like), dataset.kinds)
        yield {name: np.asarray(column) for name, column in columns.items()}


def first(dataset: Dataset, count: int) -> dict[str, np.ndarray]:
    """The first `count` examples, from the start again where there are fewer, ready for a game.

    Raises:
        UserError: as `batches` does.
    """
    if count < 1:
        raise UserError(f"at least one example must be looked at, got {count}")
    held = min(count, len(dataset))
    columns = next(batches(dataset, range(held), max(held, 1)), {})
    rows = np.arange(count) % max(held, 1)
    return {name: column[rows] for name, column in columns.items()}


def spread(dataset: Dataset, count: int) -> dict[str, np.ndarray]:
    """At most `count` examples, spread evenly over the dataset, ready for a game.

    Raises:
        UserError: as `batches` does.
    """
    rows = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int)
    parts = list(batches(dataset, rows.tolist(), _SPREAD))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def order(length: int, seed: int, start: int, count: int) -> np.ndarray:
    """A stretch of the endless shuffled stream of examples.

    Every epoch is a fresh permutation of all examples; a stretch may span several.

    Args:
        length: How many examples there are, 1 to 2**31 - 1.
        seed: Any integer.
        start: The first position, from 0.
        count: How many positions, at least 1.

    Returns:
        The examples' indices, int32 [count].
    """
    return _Order(length, seed).stretch(start, count)


class _Order:
    """`order`, which keeps the permutations of the last two epochs.

    Of each epoch so many positions of its permutation are taken as are whole batches of that size.
    """

    def __init__(self, length: int, seed: int, batch_size: int = 1) -> None:
        self._length = length // batch_size * batch_size
        self._permutation = lru_cache(maxsize=2)(partial(_permutation, length, seed))

    def stretch(self, start: int, count: int) -> np.ndarray:
        stop, length = start + count, self._length
        parts = [
            self._permutation(epoch)[
                max(start - epoch * length, 0) : min(stop - epoch * length, length)
            ]
            for epoch in range(start // length, (stop - 1) // length + 1)
        ]
        return np.concatenate(parts)


def _permutation(length: int, seed: int, epoch: int) -> np.ndarray:
    # NumPy promises a bit generator's raw stream for ever, but not Generator.permutation's.
    bits = np.random.Philox(key=np.array([seed % 2**64, epoch], np.uint64)).random_raw(length)
    return np.argsort(bits, kind="stable").astype(np.int32)


def _resident_loader(dataset: Dataset, plan: _Shares, seed: int) -> Loader:
    shape = (plan.steps_per_call, plan.repeats, plan.batch_size)
    examples = plan.repeats * plan.batch_size  # a step
    order = _Order(len(dataset), seed, plan.batch_size if plan.apart else 1)

    def items(step: int) -> Iterator[np.ndarray]:
        while True:
            stretch = order.stretch(step * examples, shape[0] * examples)
            yield stretch.reshape(shape)[..., plan.part]
            step += plan.steps_per_call

    decoded = materialise(dataset)
    shapes = {name: column.shape[1:] for name, column in decoded.columns.items()}
    rows = {name: _rows(column) for name, column in decoded.columns.items()}
    return Loader(rows, partial(_gather, shapes=shapes, kinds=decoded.kinds), items)


def _streaming_loader(dataset: Dataset, plan: _Shares, seed: int) -> Loader:
    like, order = dataset[0], _Order(len(dataset), seed, plan.batch_size if plan.apart else 1)

    def read(batch: int) -> dict[str, np.ndarray]:
        indices = order.stretch(batch * plan.batch_size, plan.batch_size)
        return read_columns(dataset, indices[plan.part], like)

    def items(step: int) -> Iterator[dict[str, np.ndarray]]:
        import grain

        threads = min(16, os.cpu_count() or 1)
        ahead = max(threads, 2 * plan.repeats * plan.steps_per_call)  # batches: two calls
        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
        batches = grain.MapDataset.range(step * plan.repeats, 2**62).map(read)
        stream = batches.to_iter_dataset(options).batch(plan.repeats).batch(plan.steps_per_call)
        return iter(stream)

    return Loader(None, lambda _, examples: _convert(examples, dataset.kinds), items)


def _side_by_side(loaders: Mapping[str, Loader], resident: bool) -> Loader:
    def fetch(columns: Any, item: Mapping[str, Any]) -> Batch:
        return Unpaired.flat(
            {
                domain: loader.fetch(columns[domain] if resident else None, item[domain])
                for domain, loader in loaders.items()
            }
        )

    def items(step: int) -> Iterator[dict[str, Any]]:
        streams = [loader.items(step) for loader in loaders.values()]
        return (dict(zip(loaders, parts, strict=True)) for parts in zip(*streams, strict=True))

    columns = {domain: loader.resident for domain, loader in loaders.items()}
    return Loader(columns if resident else None, fetch, items)


_SPREAD = 512  # examples that are read at once
_LANES = 128


def _rows(column: np.ndarray) -> np.ndarray:
    """Images, audio and the like as rows `[N, D]`, D rounded up to whole registers of a TPU.

    Laid out as images, XLA would copy the whole set into another layout at every call: on a TPU
    200 times the work of the gather itself, and a temporary of many times the set's size.
    """
    if column.ndim < 3:
        return column
    flat = column.reshape(len(column), -1)
    return np.pad(flat, ((0, 0), (0, -flat.shape[1] % _LANES)))


def _gather(
    resident: Mapping[str, Any],
    indices: Any,
    *,
    shapes: Mapping[str, tuple[int, ...]],
    kinds: Mapping[str, Kind],
) -> Batch:
    examples = {}
    for name, rows in resident.items():
        taken = jnp.take(rows, indices, axis=0, mode="clip")
        if rows.ndim == 2:
            taken = taken[:, : math.prod(shapes[name])]
        examples[name] = taken.reshape(indices.shape[0], *shapes[name])
    return _convert(examples, kinds)


def _convert(examples: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Batch:
    return {name: kinds[name].to_float(value) for name, value in examples.items()}


def _domain_seed(seed: int, place: int) -> int:
    sequence = np.random.SeedSequence([seed % 2**64, place])
    return int(sequence.generate_state(1, np.uint64)[0])
