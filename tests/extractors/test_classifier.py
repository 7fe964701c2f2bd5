import dataclasses
import json

import numpy as np
import pytest

from gan_jax import cache, data, extractors
from gan_jax.types import UserError

TRAIN, TEST = data.digits("train"), data.digits("test")
SETTINGS = extractors.ClassifierSettings(width=8, features=16, updates=300)
IRIS, IRIS_TEST = data.iris("train"), data.iris("test")
SHORT = extractors.ClassifierSettings(width=2, features=4, batch_size=64, updates=1)


@pytest.fixture(scope="module")
def trained():
    """A classifier of the digits."""
    return extractors.classifier(TRAIN, settings=SETTINGS, held_out=TEST)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A classifier of the irises, its weights' file and what it reported."""
    cache, lines = tmp_path_factory.mktemp("cache"), []
    extractor = extractors.classifier(
        IRIS, settings=SHORT, cache=cache, held_out=IRIS_TEST, report=lines.append
    )
    (path,) = cache.iterdir()
    return extractor, path, lines


def make(cache, dataset=IRIS, settings=SHORT, held_out=None):
    """A classifier, and how often one was trained to make it."""
    lines = []
    extractor = extractors.classifier(
        dataset, settings=settings, cache=cache, held_out=held_out, report=lines.append
    )
    return extractor, sum(line.startswith("training") for line in lines)


def test_held_out_digits_are_read_rightly(trained):
    assert trained.protocol["accuracy"] == extractors.accuracy(trained, TEST) > 0.85


def test_accuracy_is_the_share_of_labels_that_are_met():
    logits = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    told = lambda x: extractors.Features(logits, logits)
    columns = {"x": np.zeros((4, 2), np.float32), "label": np.array([0, 1, 2, 1])}
    extractor = extractors.Extractor(told, {}, data.Real())
    assert extractors.accuracy(extractor, data.ArrayDataset("four", "all", columns)) == 0.75


def test_features_are_as_many_as_the_settings_say_and_logits_as_the_classes(trained):
    seen = trained.extract(TEST.columns["x"][:5])
    assert (seen.features.shape, seen.logits.shape) == ((5, 16), (5, 10))


@pytest.mark.parametrize(
    ("kind", "shape", "count", "width", "blocks", "updates", "flip"),
    [
        (data.Image(), (16, 16, 1), 1_438, 16, 0, 1_000, False),
        (data.Image(), (16, 16, 1), 16_384, 16, 0, 1_000, False),
        (data.Image(), (16, 16, 1), 16_385, 32, 1, 6_000, False),
        (data.Image(), (64, 64, 3), 2_400, 32, 1, 1_900, True),
        (data.Image(), (32, 32, 3), 10**6, 32, 1, 6_000, True),
        (data.Image(), (256, 256, 3), 100, 32, 1, 1_000, True),
        (data.Image(), (28, 28, 3), 1_000, 16, 0, 1_000, False),
        (data.Image(), (32, 32, 3), 1_000, 16, 0, 1_000, True),
        (data.Video(), (10, 32, 32, 3), 1_000, 16, 0, 1_000, False),
        (data.Audio(), (4_096, 1), 2_700, 16, 0, 1_000, False),
        (data.Real(), (2,), 50_000, 16, 0, 1_600, False),
        (data.Real(), (40,), 10**6, 16, 0, 6_000, False),
    ],
)
def test_what_is_left_open_is_chosen_by_the_data(kind, shape, count, width, blocks, updates, flip):
    resolved = extractors.ClassifierSettings(seed=3).resolved(kind, shape, count)
    assert resolved == extractors.ClassifierSettings(
        width=width, blocks=blocks, updates=updates, flip=flip, seed=3
    )


@pytest.mark.parametrize("count", [60, 10**6])
def test_what_is_said_stays(count):
    settings = extractors.ClassifierSettings(width=8, blocks=2, updates=150, flip=False)
    assert settings.resolved(data.Image(), (32, 32, 3), count) == settings


