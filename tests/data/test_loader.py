from itertools import islice

import jax
import numpy as np
import pytest

from gan_jax.data import (
    ArrayDataset,
    Audio,
    Category,
    Image,
    Real,
    Tokens,
    Video,
    batches,
    first,
    make_loader,
    order,
    spread,
    unpaired,
)
from gan_jax.types import UserError

IMAGES = np.random.default_rng(0).integers(256, size=(23, 4, 4, 1), dtype=np.uint8)
DATASET = ArrayDataset("a", "train", {"x": IMAGES, "label": np.arange(23)})
OTHER = ArrayDataset("b", "train", {"x": 255 - IMAGES, "label": np.arange(23)})
RESIDENT, STREAMING = 2**30, 0


class Broken:
    """Reads its first example and no other."""

    name, split, kinds = "broken", "train", {"x": Image()}

    def __len__(self):
        return 9

    def __getitem__(self, i):
        if i:
            raise UserError("the file is damaged")
        return {"x": IMAGES[0]}


def played(loader, start, count):
    """The batches of `count` steps, leaves [count, repeats, batch_size, ...]."""
    resident = jax.tree.map(np.asarray, loader.resident)
    fetch = jax.jit(jax.vmap(jax.vmap(loader.fetch, (None, 0)), (None, 0)))
    steps, items = [], loader.items(start)
    while len(steps) < count:
        call = fetch(resident, next(items))
        length = len(jax.tree.leaves(call)[0])
        steps += [jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i]), call) for i in range(length)]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *steps[:count])


def assert_same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_every_epoch_shows_every_example_once_in_another_order():
    epochs = order(10, 0, 0, 30).reshape(3, 10)
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(10))
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_order_is_the_same_for_ever():
    # The argsorted raw stream of Philox4x64-10, key [7, epoch]: if it moves, no old run resumes.
    assert order(5, 7, 0, 10).tolist() == [4, 1, 3, 2, 0, 3, 1, 2, 4, 0]


def test_a_stretch_is_a_window_of_the_stream():
    stream = order(7, 3, 0, 60)
    for start, count in [(0, 1), (6, 2), (7, 7), (13, 30), (59, 1)]:
        np.testing.assert_array_equal(order(7, 3, start, count), stream[start : start + count])


def test_order_depends_on_the_seed():
    assert order(50, 0, 0, 50).tolist() != order(50, 1, 0, 50).tolist()


def test_negative_seeds_are_seeds():
    assert sorted(order(5, -1, 0, 5).tolist()) == [0, 1, 2, 3, 4]


def test_items_of_a_resident_set_are_indices():
    loader = make_loader(DATASET, batch_size=4, repeats=2, steps_per_call=3, seed=0)
    item = next(loader.items(0))
    assert (item.shape, item.dtype) == ((3, 2, 4), np.int32)
    np.testing.assert_array_equal(item.ravel(), order(23, 0, 0, 24))
    assert loader.resident["x"].dtype == np.uint8


def test_items_of_a_streamed_set_are_examples_as_stored():
    loader = make_loader(
        DATASET, batch_size=4, repeats=2, steps_per_call=3, seed=0, resident_limit=STREAMING
    )
    item = next(loader.items(0))
    assert (item["x"].shape, item["x"].dtype) == ((3, 2, 4, 4, 4, 1), np.uint8)
    assert (item["label"].shape, item["label"].dtype) == ((3, 2, 4), np.int32)
    assert loader.resident is None


@pytest.mark.parametrize("limit", [RESIDENT, STREAMING])
def test_a_batch_is_the_examples_the_order_names(limit):
    loader = make_loader(DATASET, batch_size=6, repeats=2, seed=5, resident_limit=limit)
    result = played(loader, 0, 4)
    indices = order(23, 5, 0, 48).reshape(4, 2, 6)
    np.testing.assert_array_equal(result["label"], indices)
    np.testing.assert_allclose(result["x"], IMAGES[indices] / 127.5 - 1, atol=1e-6)
    assert result["x"].dtype == np.float32


