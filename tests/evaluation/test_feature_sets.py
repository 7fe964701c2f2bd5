import jax
import numpy as np
import pytest

from gan_jax import data, extractors, metrics
from gan_jax.evaluation import KEPT, dataset_features, extract_features, labels_to_ask_for

RANDOM = np.random.default_rng(0)
COUNT = 2_050
IMAGE = data.Image()
X = RANDOM.integers(256, size=(COUNT, 6, 6, 1), dtype=np.uint8)
LABEL = RANDOM.integers(3, size=COUNT).astype(np.int32)
NET = extractors.random(jax.random.key(0), (6, 6, 1), IMAGE, width=2, features=8)
IDENTITY = extractors.identity(data.Real())


def batches(x, label, size):
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        yield x[part], None if label is None else label[part]


def look(size, x=X, label=LABEL, extractor=NET):
    return extract_features(batches(x, label, size), extractor, title="some", count=len(x))


@pytest.fixture(scope="module")
def whole():
    return look(COUNT)


def assert_alike(one, other):
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        np.testing.assert_allclose(column, other.columns[name], rtol=1e-6, atol=1e-6, err_msg=name)


def test_every_example_is_seen_and_the_first_are_kept(whole):
    np.testing.assert_array_equal(whole.examples, X[:KEPT], strict=True)
    np.testing.assert_array_equal(whole.label, LABEL)
    np.testing.assert_allclose(whole.features, NET.extract(X).features, rtol=1e-6, atol=1e-6)
    expected = metrics.log_spectrum(IMAGE.to_float(X[-9:]))
    np.testing.assert_allclose(whole.spectra[-9:], expected, rtol=1e-5)
    assert whole.logits is None


@pytest.mark.parametrize("size", [100, 257])
def test_the_size_of_batches_does_not_matter(size, whole):
    assert_alike(look(size), whole)


def test_floats_are_seen_as_a_picture_file_would_hold_them():
    rounded = np.asarray(IMAGE.to_float(X[:20]))
    nearly = rounded + RANDOM.uniform(-0.4, 0.4, rounded.shape).astype(np.float32) / 127.5
    assert_alike(look(20, nearly, None), look(20, X[:20], None))


def test_points_have_neither_spectra_nor_labels():
    points = RANDOM.normal(size=(9, 2)).astype(np.float32)
    seen = look(4, points, None, IDENTITY)
    assert (seen.kind, seen.columns.keys()) == (data.Real(), {"features", "examples"})
    np.testing.assert_array_equal(seen.features, points)
    np.testing.assert_array_equal(seen.examples, points)


def test_numbers_of_four_axes_are_no_images():
    values = RANDOM.normal(size=(9, 6, 6, 1)).astype(np.float32)
    assert "spectra" not in look(9, values, None, IDENTITY).columns


FLAT = X[:300].reshape(300, 36).astype(np.float32)


def dataset(x=FLAT, label=LABEL[:300]):
    columns = {"x": x} | ({} if label is None else {"label": label})
    return data.ArrayDataset("some", "train", columns, {"x": data.Real()})


def test_examples_of_a_data_set_are_drawn_without_replacement_by_the_seed():
    x = np.arange(300, dtype=np.float32)[:, None]
    one, again, other = (
        dataset_features(dataset(x), IDENTITY, count=200, seed=seed).features for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert len(np.unique(one)) == 200
    assert not np.array_equal(one, other)


def test_a_data_set_of_fewer_is_seen_whole():
    x = np.arange(300, dtype=np.float32)[:, None]
    seen = dataset_features(dataset(x), IDENTITY, count=1_000)
    assert sorted(seen.features[:, 0]) == list(range(300))
    np.testing.assert_array_equal(seen.label, LABEL[seen.features[:, 0].astype(int)])


class Counted:
    """An extractor that notes how often it is called."""

    def __init__(self, name="counted"):
        self.calls = 0
        self.extractor = extractors.Extractor(self.extract, {"name": name}, data.Real())

    def extract(self, images):
        self.calls += 1
        return IDENTITY.extract(images)


def test_what_was_seen_is_recalled_without_the_extractor(tmp_path):
    counted = Counted()
    first = dataset_features(dataset(), counted.extractor, count=300, cache=tmp_path)
    calls = counted.calls
    again = dataset_features(dataset(), counted.extractor, count=300, cache=tmp_path)
    assert counted.calls == calls > 0
    assert_alike(first, again)
    assert_alike(first, dataset_features(dataset(), counted.extractor, count=300))


CHANGED = [
    ({"dataset": dataset(FLAT + (np.arange(300) == 7)[:, None])}, "an example"),
    ({"dataset": dataset(label=(LABEL[:300] + 1) % 3)}, "labels"),
    ({"dataset": dataset(label=None)}, "no labels"),
    ({"dataset": dataset(FLAT.reshape(300, 6, 6))}, "the shape"),
    ({"count": 299}, "count"),
    ({"seed": 1}, "seed"),
]


@pytest.mark.parametrize("change", [c for c, _ in CHANGED], ids=[name for _, name in CHANGED])
def test_other_data_are_not_taken_for_these(change, tmp_path):
    counted = Counted()
    usual = {"dataset": dataset(), "extractor": counted.extractor, "count": 300, "cache": tmp_path}
    dataset_features(**usual)
    calls = counted.calls
    dataset_features(**usual | change)
    assert counted.calls > calls


def test_maps_of_labels_are_not_read_as_labels():
    maps = RANDOM.integers(3, size=(300, 2, 2)).astype(np.int32)
    kinds = {"x": data.Real(), "label": data.Category(("a", "b", "c"))}
    mapped = data.ArrayDataset("some", "train", {"x": FLAT, "label": maps}, kinds)
    assert dataset_features(mapped, IDENTITY, count=300).label is None


def test_what_another_extractor_saw_is_not_taken_for_this_ones(tmp_path):
    for counted in (Counted("one"), Counted("other")):
        dataset_features(dataset(), counted.extractor, count=300, cache=tmp_path)
        assert counted.calls > 0


def test_a_damaged_file_is_seen_anew(tmp_path, caplog):
    first = dataset_features(dataset(), IDENTITY, count=300, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    assert_alike(first, dataset_features(dataset(), IDENTITY, count=300, cache=tmp_path))
    assert "is damaged" in caplog.text


def test_labels_to_ask_for_are_those_of_the_examples_looked_at():
    tailed = data.ArrayDataset("tailed", "train", {"x": X, "label": np.minimum(LABEL, 1)})
    seen = dataset_features(tailed, NET, count=300, seed=4).label
    np.testing.assert_array_equal(labels_to_ask_for(tailed, 300, seed=4), seen)


def test_labels_to_ask_for_keep_the_shares_of_fewer_examples():
    few = data.ArrayDataset("few", "train", {"x": X[:11], "label": np.array([0] * 10 + [1])})
    assert list(np.bincount(labels_to_ask_for(few, 1_100))) == [1_000, 100]


@pytest.mark.parametrize("label", [None, np.zeros((9, 6, 6), np.int32)])
def test_there_are_no_labels_to_ask_for_where_examples_have_no_class(label):
    columns = {"x": X[:9]} | ({} if label is None else {"label": label})
    kinds = {"x": IMAGE} | ({} if label is None else {"label": data.Category(("a",))})
    assert labels_to_ask_for(data.ArrayDataset("maps", "train", columns, kinds), 5) is None
