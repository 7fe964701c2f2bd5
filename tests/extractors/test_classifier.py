import dataclasses
import importlib
import json

import jax
import numpy as np
import pytest

from gan_jax import data, extractors
from gan_jax.types import UserError

room = importlib.import_module("gan_jax.extractors.classifier")  # not its function
KEY = jax.random.key(0)
TRAIN, TEST = data.digits("train"), data.digits("test")
SETTINGS = extractors.ClassifierSettings(width=8, features=16, epochs=0, min_updates=200)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A classifier of the digits, its weights' file and what it reported."""
    cache, lines = tmp_path_factory.mktemp("cache"), []
    extractor = extractors.classifier(
        TRAIN, settings=SETTINGS, cache=cache, held_out=TEST, report=lines.append
    )
    (path,) = cache.iterdir()
    return extractor, path, lines


@pytest.fixture
def trainings(trained, monkeypatch):
    """Training gives the weights of `trained` at once, and is noted here."""
    noted = []
    with np.load(trained[1]) as file:
        variables = room.unflatten_dict(dict(file), sep="/")
    monkeypatch.setattr(room, "_train", lambda *arguments: noted.append(arguments) or variables)
    return noted


def test_held_out_digits_are_read_rightly(trained):
    extractor, _, _ = trained
    assert extractor.protocol["accuracy"] == extractors.accuracy(extractor, TEST) > 0.9


def test_accuracy_is_the_share_of_labels_that_are_met():
    logits = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    extractor = extractors.Extractor(lambda x: extractors.Features(logits, logits), {})
    columns = {"x": np.zeros((4, 2), np.float32), "label": np.array([0, 1, 2, 1])}
    assert extractors.accuracy(extractor, data.ArrayDataset("four", "all", columns)) == 0.75


def test_features_are_as_many_as_the_settings_say_and_logits_as_the_classes(trained):
    seen = trained[0].extract(TEST.columns["x"][:5])
    assert (seen.features.shape, seen.logits.shape) == ((5, 16), (5, 10))


def test_the_protocol_is_plain_and_says_what_was_trained_on_what(trained):
    protocol = json.loads(json.dumps(trained[0].protocol))
    assert protocol["name"] == "classifier"
    assert protocol["settings"] == dataclasses.asdict(SETTINGS)
    assert protocol["trained_on"].items() >= {"source": "digits[train]", "count": 1438}.items()


def test_training_and_accuracy_are_reported(trained):
    _, path, (first, last) = trained
    assert "digits[train], 1,438 examples" in first
    assert str(path) in first
    assert "359 examples of digits[test]" in last


def test_training_twice_gives_the_same_weights_bit_for_bit(trained):
    again = extractors.classifier(TRAIN, settings=SETTINGS)
    assert again.protocol["weights"] == trained[0].protocol["weights"]


def test_points_are_classified_too():
    iris, test = data.iris("train"), data.iris("test")
    extractor = extractors.classifier(iris, settings=SETTINGS, held_out=test)
    assert extractor.protocol["accuracy"] > 0.8


def test_kept_weights_are_recalled(trained, trainings):
    extractor, path, _ = trained
    recalled = extractors.classifier(TRAIN, settings=SETTINGS, cache=path.parent, held_out=TEST)
    assert trainings == []
    assert recalled.protocol == extractor.protocol


def changed(column):
    values = TRAIN.columns[column].copy()
    values.flat[0] += 1
    return dataclasses.replace(TRAIN, columns={**TRAIN.columns, column: values})


@pytest.mark.parametrize(
    ("dataset", "settings"),
    [
        (changed("label"), SETTINGS),
        (changed("x"), SETTINGS),
        (TRAIN, dataclasses.replace(SETTINGS, seed=1)),
    ],
    ids=["labels", "images", "settings"],
)
def test_other_data_or_settings_are_not_taken_for_these(
    dataset, settings, trained, trainings, tmp_path
):
    (tmp_path / trained[1].name).write_bytes(trained[1].read_bytes())
    extractors.classifier(dataset, settings=settings, cache=tmp_path)
    assert len(trainings) == 1
    assert len(list(tmp_path.iterdir())) == 2


def flip_a_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flip_a_bit, lambda content: content[:-1000], lambda _: b"", lambda _: b"not a classifier"],
    ids=["flipped", "cut", "empty", "foreign"],
)
def test_damaged_weights_are_trained_anew_with_a_warning(
    damage, trained, trainings, tmp_path, caplog
):
    path = trained[1]
    copy = tmp_path / path.name
    copy.write_bytes(damage(path.read_bytes()))
    extractors.classifier(TRAIN, settings=SETTINGS, cache=tmp_path)
    assert f"{copy} is damaged" in caplog.text
    assert len(trainings) == 1
    with np.load(copy) as kept, np.load(path) as good:
        assert {name: kept[name].tobytes() for name in kept} == {
            name: good[name].tobytes() for name in good
        }


@pytest.mark.parametrize("change", [lambda array: array[1:], lambda array: array.astype(float)])
def test_weights_of_another_shape_or_type_are_trained_anew(
    change, trained, trainings, tmp_path, caplog
):
    with np.load(trained[1]) as file:
        name, *_ = arrays = dict(file)
    np.savez(tmp_path / trained[1].name, **{**arrays, name: change(arrays[name])})
    extractors.classifier(TRAIN, settings=SETTINGS, cache=tmp_path)
    assert "holds other weights" in caplog.text
    assert len(trainings) == 1


def test_a_cache_that_cannot_be_written_is_done_without(trained, trainings, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.touch()
    extractor = extractors.classifier(TRAIN, settings=SETTINGS, cache=blocked / "cache")
    assert "could not be written" in caplog.text
    assert extractor.protocol["weights"] == trained[0].protocol["weights"]


@pytest.mark.parametrize("where", ["dataset", "held_out"])
def test_data_without_labels_are_refused(where):
    bare = dataclasses.replace(TEST, columns={"x": TEST.columns["x"]})
    with pytest.raises(UserError, match=r"digits\[test\] has no labels"):
        extractors.classifier(**{"dataset": TRAIN, "held_out": TEST, where: bare})


def test_images_are_shifted_each_by_its_own_whole_pixels():
    images = np.random.default_rng(0).integers(256, size=(64, 5, 9, 2), dtype=np.uint8)
    # A pixel down and up, two sideways.
    shifted = np.asarray(jax.jit(room._shift, static_argnums=2)(KEY, images, 0.15))
    wide = np.pad(images, [(0, 0), (1, 1), (2, 2), (0, 0)], mode="edge")
    offsets = [
        [(i, j) for i in range(3) for j in range(5) if (old[i : i + 5, j : j + 9] == new).all()]
        for old, new in zip(wide, shifted, strict=True)
    ]
    assert {len(found) for found in offsets} == {1}
    assert {found[0] for found in offsets} == {(i, j) for i in range(3) for j in range(5)}
