import dataclasses
import importlib.util
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from fake_tfds import feature, image_feature, png

from gan_jax.data import (
    SOURCES,
    Audio,
    Category,
    Image,
    Real,
    Video,
    materialise,
    num_classes,
    spoken_digit,
    tfds_dataset,
)
from gan_jax.types import UserError

without_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed"
)


@pytest.mark.usefixtures("prepared_tfds")
def test_mnist_is_read_whole_or_in_slices():
    dataset = tfds_dataset("mnist", split="train[:300]")
    columns = materialise(dataset).columns
    assert columns["x"].shape == (300, 28, 28, 1)
    assert columns["x"].dtype == np.uint8
    assert columns["label"].dtype == np.int32
    assert set(columns["label"].tolist()) == set(range(10))
    assert num_classes(dataset) == 10
    np.testing.assert_array_equal(columns["x"][7], dataset[7]["x"])
    assert columns["label"][7] == dataset[7]["label"]
    assert len(tfds_dataset("mnist", split="test")) == 10_000


def test_reading_needs_no_tensorflow_and_prints_nothing(prepared_tfds):
    code = (
        "import sys; from gan_jax import data; dataset = data.load('mnist', split='test[:2]');"
        "print(data.materialise(dataset).columns['x'].shape, 'tensorflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "TFDS_DATA_DIR": str(prepared_tfds)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("(2, 28, 28, 1) False\n", "")


@pytest.mark.usefixtures("prepared_tfds")
@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("tran", r"Unknown split 'tran'. Should be one of \['train', 'test'\]"),
        ("train[:70000]", "incompatible with 60000 examples"),
        ("train[:10", "Error parsing split"),
        ("train[:0]", "no examples"),
    ],
)
def test_splits_that_are_not_there(split, message):
    with pytest.raises(UserError, match=message) as caught:
        tfds_dataset("mnist", split=split)
    assert "\n" not in str(caught.value)


GREY = np.arange(2 * 4 * 6, dtype=np.uint8).reshape(2, 4, 6, 1)
COLOUR = np.random.default_rng(0).integers(256, size=(2, 4, 6, 3), dtype=np.uint8)
STREETS = {
    "image": image_feature(3),
    "edges": image_feature(1),
    "annotation": image_feature(1),
    "parts": image_feature(1, "LabeledImage", label={"numClasses": "3"}),
    "depth": image_feature(1) | {"image": {"dtype": "uint16"}},
    "caption": feature("Text", text={}),
    "label": feature("ClassLabel", classLabel={"numClasses": "2"}),
    "place": feature("Tensor", tensor={"dtype": "float32", "shape": {"dimensions": ["2"]}}),
    "id": feature("Scalar", tensor={"dtype": "int64", "shape": {}}),
    "packed": feature("Tensor", tensor={"dtype": "float32", "encoding": "zlib"}),
    "boxes": feature("Sequence", sequence={}),
}


@pytest.fixture
def streets(prepare):
    """Pairs of all sorts; what no test may decode is broken."""
    rows = [
        {
            "image": png(COLOUR[i]),
            "edges": png(GREY[i]),
            "annotation": png(GREY[i] % 5),
            "parts": png(GREY[i] % 3),
            "depth": b"broken",
            "caption": b"a street",
            "label": i,
            "place": [0.5, i],
            "id": 100 + i,
        }
        for i in range(2)
    ]
    return prepare("streets", STREETS, {"train": rows}, labels={"label": ["day", "night"]})


@pytest.mark.usefixtures("streets")
def test_image_and_label_are_the_default_columns():
    dataset = tfds_dataset("streets")
    assert dataset.kinds == {"x": Image(), "label": Category(("day", "night"))}
    columns = materialise(dataset).columns
    np.testing.assert_array_equal(columns["x"], COLOUR)
    assert columns["label"].tolist() == [0, 1]