@pytest.mark.parametrize(("updates", "expected"), [(1, 50), (100, 100), (101, 150)])
def test_updates_are_whole_fifties(updates, expected):
    settings = extractors.ClassifierSettings(updates=updates)
    assert settings.resolved(data.Real(), (4,), 100).updates == expected


def test_the_protocol_is_plain_and_says_what_was_trained_on_what(trained):
    protocol = json.loads(json.dumps(trained.protocol))
    assert protocol["name"] == "classifier"
    resolved = SETTINGS.resolved(TRAIN.kinds["x"], TRAIN.columns["x"].shape[1:], len(TRAIN))
    assert protocol["settings"] == dataclasses.asdict(resolved)
    assert protocol["trained_on"].items() >= {"source": "digits[train]", "count": 1438}.items()


def test_training_and_accuracy_are_reported(kept):
    _, path, (first, last) = kept
    assert "iris[train], 127 examples" in first
    assert str(path) in first
    assert "23 examples of iris[test]" in last


def test_a_weak_classifier_is_said_to_be_weak(tmp_path):
    # Guessing the commoner of two classes reads half; 0.95 is nine tenths of the other half.
    label = np.arange(100, dtype=np.int32) % 2
    x = np.float32([-1, 1])[label, None]
    known = data.ArrayDataset("signs", "train", {"x": x, "label": label})
    for wrong, weak in ((4, False), (6, True)):
        swapped = np.where(np.arange(100) < wrong, 1 - label, label)
        held_out = data.ArrayDataset("signs", "test", {"x": x, "label": swapped})
        lines = []
        extractor = extractors.classifier(
            known, settings=SHORT, cache=tmp_path, held_out=held_out, report=lines.append
        )
        assert extractor.protocol["accuracy"] == 1 - wrong / 100
        assert ("warning" in extractor.protocol) == ("weak" in lines[-1]) == weak
    assert lines[-1].endswith(extractor.protocol["warning"])
    assert "94.0% of held-out examples rightly, guessing 50.0%" in lines[-1]


def test_colour_images_are_mirrored_and_kernels_decay(tmp_path):
    random = np.random.default_rng(0)
    columns = {
        "x": random.integers(256, size=(40, 32, 32, 3), dtype=np.uint8),
        "label": np.arange(40, dtype=np.int32) % 2,
    }
    images = data.ArrayDataset("noise", "train", columns)
    settings = [
        dataclasses.replace(SHORT, batch_size=8, **change)
        for change in ({}, {"flip": False}, {"weight_decay": 0.0})
    ]
    made = {extractors.classifier(images, settings=s).protocol["weights"] for s in settings}
    assert len(made) == 3


def test_training_twice_gives_the_same_weights_bit_for_bit(kept):
    again = extractors.classifier(IRIS, settings=SHORT)
    assert again.protocol["weights"] == kept[0].protocol["weights"]


def test_points_are_classified_too():
    settings = dataclasses.replace(SHORT, features=16, updates=200)
    extractor = extractors.classifier(IRIS, settings=settings, held_out=IRIS_TEST)
    assert extractor.protocol["accuracy"] > 0.8


def test_sounds_are_told_apart_by_their_pitch():
    random = np.random.default_rng(0)
    label = np.arange(60, dtype=np.int32) % 2
    phase = 2 * np.pi * random.random((60, 1))
    pitch = np.where(label == 0, 0.02, 0.1)[:, None]  # cycles a sample
    waves = 9_000 * np.sin(2 * np.pi * pitch * np.arange(600) + phase)
    kinds = {"x": data.Audio(8_000)}
    columns = {"x": waves[..., None].astype(np.int16), "label": label}
    tones = data.ArrayDataset("tones", "train", columns, kinds)
    settings = dataclasses.replace(SHORT, batch_size=16)
    extractor = extractors.classifier(tones, settings=settings, held_out=tones)
    assert extractor.protocol["accuracy"] == 1
    assert "spectrogram" in extractor.protocol["input"]


