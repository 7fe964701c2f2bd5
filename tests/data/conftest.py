import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def prepared_tfds():
    """A TFDS folder that holds the real MNIST."""
    beside = Path(__file__).parents[3] / "shared" / "tfds"
    folder = Path(os.environ.get("TFDS_DATA_DIR", beside))
    if not (folder / "mnist").is_dir():
        pytest.skip("no prepared MNIST: set TFDS_DATA_DIR to a folder that holds one")
    return folder


@pytest.fixture
def tfds_folder(tmp_path, monkeypatch):
    """Makes an empty folder TFDS's own; TFDS reads TFDS_DATA_DIR only when first imported."""
    from tensorflow_datasets.core import constants

    monkeypatch.setattr(constants, "DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def mnist_folder(prepared_tfds, monkeypatch):
    """Makes the folder that holds the real MNIST TFDS's own."""
    from tensorflow_datasets.core import constants

    monkeypatch.setattr(constants, "DATA_DIR", str(prepared_tfds))
    return prepared_tfds