@pytest.mark.usefixtures("streets")
def test_features_become_the_columns_asked_for():
    dataset = tfds_dataset("streets", features={"x": "image", "source": "edges", "row": "place"})
    assert dataset.kinds == {"x": Image(), "source": Image(), "row": Real()}
    columns = materialise(dataset).columns
    np.testing.assert_array_equal(columns["source"], GREY)
    np.testing.assert_array_equal(columns["row"], np.float32([[0.5, 0], [0.5, 1]]))


@pytest.mark.usefixtures("streets")
def test_maps_of_classes_are_categories():
    classes = tuple("abcde")
    dataset = tfds_dataset(
        "streets",
        features={"x": "image", "map": "annotation", "parts": "parts"},
        kinds={"map": {"kind": "category", "classes": classes}},
    )
    assert dataset.kinds["map"] == Category(classes)
    assert dataset.kinds["parts"] == Category(("0", "1", "2"))
    columns = materialise(dataset).columns
    np.testing.assert_array_equal(columns["map"], GREY[..., 0] % 5)
    np.testing.assert_array_equal(columns["parts"], GREY[..., 0] % 3)
    assert columns["map"].dtype == np.uint8


@pytest.mark.usefixtures("streets")
def test_a_number_is_a_category_where_it_is_said_to_be():
    kinds = {"label": Category(tuple(map(str, range(102))))}
    dataset = tfds_dataset("streets", features={"x": "image", "label": "id"}, kinds=kinds)
    assert materialise(dataset).columns["label"].tolist() == [100, 101]


@pytest.mark.usefixtures("streets")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"features": {"x": "imag"}},
            "no feature 'imag' among image, edges, .*; did you mean 'image'",
        ),
        ({"features": {"x": "image", "t": "caption"}}, "text .'caption'. beside other columns"),
        ({"features": {"x": "caption", "y": "image"}}, "'image' beside text cannot be read"),
        ({"features": {"x": "id"}}, "numbers of int64: say what they are in data.kinds.x"),
        ({"features": {"x": "boxes"}}, "'boxes' is a Sequence, which cannot become a column"),
        ({"features": {"x": "depth"}}, "'depth' is of uint16; only pictures of uint8"),
        ({"features": {"x": "packed"}}, "'packed' is stored as zlib"),
        ({"length": 8}, "data.length is for audio and text; remove it"),
        ({"kinds": {"y": "image"}}, "data.kinds names 'y', which is no column of it"),
        ({"kinds": {"x": "images"}}, "no kind of column is called 'images'; name one of image"),
        ({"kinds": {"label": "category"}}, "told by classes, and needs classes"),
    ],
)
def test_features_that_cannot_be_columns_are_refused(options, message):
    with pytest.raises(UserError, match=message) as caught:
        tfds_dataset("streets", **options)
    assert "\n" not in str(caught.value)


def test_a_set_with_none_of_the_usual_features_says_what_to_name(prepare):
    prepare("plain", {"place": STREETS["place"]}, {"train": [{"place": [0.0, 1.0]}]})
    with pytest.raises(UserError, match=r"set data.features.x to one of place"):
        tfds_dataset("plain")
    assert tfds_dataset("plain", features={"x": "place"})[0]["x"].tolist() == [0, 1]


SOUND = {
    "audio": feature(
        "Audio", audio={"dtype": "int64", "sampleRate": "8000", "shape": {"dimensions": ["-1"]}}
    ),
    "audio/filename": feature("Text", text={}),
    "label": feature("ClassLabel", classLabel={"numClasses": "10"}),
}


def test_audio_is_cut_or_followed_by_silence(prepare):
    rows = [{"audio": [1, -2, 3], "label": 0}, {"audio": np.arange(7), "label": 1}]
    prepare("sounds", SOUND, {"train": rows})
    dataset = tfds_dataset("sounds", length=5)
    assert dataset.kinds["x"] == Audio(8_000)
    columns = materialise(dataset).columns
    assert columns["x"][..., 0].tolist() == [[1, -2, 3, 0, 0], [0, 1, 2, 3, 4]]
    assert columns["x"].dtype == np.int16