def test_resident_and_streamed_batches_agree_bit_for_bit():
    resident, streamed = (
        make_loader(DATASET, batch_size=5, repeats=2, steps_per_call=2, seed=1, resident_limit=n)
        for n in (RESIDENT, STREAMING)
    )
    assert_same(played(resident, 2, 10), played(streamed, 2, 10))


@pytest.mark.parametrize("limit", [RESIDENT, STREAMING])
@pytest.mark.parametrize("start", [1, 3, 8])
def test_a_resumed_stream_is_the_tail(limit, start):
    loader = make_loader(DATASET, batch_size=5, repeats=2, seed=1, resident_limit=limit)
    tail = jax.tree.map(lambda leaf: leaf[start:], played(loader, 0, 12))
    assert_same(played(loader, start, 12 - start), tail)


@pytest.mark.parametrize("limit", [RESIDENT, STREAMING])
def test_steps_per_call_does_not_change_what_a_step_sees(limit):
    one, three = (
        make_loader(DATASET, batch_size=4, steps_per_call=n, seed=2, resident_limit=limit)
        for n in (1, 3)
    )
    assert_same(played(one, 0, 9), played(three, 0, 9))


def test_repeats_divide_a_step_and_change_nothing_else():
    halves = make_loader(DATASET, batch_size=4, repeats=2, seed=2)
    whole = make_loader(DATASET, batch_size=8, seed=2)
    np.testing.assert_array_equal(
        played(halves, 0, 5)["label"].reshape(5, 8), played(whole, 0, 5)["label"][:, 0]
    )


@pytest.mark.parametrize("limit", [RESIDENT, STREAMING])
def test_a_set_smaller_than_a_batch_wraps(limit):
    tiny = ArrayDataset("a", "train", {"x": IMAGES[:3], "label": np.arange(3)})
    labels = played(make_loader(tiny, batch_size=9, seed=0, resident_limit=limit), 0, 1)["label"]
    assert np.bincount(labels.ravel()).tolist() == [3, 3, 3]


