import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import extractors, metrics, nets
from gan_jax.data import Audio, Category, Image, Real, Tokens
from gan_jax.types import UserError

KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).integers(256, size=(11, 8, 8, 1), dtype=np.uint8)
FLOATS = (IMAGES / 127.5 - 1).astype(np.float32)
POINTS = np.array([[0.3, -4.0], [2.5, 7.1]], np.float32)
SOUNDS = np.random.default_rng(1).integers(-9_000, 9_000, size=(3, 700, 1)).astype(np.int16)


def mean_and_maximum(x):
    return np.stack([x.mean(axis=(1, 2, 3)), x.max(axis=(1, 2, 3))], axis=1)


EXTRACTORS = {
    "identity": extractors.identity(Image()),
    "random": extractors.random(KEY, (8, 8, 1), Image(), width=2, features=5),
    "brightness": extractors.from_function(mean_and_maximum, "brightness", Image()),
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
    features = EXTRACTORS["identity"].extract(IMAGES).features
    np.testing.assert_allclose(features, IMAGES.reshape(11, 64) / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("kind", [Real(), Tokens(("a", "b"))])
def test_identity_leaves_numbers_as_they_are(kind):
    features = extractors.identity(kind).extract(POINTS).features
    np.testing.assert_array_equal(features, POINTS)


def test_identity_gives_pixels_of_any_four_numbers_only_where_they_are_images():
    values = IMAGES.astype(np.float32)
    features = extractors.identity(Real()).extract(values).features
    np.testing.assert_array_equal(features, values.reshape(11, 64))


def test_sound_is_read_as_its_spectrogram():
    class Flat(nets.convnet.nn.Module):
        @nets.convnet.nn.compact
        def __call__(self, x, train=False):
            return x.reshape(len(x), -1), None

    extractor = extractors.from_net(Flat(), {}, "flat", Audio(8_000))
    expected = metrics.log_spectrogram(SOUNDS / np.float32(32_768)).reshape(3, -1)
    for x in (SOUNDS, (SOUNDS / 32_768).astype(np.float32)):
        np.testing.assert_allclose(extractor.extract(x).features, expected, atol=1e-4)
    assert "spectrogram" in extractor.protocol["input"]
    assert "input" not in EXTRACTORS["random"].protocol


@pytest.mark.parametrize("kind", [Tokens(("a", "b")), Category(("a", "b"))])
def test_a_net_reads_no_kind_without_floats(kind):
    with pytest.raises(UserError, match=kind.name):
        extractors.random(KEY, (8,), kind)


def test_random_features_depend_on_the_key_alone():
    same, other = (
        extractors.random(jax.random.key(seed), (8, 8, 1), Image(), width=2, features=5)
        for seed in (0, 1)
    )
    first = EXTRACTORS["random"]
    assert same.protocol == first.protocol != other.protocol
    np.testing.assert_array_equal(same.extract(IMAGES).features, first.extract(IMAGES).features)
    assert not np.allclose(other.extract(IMAGES).features, first.extract(IMAGES).features)


def test_features_do_not_depend_on_batches():
    net = nets.convnet.ConvNet(2, width=2, features=5)
    variables = net.init(KEY, jnp.zeros((1, 8, 8, 1)), train=False)
    usual, small = (
        extractors.from_net(net, variables, "net", Image(), batch_size=size).extract(IMAGES)
        for size in (256, 4)
    )
    for made, expected in zip(small, usual, strict=True):
        np.testing.assert_allclose(made, expected, atol=1e-6 * np.abs(expected).max())


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
        extractors.from_function(function, "strange", Image()).extract(IMAGES)


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
    assert len({extractors.digest(tree) for tree in trees}) == len(trees)
    assert extractors.digest({"a": {"b": value.copy()}}) == extractors.digest(trees[0])


def columns(x, label=(0, 1, 2, 3, 4, 5)):
    return {"x": np.asarray(x, np.float32), "label": np.asarray(label, np.int32)}


def batches(size, **changed):
    whole = columns(np.arange(12).reshape(6, 2)) | changed
    return [{n: v[i : i + size] for n, v in whole.items()} for i in range(0, 6, size)]


def test_a_fingerprint_does_not_depend_on_batches():
    assert len({extractors.fingerprint(batches(size)) for size in (1, 4, 6)}) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"x": np.arange(12, dtype=np.float32).reshape(6, 2, 1)},
        {"x": np.arange(12, dtype=np.int32).reshape(6, 2)},
        {"label": np.array([0, 1, 2, 3, 5, 4], np.int32)},
        {"other": np.arange(6)},
    ],
    ids=["shape", "dtype", "values", "columns"],
)
def test_a_fingerprint_tells_other_data(changed):
    assert extractors.fingerprint(batches(4, **changed)) != extractors.fingerprint(batches(4))