def test_audio_wants_a_length_and_16_bits(prepare):
    prepare("sounds", SOUND, {"train": [{"audio": [40_000], "label": 0}]})
    with pytest.raises(UserError, match=r"set data.length to the samples of a clip"):
        tfds_dataset("sounds")
    with pytest.raises(UserError, match="more than 16 bits"):
        tfds_dataset("sounds", length=2)[0]


def test_spoken_digits_are_split_by_take(prepare):
    rows = [
        {"audio": [take], "label": 3, "audio/filename": f"3_ann_{take}.wav".encode()}
        for take in (0, 5, 4, 49, 14)
    ]
    prepare("spoken_digit", SOUND, {"train": rows})
    takes = {s: spoken_digit(s, 1).columns["x"].ravel().tolist() for s in ("train", "test", "all")}
    assert takes == {"train": [5, 49, 14], "test": [0, 4], "all": [0, 5, 4, 49, 14]}


def test_the_real_spoken_digits(real_tfds):
    real_tfds("spoken_digit")
    test = SOURCES["spoken_digit"].load("test")
    assert test.columns["x"].shape == (300, 4096, 1)
    assert np.bincount(test.columns["label"]).tolist() == [30] * 10
    assert test.kinds["x"] == Audio(8_000)


TEXT = {"text": feature("Text", text={})}


def test_one_long_text_is_cut_into_windows_of_one_vocabulary(prepare):
    prepare("play", TEXT, {"train": [{"text": b"to be or"}], "test": [{"text": "né!".encode()}]})
    train, test = (tfds_dataset("play", split=split, length=3) for split in ("train", "test"))
    assert train.kinds == test.kinds
    assert train.kinds["x"].vocabulary == (" ", "!", "b", "e", "n", "o", "r", "t", "é")
    assert [train.kinds["x"].text(row) for row in train.columns["x"]] == ["to ", "be "]
    assert [test.kinds["x"].text(row) for row in test.columns["x"]] == ["né!"]


def test_texts_of_examples_are_padded_or_cropped(prepare):
    features = {**TEXT, "label": STREETS["label"]}
    rows = [{"text": b"ab", "label": 1}, {"text": b"abca", "label": 0}]
    prepare("lines", features, {"train": rows})
    dataset = tfds_dataset("lines", length=3)
    assert dataset.kinds["x"].vocabulary == ("", "a", "b", "c")
    assert dataset.columns["x"].tolist() == [[1, 2, 0], [1, 2, 3]]
    assert dataset.columns["label"].tolist() == [1, 0]
    assert dataset.kinds["x"].text(dataset.columns["x"][0]) == "ab"


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (0, "play is text: set data.length to the tokens of a piece"),
        (9, r"play\[train\] has 5 characters; set data.length to that or less"),
    ],
)
def test_a_text_wants_a_length_that_it_has(prepare, length, message):
    prepare("play", TEXT, {"train": [{"text": b"to be"}]})
    with pytest.raises(UserError, match=message):
        tfds_dataset("play", length=length)


