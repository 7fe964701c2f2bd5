import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from fake_tfds import feature, image_feature, png
from ml_collections import ConfigDict
from PIL import Image

from gan_jax.data import SOURCES, Category, Real, Source, load, materialise, num_classes
from gan_jax.types import UserError


def test_digits_by_name():
    assert load("digits", split="test").columns["x"].shape == (359, 8, 8, 1)


@pytest.mark.parametrize("name", ["ring", "grid", "two_moons", "swiss_roll"])
def test_toys_by_name_count_and_seed(name):
    one, other = (load(name, count=20, seed=seed).columns["x"] for seed in (0, 1))
    assert one.shape == (20, 2)
    assert not np.array_equal(one, other)


def test_toys_have_as_many_points_as_the_papers():
    assert len(load("ring")) == 100_000


def test_resolution_and_channels_apply_to_arrays():
    dataset = load("digits", resolution=16, channels=3)
    assert dataset.columns["x"].shape == (1438, 16, 16, 3)
    assert dataset.columns["x"].dtype == np.uint8
    assert len(dataset.columns["label"]) == 1438


@pytest.mark.usefixtures("prepared_tfds")
def test_resolution_and_channels_apply_to_tfds_as_it_is_read():
    dataset = load("mnist", split="test[:5]", resolution=32, channels=3)
    assert dataset[0]["x"].shape == (32, 32, 3)
    assert materialise(dataset).columns["x"].shape == (5, 32, 32, 3)
    assert dataset.kinds["label"].classes == tuple("0123456789")


def test_folders_by_path(tmp_path):
    for name, size in (("a.png", (9, 5)), ("b.png", (4, 4))):
        Image.new("RGB", size).save(tmp_path / name)
    columns = materialise(load(str(tmp_path), resolution=4, channels=1)).columns
    assert columns["x"].shape == (2, 4, 4, 1)


def test_a_slash_makes_a_folder_of_what_is_named_like_a_file(tmp_path):
    for side in ("trainA", "trainB"):
        (tmp_path / "photos.csv" / side).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "photos.csv" / side / "a.png")
    folder = f"{tmp_path}/photos.csv/"
    assert set(load(folder + "trainA").kinds) == {"x"}
    assert set(load(folder, features={"x": "B", "source": "A"}).kinds) == {"x", "source"}


def test_relative_folders_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "pictures" / "a.png")
    assert len(load("pictures")) == 1


def test_samples_of_our_own_can_be_loaded(tmp_path):
    samples = np.linspace(-1, 1, 5 * 8 * 8 * 3, dtype=np.float32).reshape(5, 8, 8, 3)
    np.savez(tmp_path / "a.npz", samples=samples, labels=np.arange(5))
    dataset = load(str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(dataset.columns["x"], samples)
    assert dataset.columns["label"].tolist() == [0, 1, 2, 3, 4]
    assert load(str(tmp_path / "a.npz"), resolution=8, channels=1)[0]["x"].shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ring", {"split": "test"}, "ring has no split 'test'; set data.split to train"),
        ("ring", {"count": 9, "resolution": 8}, r"no images \(x is \[2\], label is \[\]\): take"),
        ("iris", {"channels": 3}, "no images"),
        ("digits", {"count": 9}, "data.count is for ring"),
        (
            "digits",
            {"features": {"x": "image"}},
            "data.features is for TFDS data sets, not for digits",
        ),
        ("./nowhere", {}, "there is no folder nowhere"),
        ("nowhere.npz", {}, "there is no file nowhere.npz"),
        ("NOWHERE.CSV", {}, "NOWHERE.CSV"),
        ("nowhere.csv", {"features": {"x": "a"}}, "data.features is for TFDS data sets"),
        ("digit", {}, "no data set is called 'digit'; did you mean 'digits'?"),
        ("fashion-mnist", {}, "did you mean 'fashion_mnist'?"),
    ],
)
def test_what_does_not_suit_is_refused_in_one_line(name, options, message):
    with pytest.raises(UserError, match=message) as caught:
        load(name, **options)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_array_is_said_to_be_one(tmp_path):
    (tmp_path / "a.tsv").write_text("1,2")
    with pytest.raises(UserError, match=r"a.tsv is neither a folder of images nor"):
        load(str(tmp_path / "a.tsv"))


