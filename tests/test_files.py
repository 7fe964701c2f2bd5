import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from gan_jax import files
from gan_jax.types import UserError


@pytest.mark.parametrize(
    ("content", "bytes_"), [("é\n", b"\xc3\xa9\n"), (b"\x00\r\n", b"\x00\r\n")]
)
def test_text_and_bytes_are_written_into_a_new_folder(tmp_path, content, bytes_):
    path = tmp_path / "new" / "a.txt"
    files.write_whole(path, content)
    assert path.read_bytes() == bytes_
    assert os.listdir(path.parent) == ["a.txt"]


def test_the_partial_file_lies_beside_and_keeps_the_suffix(tmp_path):
    with files.replacing(tmp_path / "a.npz") as partial:
        partial.touch()
        assert (partial.parent, partial.suffix) == (tmp_path, ".npz")
        assert files.is_partial(partial.name)
        assert not files.is_partial("a.npz")


@pytest.mark.parametrize("error", [OSError, KeyError, KeyboardInterrupt])
def test_a_failure_midway_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    files.write_whole(path, "old")
    expected = UserError if error is OSError else error
    with pytest.raises(expected), files.replacing(path) as partial:  # noqa: PT012
        partial.write_text("half")
        raise error("no space left")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_cannot_be_written_is_named_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^could not write .*file/a\.txt: [^\n]+$"):
        files.write_whole(tmp_path / "file" / "a.txt", "")


def test_a_folder_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match="could not write"):
        files.write_whole(tmp_path / "a", "")
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    events, fsync, replace = [], os.fsync, pathlib.Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: events.append("synced") or fsync(fd))
    monkeypatch.setattr(
        pathlib.Path, "replace", lambda a, b: events.append("named") or replace(a, b)
    )
    files.write_whole(tmp_path / "a", "text")
    assert events == ["synced", "named"]


def test_many_may_write_the_same_file(tmp_path):
    path = tmp_path / "a.txt"
    texts = [str(i) * 10_000 for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda text: files.write_whole(path, text), texts))
    assert path.read_text() in texts
    assert os.listdir(tmp_path) == ["a.txt"]