def test_the_real_shakespeare(real_tfds):
    real_tfds("tiny_shakespeare")
    dataset = SOURCES["tiny_shakespeare"].load("train")
    assert dataset.columns["x"].shape == (1_003_854 // 32, 32)
    assert len(dataset.kinds["x"].vocabulary) == 65
    assert dataset.kinds["x"].text(dataset.columns["x"][0]).startswith("First Citizen:")


def test_videos_are_stacks_of_their_frames(prepare):
    shape = {"dimensions": ["-1", "4", "6", "3"]}
    features = {"video": feature("Video", video={"dtype": "uint8", "shape": shape})}
    prepare("films", features, {"train": [{"video": [png(COLOUR[0]), png(COLOUR[1])]}]})
    dataset = tfds_dataset("films")
    assert dataset.kinds == {"x": Video()}
    np.testing.assert_array_equal(dataset[0]["x"], COLOUR)


def test_the_newest_version_is_read_unless_one_is_named(prepare):
    for version, value in (("1.9.0", 1.0), ("1.10.0", 2.0)):
        rows = {"train": [{"place": [value, 0]}]}
        prepare("places", {"place": STREETS["place"]}, rows, version=version)
    names = ("places", "places:1.9.0", "places:1.10.0")
    values = [tfds_dataset(name, features={"x": "place"})[0]["x"][0] for name in names]
    assert values == [2, 1, 2]


def test_configs_are_named(prepare):
    for config, value in (("a", 1.0), ("b", 2.0)):
        rows = {"train": [{"place": [value, 0]}]}
        prepare(f"places/{config}", {"place": STREETS["place"]}, rows)
    names = ("places/a", "places/b:1.0.0")
    values = [tfds_dataset(name, features={"x": "place"})[0]["x"][0] for name in names]
    assert values == [1, 2]
    with pytest.raises(
        UserError, match=r"prepared under TFDS_DATA_DIR is places/a:1.0.0, places/b"
    ):
        tfds_dataset("places")


@pytest.mark.usefixtures("streets")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("street", "no data set is called 'street'; did you mean 'streets'?"),
        ("streets:2.0.0", "no 'streets:2.0.0'; prepared under TFDS_DATA_DIR is streets:1.0.0"),
        ("streets/day", "no 'streets/day'; prepared under TFDS_DATA_DIR is streets:1.0.0"),
    ],
)
def test_what_is_prepared_is_suggested(name, message):
    with pytest.raises(UserError) as caught:
        tfds_dataset(name)
    assert message in str(caught.value)


def test_the_real_label_maps_keep_their_classes(real_tfds):
    real_tfds("camvid")
    dataset = dataclasses.replace(SOURCES["camvid"], split="train[:3]").load("train[:3]")
    assert dataset.columns["source"].shape == (3, 64, 64)
    assert set(np.unique(dataset.columns["source"])) <= set(range(12))


def test_the_real_pairs_belong_together(real_tfds):
    real_tfds("edges2shoes_handbags")
    dataset = SOURCES["edges2shoes_handbags"].load("validation[:4]")
    assert dataset.columns["x"].shape == dataset.columns["source"].shape == (4, 64, 64, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnistt", "no data set is called 'mnistt'; did you mean 'mnist'?"),
        ("rings", "no data set is called 'rings'; did you mean 'ring'?"),
        ("orl_faces", "docs/data.md says how it is prepared"),
        ("qqqqqqqq", "name a built-in set, a path or a TFDS set"),
        ("mnist:9.9.9", "cannot be loaded at version 9.9.9, only: 3.0.1"),
        ("mnist/none", "BuilderConfig none not found"),
        ("not a name", "no data set is called 'not a name'"),
    ],
)
@pytest.mark.usefixtures("tfds_folder")
def test_names_that_are_not_there(name, message):
    with pytest.raises(UserError) as caught:
        tfds_dataset(name, others=("ring",))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@without_tensorflow
@pytest.mark.usefixtures("tfds_folder")
def test_a_set_that_is_not_prepared_says_how_to_prepare_it():
    with pytest.raises(UserError) as caught:
        tfds_dataset("kmnist")
    message = str(caught.value)
    assert "pip install -c constraints.txt -e '.[tfds]'" in message
    assert "tfds build kmnist --file_format=array_record" in message


def test_a_set_in_a_sequential_format_says_so(prepared_tfds, tfds_folder):
    version = tfds_folder / "mnist" / "3.0.1"
    version.mkdir(parents=True)
    for name in ("features.json", "dataset_info.json"):
        shutil.copy(prepared_tfds / "mnist" / "3.0.1" / name, version / name)
    info = version / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(UserError, match="prepared as tfrecord, which cannot be read at random"):
        tfds_dataset("mnist")
