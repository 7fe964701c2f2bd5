import functools
import os
from pathlib import Path

import fake_tfds
import pytest


@pytest.fixture
def tfds_folder(tmp_path, monkeypatch):
    """Makes an empty folder TFDS's own; TFDS reads TFDS_DATA_DIR only when first imported."""
    from tensorflow_datasets.core import constants

    monkeypatch.setattr(constants, "DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def prepare(tfds_folder):
    """Writes a data set into TFDS's own folder, as `fake_tfds.prepare` does."""
    return functools.partial(fake_tfds.prepare, tfds_folder)


@pytest.fixture
def real_tfds(monkeypatch):
    """Makes TFDS_DATA_DIR TFDS's own, where it holds a data set; skips where it does not."""

    def need(name):
        folder = Path(os.environ.get("TFDS_DATA_DIR", "")).absolute()
        if not (folder / name).is_dir():
            pytest.skip(f"no prepared {name}: set TFDS_DATA_DIR to a folder that holds one")
        from tensorflow_datasets.core import constants

        monkeypatch.setattr(constants, "DATA_DIR", str(folder))

    return need
