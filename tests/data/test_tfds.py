import importlib.util
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from gan_jax.data import materialise, num_classes, tfds_dataset
from gan_jax.types import UserError

without_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed"
)


@pytest.mark.usefixtures("mnist_folder")
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


@pytest.mark.usefixtures("mnist_folder")
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


@pytest.mark.usefixtures("mnist_folder")
def test_features_that_are_not_there():
    with pytest.raises(UserError, match="no feature 'pixels'; choose one of image, label"):
        tfds_dataset("mnist", feature="pixels")


@pytest.mark.usefixtures("mnist_folder")
def test_features_that_cannot_be_x():
    with pytest.raises(UserError, match="feature 'label' is int64; x must be uint8 or float"):
        tfds_dataset("mnist", feature="label")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnistt", "no data set is called 'mnistt'; did you mean 'mnist'?"),
        ("rings", "no data set is called 'rings'; did you mean 'ring'?"),
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
    assert "pip install 'gan_jax[tfds]'" in message
    assert "tfds build kmnist --file_format=array_record" in message


@without_tensorflow
@pytest.mark.usefixtures("tfds_folder")
def test_a_set_whose_features_need_tensorflow_says_so(capfd):
    with pytest.raises(UserError, match=r"without tensorflow: pip install 'gan_jax\[tfds\]'"):
        tfds_dataset("spoken_digit")
    assert capfd.readouterr() == ("", "")


def test_a_set_in_a_sequential_format_says_so(prepared_tfds, tfds_folder):
    version = tfds_folder / "mnist" / "3.0.1"
    version.mkdir(parents=True)
    for name in ("features.json", "dataset_info.json"):
        shutil.copy(prepared_tfds / "mnist" / "3.0.1" / name, version / name)
    info = version / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(UserError, match="prepared as tfrecord, which cannot be read at random"):
        tfds_dataset("mnist")
