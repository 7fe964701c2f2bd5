import pytest


@pytest.fixture
def tfds_folder(tmp_path, monkeypatch):
    """Makes an empty folder TFDS's own; TFDS reads TFDS_DATA_DIR only when first imported."""
    from tensorflow_datasets.core import constants

    monkeypatch.setattr(constants, "DATA_DIR", str(tmp_path))
    return tmp_path