@pytest.mark.parametrize("limit", [RESIDENT, STREAMING])
def test_unpaired_data_are_shuffled_apart_into_flat_columns(limit):
    loader = make_loader(unpaired(b=OTHER, a=DATASET), batch_size=23, seed=0, resident_limit=limit)
    batch = jax.tree.map(lambda leaf: leaf[0, 0], played(loader, 0, 1))
    assert sorted(batch) == ["a", "a_label", "b", "b_label"]
    a, b = batch["a_label"].tolist(), batch["b_label"].tolist()
    assert a != b
    assert sorted(a) == sorted(b) == list(range(23))
    np.testing.assert_allclose(batch["a"], IMAGES[a] / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(batch["b"], (255 - IMAGES[b]) / 127.5 - 1, atol=1e-6)


def test_unpaired_orders_are_the_same_for_ever():
    # Seeds are words of SeedSequence([seed, place]): if they move, no old run resumes.
    loader = make_loader(unpaired(a=DATASET, b=OTHER), batch_size=6, seed=3)
    item = jax.tree.map(np.ravel, next(loader.items(0)))
    for place, domain in enumerate("ab"):
        seed = int(np.random.SeedSequence([3, place]).generate_state(1, np.uint64)[0])
        np.testing.assert_array_equal(item[domain], order(23, seed, 0, 6))


def test_unpaired_sets_of_different_length_are_each_seen_whole():
    small = ArrayDataset("s", "train", {"x": IMAGES[:5], "label": np.arange(5)})
    batch = played(make_loader(unpaired(a=DATASET, b=small), batch_size=23, seed=0), 0, 5)
    assert np.bincount(batch["a_label"].ravel()).tolist() == [5] * 23
    assert np.bincount(batch["b_label"].ravel()).tolist() == [23] * 5


def test_unpaired_batches_agree_resident_and_streamed():
    resident, streamed = (
        make_loader(
            unpaired(a=DATASET, b=OTHER),
            batch_size=5,
            steps_per_call=2,
            seed=1,
            resident_limit=limit,
        )
        for limit in (RESIDENT, STREAMING)
    )
    assert_same(played(resident, 4, 6), played(streamed, 4, 6))


def test_the_limit_counts_all_parts_of_unpaired_data():
    size = sum(column.nbytes for column in DATASET.columns.values())
    both = unpaired(a=DATASET, b=OTHER)
    fits = make_loader(both, batch_size=5, seed=1, resident_limit=2 * size)
    streams = make_loader(both, batch_size=5, seed=1, resident_limit=2 * size - 1)
    assert sorted(fits.resident) == ["a", "b"]
    assert streams.resident is None


RANDOM = np.random.default_rng(1)
MIXED = ArrayDataset(
    "mixed",
    "train",
    {
        "x": RANDOM.integers(-(2**15), 2**15, size=(7, 20, 2), dtype=np.int16),
        "clip": RANDOM.integers(256, size=(7, 3, 4, 4, 1), dtype=np.uint8),
        "text": RANDOM.integers(4, size=(7, 6), dtype=np.int32),
        "map": RANDOM.integers(3, size=(7, 4, 5), dtype=np.uint8),
        "series": RANDOM.standard_normal((7, 9, 2)).astype(np.float32),
        "row": RANDOM.standard_normal((7, 3)).astype(np.float32),
        "label": np.arange(7),
    },
    {
        "x": Audio(8_000),
        "clip": Video(),
        "text": Tokens(tuple("abcd")),
        "map": Category(tuple("abc")),
        "series": Real(),
        "row": Real(),
    },
)


@pytest.mark.parametrize("limit", [RESIDENT, STREAMING])
def test_every_column_is_converted_by_its_kind(limit):
    loader = make_loader(MIXED, batch_size=7, seed=0, resident_limit=limit)
    batch = jax.tree.map(lambda leaf: leaf[0, 0], played(loader, 0, 1))
    rows = batch["label"]
    assert sorted(rows.tolist()) == list(range(7))
    stored = {name: column[rows] for name, column in MIXED.columns.items()}
    np.testing.assert_array_equal(batch["x"], (stored["x"] / 32_768).astype(np.float32))
    np.testing.assert_allclose(batch["clip"], stored["clip"] / 127.5 - 1, atol=1e-6)
    for name in ("text", "map", "series", "row"):
        np.testing.assert_array_equal(batch[name], stored[name])
    dtypes = {name: str(column.dtype) for name, column in batch.items()}
    floats = dict.fromkeys(("x", "clip", "series", "row"), "float32")
    assert dtypes == floats | dict.fromkeys(("text", "map", "label"), "int32")


def test_mixed_columns_agree_resident_and_streamed():
    resident, streamed = (
        make_loader(MIXED, batch_size=3, seed=1, resident_limit=limit)
        for limit in (RESIDENT, STREAMING)
    )
    assert_same(played(resident, 1, 6), played(streamed, 1, 6))


def test_columns_rest_as_they_are_stored():
    resident = make_loader(MIXED, batch_size=3, seed=1).resident
    dtypes = {name: column.dtype for name, column in resident.items()}
    assert dtypes == {name: column.dtype for name, column in MIXED.columns.items()}


class Counted:
    """Counts what is decoded."""

    name, split, kinds = "counted", "train", DATASET.kinds

    def __init__(self):
        self.seen = set()

    def __len__(self):
        return len(DATASET)

    def __getitem__(self, i):
        self.seen.add(i)
        return DATASET[i]


def test_first_takes_the_first_examples_ready_for_a_game():
    dataset = Counted()
    batch = first(dataset, 4)
    assert batch["label"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(batch["x"], IMAGES[:4] / 127.5 - 1, atol=1e-6)
    assert batch["x"].dtype == np.float32
    assert dataset.seen == {0, 1, 2, 3}


def test_first_starts_again_where_there_are_fewer():
    assert first(DATASET, 50)["label"].tolist() == [i % 23 for i in range(50)]


def test_first_of_unpaired_data_is_aligned():
    small = ArrayDataset("s", "train", {"x": IMAGES[:2], "label": np.arange(2)})
    batch = first(unpaired(a=DATASET, b=small), 3)
    assert batch["a_label"].tolist() == batch["b_label"].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("count", "rows"), [(3, [0, 11, 22]), (1, [0]), (23, range(23)), (90, range(23))]
)
def test_examples_are_spread_over_all_of_a_dataset(count, rows):
    batch = spread(DATASET, count)
    assert batch["label"].tolist() == list(rows)
    np.testing.assert_allclose(batch["x"], IMAGES[list(rows)] / 127.5 - 1, atol=1e-6)


def test_nothing_is_spread_over_no_examples():
    with pytest.raises(UserError, match="there are no examples"):
        spread(ArrayDataset("none", "train", {"x": IMAGES[:0]}), 3)


def test_batches_read_rows_in_order_and_no_more_at_a_time():
    dataset = Counted()
    stream = batches(dataset, [5, 3, 20, 3, 9], 2)
    assert next(stream)["label"].tolist() == [5, 3]
    assert dataset.seen == {0, 3, 5}
    rest = [batch["label"].tolist() for batch in stream]
    assert rest == [[20, 3], [9]]


def test_nothing_to_look_at_is_refused():
    class Empty(Counted):
        def __len__(self):
            return 0

    with pytest.raises(UserError, match=r"counted\[train\]: there are no examples"):
        first(Empty(), 3)
    with pytest.raises(UserError, match="at least one example must be looked at, got 0"):
        first(DATASET, 0)


def test_floats_pass_unchanged():
    points = np.array([[4.0, -3.0], [0.5, 2.0]], np.float32)
    loader = make_loader(ArrayDataset("p", "train", {"x": points}), batch_size=2, seed=0)
    result = played(loader, 0, 1)["x"][0, 0]
    np.testing.assert_array_equal(result, points[order(2, 0, 0, 2)])


def test_a_fault_in_a_reading_thread_reaches_the_caller():
    loader = make_loader(Broken(), batch_size=9, seed=0, resident_limit=STREAMING)
    with pytest.raises(UserError, match="the file is damaged"):
        list(islice(loader.items(0), 1))


def test_an_empty_set_is_refused():
    class Empty(Broken):
        def __len__(self):
            return 0

    with pytest.raises(UserError, match=r"broken\[train\]: there are no examples"):
        make_loader(Empty(), batch_size=1, seed=0)


@pytest.mark.parametrize("name", ["batch_size", "repeats", "steps_per_call"])
def test_counts_below_one_are_refused(name):
    counts = {"batch_size": 1, name: 0}
    with pytest.raises(UserError, match=f"{name} must be at least 1, got 0"):
        make_loader(DATASET, seed=0, **counts)


@pytest.mark.parametrize("limit", [RESIDENT, STREAMING])
def test_batches_that_lie_apart_hold_no_example_twice(limit):
    few = ArrayDataset("a", "train", {"x": IMAGES[:5], "label": np.arange(5)})
    settings = {"batch_size": 2, "repeats": 2, "seed": 0, "resident_limit": limit}
    apart = played(make_loader(few, apart=True, **settings), 0, 20)["label"].reshape(-1, 2)
    assert np.all(apart[:, 0] != apart[:, 1])
    assert set(apart.ravel()) == set(range(5))
    with pytest.raises(UserError, match="batch_size 6 is more than the 5 examples"):
        make_loader(few, apart=True, batch_size=6, seed=0)
