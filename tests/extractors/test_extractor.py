import jax
import numpy as np
import pytest

from gan_jax import extractors, parallel
from gan_jax.extractors import extractor
from gan_jax.types import UserError

KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).integers(256, size=(11, 8, 8, 1), dtype=np.uint8)
FLOATS = (IMAGES / 127.5 - 1).astype(np.float32)
POINTS = np.array([[0.3, -4.0], [2.5, 7.1]], np.float32)


def mean_and_maximum(x):
    return np.stack([x.mean(axis=(1, 2, 3)), x.max(axis=(1, 2, 3))], axis=1)


EXTRACTORS = {
    "identity": extractors.identity(),
    "random": extractors.random(KEY, (8, 8, 1), width=2, features=5),
    "brightness": extractors.from_function(mean_and_maximum, "brightness"),
}


@pytest.mark.parametrize("name", EXTRACTORS)
def test_features_are_rows_of_float32_under_a_name_without_logits(name):
    features, logits = EXTRACTORS[name].extract(IMAGES)
    assert (features.ndim, len(features), features.dtype) == (2, len(IMAGES), np.float32)
    assert logits is None
    assert EXTRACTORS[name].protocol["name"] == name


@pytest.mark.parametrize("name", EXTRACTORS)
def test_floats_are_read_as_a_picture_file_would_store_them(name):
    extract = EXTRACTORS[name].extract
    as_bytes = extract(IMAGES).features
    np.testing.assert_array_equal(extract(FLOATS + 0.49 / 127.5).features, as_bytes)
    assert not np.array_equal(extract(FLOATS + 0.51 / 127.5).features, as_bytes)


def test_identity_gives_pixels_between_minus_one_and_one():
    features = extractors.identity().extract(IMAGES).features
    np.testing.assert_allclose(features, IMAGES.reshape(11, 64) / 127.5 - 1, atol=1e-6)


def test_identity_leaves_points_as_they_are():
    np.testing.assert_array_equal(extractors.identity().extract(POINTS).features, POINTS)


def test_random_features_depend_on_the_key_alone():
    same = extractors.random(jax.random.key(0), (8, 8, 1), width=2, features=5)
    other = extractors.random(jax.random.key(1), (8, 8, 1), width=2, features=5)
    first = EXTRACTORS["random"]
    assert same.protocol == first.protocol != other.protocol
    np.testing.assert_array_equal(same.extract(IMAGES).features, first.extract(IMAGES).features)
    assert not np.allclose(other.extract(IMAGES).features, first.extract(IMAGES).features)


@pytest.mark.parametrize(("size", "devices"), [(4, 2), (64, 1)])
def test_features_do_not_depend_on_batches_or_devices(size, devices, monkeypatch):
    usual = EXTRACTORS["random"].extract(IMAGES).features
    local = jax.local_devices()[:devices]
    monkeypatch.setattr(extractor, "EXTRACT_SIZE", size)
    monkeypatch.setattr(parallel.jax, "local_devices", lambda: local)
    monkeypatch.setattr(parallel.jax, "local_device_count", lambda: devices)
    again = extractors.random(KEY, (8, 8, 1), width=2, features=5).extract(IMAGES).features
    np.testing.assert_allclose(again, usual, atol=1e-6 * np.abs(usual).max())


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda x: x, r"strange.*\[11, 8, 8, 1\].*must return \[11, D\]"),
        (lambda x: x[1:, 0, 0], r"\[10, 1\]"),
        (lambda x: np.full((len(x), 2), np.nan), "not finite"),
    ],
)
def test_a_function_that_returns_no_features_is_named(function, fault):
    with pytest.raises(UserError, match=fault):
        extractors.from_function(function, "strange").extract(IMAGES)


def test_probabilities_are_those_of_the_logits():
    logits = np.log(np.array([[1, 3], [5, 5]], np.float32)) + np.float32(50)
    seen = extractors.Features(np.zeros((2, 1), np.float32), logits)
    np.testing.assert_allclose(seen.probabilities, [[0.25, 0.75], [0.5, 0.5]], rtol=1e-5)


def test_there_are_no_probabilities_without_classes():
    with pytest.raises(ValueError, match="no classes"):
        _ = extractors.Features(np.zeros((2, 1), np.float32)).probabilities


def test_a_digest_tells_names_shapes_types_and_values_apart():
    value = np.arange(6, dtype=np.int32)
    trees = [
        {"a": {"b": value}},
        {"a": {"c": value}},
        {"a": {"b": value.reshape(2, 3)}},
        {"a": {"b": value.view(np.float32)}},
        {"a": {"b": value + 1}},
    ]
    assert len({extractor.digest(tree) for tree in trees}) == len(trees)
    assert extractor.digest({"a": {"b": value.copy()}}) == extractor.digest(trees[0])