@pytest.mark.usefixtures("tfds_folder")
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "digits",
            {"length": 8},
            "data.length is for audio, text and films, not for",
        ),
        ("x.npz", {"features": {"x": "B", "source": "A"}}, "data.features is for TFDS data sets"),
        ("digits", {"kinds": {"x": "image"}}, "data.kinds is for TFDS and array files"),
        (
            "spoken_digit",
            {"split": "dev"},
            "no split 'dev'; set data.split to train or test or all",
        ),
        ("spoken_digits", {}, "did you mean 'spoken_digit'"),
    ],
)
def test_options_that_do_not_suit_are_refused(name, options, message):
    with pytest.raises(UserError, match=message):
        load(name, **options)


def test_every_picture_of_an_example_is_shaped(prepare):
    rng = np.random.default_rng(0)
    picture, labels = (rng.integers(4, size=(6, 8, c), dtype=np.uint8) for c in (3, 1))
    features = {"image": image_feature(3), "edges": image_feature(1), "parts": image_feature(1)}
    row = {"image": png(picture), "edges": png(labels), "parts": png(labels)}
    prepare("pairs", features, {"train": [row]})
    kind = {"kind": "category", "classes": list("abcd")}
    dataset = load(
        "pairs",
        resolution=4,
        channels=3,
        features={"x": "image", "source": "edges", "map": "parts"},
        kinds={"map": kind},
    )
    shapes = {name: column.shape for name, column in dataset[0].items()}
    assert shapes == {"x": (4, 4, 3), "source": (4, 4, 3), "map": (4, 4)}
    assert set(np.unique(dataset[0]["map"])) <= set(range(4))


def test_frames_of_a_video_are_shaped(prepare):
    frames = np.random.default_rng(0).integers(256, size=(3, 6, 8, 3), dtype=np.uint8)
    shape = {"dimensions": ["-1", "6", "8", "3"]}
    features = {"video": feature("Video", video={"dtype": "uint8", "shape": shape})}
    prepare("films", features, {"train": [{"video": [png(frame) for frame in frames]}]})
    assert load("films", resolution=4, channels=1)[0]["x"].shape == (3, 4, 4, 1)


def test_a_source_goes_through_a_config_and_back(tmp_path):
    points = np.arange(6.0).reshape(3, 2)
    np.savez(tmp_path / "a.npz", x=points, label=[0, 1, 1])
    source = Source(
        str(tmp_path / "a.npz"),
        kinds={"x": {"kind": "real", "columns": ("u", "v")}, "label": "category"},
    )
    dataset = Source(**ConfigDict(asdict(source))).load("train")
    assert dataset.kinds == {"x": Real(("u", "v")), "label": Category(("0", "1"))}


def test_as_many_are_drawn_as_a_source_says():
    assert len(Source("ring", count=7).load("train")) == 7
    assert len(Source("shapes", resolution=8, count=3).load("test")) == 3
    with pytest.raises(UserError, match=r"data\.count is -1"):
        Source("shapes", count=-1)


def test_a_source_refuses_other_classes():
    with pytest.raises(UserError, match=r"digits has 10 classes: set data.num_classes to 10"):
        Source("digits", num_classes=3).load("train")


def test_sources_are_plain_values():
    for source in SOURCES.values():
        assert Source(**json.loads(json.dumps(asdict(source)))).name == source.name


def test_digits_of_the_default_job():
    train, test = (SOURCES["digits"].load(split) for split in ("train", "test"))
    assert train.columns["x"].shape == (1438, 16, 16, 1)
    assert num_classes(test) == 10


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_mixtures_say_what_they_were_drawn_from(name):
    dataset = SOURCES[name].load("train")
    mixture = dataset.kinds["x"].mixture
    near = mixture.centres[dataset.columns["label"]]
    distances = np.linalg.norm(dataset.columns["x"] - near, axis=-1)
    assert distances.max() < 6 * mixture.std


def test_importing_the_room_is_light():
    code = (
        "import sys, jax; from gan_jax import data; from jax._src import xla_bridge;"
        "heavy = {'tensorflow_datasets', 'sklearn', 'scipy.ndimage', 'grain', 'PIL', 'tensorflow'};"
        "print(sorted(heavy & set(sys.modules)), xla_bridge.backends_are_initialized())"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("[] False\n", "")
