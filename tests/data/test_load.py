import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from gan_jax.data import load, materialise
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


@pytest.mark.usefixtures("mnist_folder")
def test_resolution_and_channels_apply_to_tfds_as_it_is_read():
    dataset = load("mnist", split="test[:5]", resolution=32, channels=3)
    assert dataset[0]["x"].shape == (32, 32, 3)
    assert materialise(dataset).columns["x"].shape == (5, 32, 32, 3)
    assert dataset.label_names == tuple("0123456789")


def test_folders_by_path(tmp_path):
    for name, size in (("a.png", (9, 5)), ("b.png", (4, 4))):
        Image.new("RGB", size).save(tmp_path / name)
    columns = materialise(load(str(tmp_path), resolution=4, channels=1)).columns
    assert columns["x"].shape == (2, 4, 4, 1)


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
        ("ring", {"count": 9, "resolution": 8}, r"no images \(x is \[2\]\); remove"),
        ("iris", {"channels": 3}, "no images"),
        ("digits", {"count": 9}, "data.count is for ring"),
        ("digits", {"feature": "image"}, "data.feature is for TFDS data sets, not for digits"),
        ("./nowhere", {}, "there is no folder nowhere"),
        ("nowhere.npz", {}, "there is no file nowhere.npz"),
        ("digit", {}, "no data set is called 'digit'; did you mean 'digits'?"),
        ("fashion-mnist", {}, "did you mean 'fashion_mnist'?"),
    ],
)
def test_what_does_not_suit_is_refused_in_one_line(name, options, message):
    with pytest.raises(UserError, match=message) as caught:
        load(name, **options)
    assert "\n" not in str(caught.value)


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