def test_kept_weights_are_recalled(kept):
    extractor, path, _ = kept
    recalled, trainings = make(path.parent, held_out=IRIS_TEST)
    assert trainings == 0
    assert recalled.protocol == extractor.protocol


class Streamed:
    """The irises, an example at a time."""

    name, split, kinds = IRIS.name, IRIS.split, IRIS.kinds

    def __len__(self):
        return len(IRIS)

    def __getitem__(self, i):
        return IRIS[i]


def test_the_same_data_are_known_however_they_are_read(kept):
    _, trainings = make(kept[1].parent, Streamed())
    assert trainings == 0


def test_other_columns_do_not_matter(kept):
    more = {**IRIS.columns, "id": np.arange(len(IRIS), dtype=np.float32)}
    dataset = dataclasses.replace(IRIS, columns=more, kinds={**IRIS.kinds, "id": data.Real()})
    _, trainings = make(kept[1].parent, dataset)
    assert trainings == 0


def changed(column):
    values = IRIS.columns[column].copy()
    values.flat[0] += 1
    return dataclasses.replace(IRIS, columns={**IRIS.columns, column: values})


@pytest.mark.parametrize(
    ("dataset", "settings"),
    [
        (changed("label"), SHORT),
        (changed("x"), SHORT),
        (IRIS, dataclasses.replace(SHORT, seed=1)),
    ],
    ids=["labels", "values", "settings"],
)
def test_other_data_or_settings_are_not_taken_for_these(dataset, settings, kept, tmp_path):
    (tmp_path / kept[1].name).write_bytes(kept[1].read_bytes())
    _, trainings = make(tmp_path, dataset, settings)
    assert trainings == 1
    assert len(list(tmp_path.iterdir())) == 2


def flip_a_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flip_a_bit, lambda content: content[:-1000], lambda _: b"", lambda _: b"not a classifier"],
    ids=["flipped", "cut", "empty", "foreign"],
)
def test_damaged_weights_are_trained_anew_with_a_warning(damage, kept, tmp_path, caplog):
    path = kept[1]
    copy = tmp_path / path.name
    copy.write_bytes(damage(path.read_bytes()))
    _, trainings = make(tmp_path)
    assert f"{copy} is damaged" in caplog.text
    assert trainings == 1
    with np.load(copy) as anew, np.load(path) as good:
        assert {name: anew[name].tobytes() for name in anew} == {
            name: good[name].tobytes() for name in good
        }


@pytest.mark.parametrize("change", [lambda array: array[1:], lambda array: array.astype(float)])
def test_weights_of_another_shape_or_type_are_trained_anew(change, kept, tmp_path, caplog):
    with np.load(kept[1]) as file:
        name, *_ = arrays = dict(file)
    arrays.pop("digest")
    cache.keep(tmp_path / kept[1].name, {**arrays, name: change(arrays[name])})
    _, trainings = make(tmp_path)
    assert "holds other weights" in caplog.text
    assert trainings == 1


def test_a_cache_that_cannot_be_written_is_done_without(kept, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.touch()
    extractor, _ = make(blocked / "cache")
    assert "could not write" in caplog.text
    assert extractor.protocol["weights"] == kept[0].protocol["weights"]


@pytest.mark.parametrize("where", ["dataset", "held_out"])
def test_data_without_labels_are_refused(where):
    bare = dataclasses.replace(IRIS_TEST, columns={"x": IRIS_TEST.columns["x"]}, kinds={})
    with pytest.raises(UserError, match=r"iris\[test\] has no labels"):
        make(None, **{"dataset": IRIS, "held_out": IRIS_TEST, where: bare})


def test_text_is_refused():
    columns = {"x": np.zeros((4, 3), np.int32), "label": np.zeros(4, np.int32)}
    kinds = {"x": data.Tokens(("a",))}
    with pytest.raises(UserError, match="tokens"):
        make(None, data.ArrayDataset("text", "train", columns, kinds))
