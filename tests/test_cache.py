import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gan_jax import cache

ARRAYS = {"features": np.arange(6, dtype=np.float32).reshape(3, 2), "label": np.array([0, 1, 1])}


def assert_whole(recalled):
    assert recalled.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(recalled[name], array, strict=True)


def test_what_is_kept_is_recalled_and_lies_alone_in_its_folder(tmp_path):
    path = tmp_path / "new" / "some.npz"
    cache.keep(path, ARRAYS)
    assert_whole(cache.recall(path))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["absent.npz", "file/absent.npz"])
def test_what_was_never_kept_is_none_without_a_word(name, tmp_path, caplog):
    (tmp_path / "file").touch()
    assert cache.recall(tmp_path / name) is None
    assert caplog.text == ""


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-100], lambda _: b"", lambda _: b"foreign"],
    ids=["cut", "empty", "foreign"],
)
def test_a_damaged_file_is_none_with_a_warning(damage, tmp_path, caplog):
    path = tmp_path / "some.npz"
    cache.keep(path, ARRAYS)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.recall(path) is None
    assert f"{path} is damaged" in caplog.text


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        {"features": ARRAYS["features"], "labels": ARRAYS["label"]},
        {**ARRAYS, "features": ARRAYS["features"][:2]},
        {**ARRAYS, "features": np.full_like(ARRAYS["features"], np.nan)},
        {**ARRAYS, "digest": np.array("0")},
    ],
    ids=["empty", "other names", "other shapes", "nan", "another digest"],
)
def test_arrays_that_were_not_kept_here_are_none_with_a_warning(foreign, tmp_path, caplog):
    path = tmp_path / "some.npz"
    cache.keep(path, ARRAYS)
    with np.load(path) as kept:
        digest = kept["digest"]
    np.savez(path, **{"digest": digest} | foreign)
    assert cache.recall(path) is None
    assert f"{path} is damaged" in caplog.text


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise OSError("no space left")


def test_writing_that_fails_midway_leaves_the_old_file_and_nothing_else(tmp_path, caplog):
    path = tmp_path / "some.npz"
    cache.keep(path, ARRAYS)
    cache.keep(path, {"first": np.zeros(10_000), "second": Unreadable()})
    assert "no space left" in caplog.text
    assert list(tmp_path.iterdir()) == [path]
    assert_whole(cache.recall(path))


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path, caplog):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "some.npz"
    cache.keep(path, ARRAYS)
    assert f"could not write {path}: " in caplog.text


def test_whoever_reads_while_others_write_finds_whole_arrays(tmp_path):
    path = tmp_path / "some.npz"

    def keep_and_recall(_):
        cache.keep(path, ARRAYS)
        return cache.recall(path)

    with ThreadPoolExecutor(4) as pool:
        for recalled in pool.map(keep_and_recall, range(16)):
            assert_whole(recalled)


def test_one_makes_what_others_wait_for(tmp_path):
    path, made, waits = tmp_path / "new" / "some.npz", [], []

    def make(who):
        with cache.alone(path, waits.append):
            if cache.recall(path) is None:
                while len(waits) < 2:  # until both others wait
                    time.sleep(0.01)
                made.append(who)
                cache.keep(path, ARRAYS)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(make, range(3)))
    assert len(made) == 1
    assert waits == [f"waiting for another process, which makes {path}"] * 2
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_without_locks_stops_nobody(tmp_path):
    (tmp_path / "file").touch()
    with cache.alone(tmp_path / "file" / "some.npz"):
        pass


@pytest.mark.parametrize(("base", "expected"), [("/caches", "/caches"), ("", "/home/me/.cache")])
def test_the_usual_folder_is_where_the_desktop_says(base, expected, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    monkeypatch.setenv("HOME", "/home/me")
    assert str(cache.default_folder()) == f"{expected}/gan_jax"
