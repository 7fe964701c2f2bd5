"""What a checkpoint that cannot be read, or is replaced under one's eyes, comes to."""

import errno
import os
import pathlib

import numpy as np
import pytest

from gan_jax.checkpoints import Checkpoints
from gan_jax.types import UserError


def truncate(directory):
    files = [path for path in (directory / "2").rglob("*") if path.is_file()]
    path = max(files, key=lambda path: path.stat().st_size)
    os.truncate(path, path.stat().st_size // 2)


def saved_twice(directory):
    saved = Checkpoints(directory)
    state = [np.random.default_rng(0).normal(size=(40, 50)).astype("f")]
    for step in (1, 2):
        saved.save(step, state)
    return state


def test_a_damaged_checkpoint_is_set_aside_and_never_replaced(tmp_path):
    state = saved_twice(tmp_path)
    truncate(tmp_path)
    damaged = {path.name: path.stat().st_size for path in (tmp_path / "2").rglob("*")}
    saved = Checkpoints(tmp_path)
    assert saved.restore(state)[0] == 1
    for step in (2, 3, 4, 5):
        saved.save(step, state)
    aside = tmp_path / "damaged-2"
    assert {path.name: path.stat().st_size for path in aside.rglob("*")} == damaged
    assert saved.steps() == [3, 4, 5]


@pytest.mark.parametrize("code", ["EACCES", "EIO", "EMFILE", "ENOMEM"])
def test_what_cannot_be_read_is_not_taken_for_damage(tmp_path, monkeypatch, code):
    state = saved_twice(tmp_path)
    number = getattr(errno, code)
    real = pathlib.Path.open

    def fail(path, *arguments, **settings):
        if path.parent.name == "2" and path.name != "header":
            raise OSError(number, os.strerror(number))
        return real(path, *arguments, **settings)

    monkeypatch.setattr(pathlib.Path, "open", fail)
    said = rf"^could not read the checkpoint at step 2 in [^\n]*: {os.strerror(number)}$"
    with pytest.raises(UserError, match=said):
        Checkpoints(tmp_path).restore(state)


def test_a_checkpoint_replaced_while_it_is_read_is_looked_for_again(tmp_path, monkeypatch, caplog):
    run, state = Checkpoints(tmp_path, keep=1), [np.arange(3.0)]
    run.save(1, state)
    reader = Checkpoints(tmp_path)
    real = Checkpoints.steps
    calls = []

    def racing(self):
        found = real(self)
        if self is reader:
            calls.append(found)
            if len(calls) == 2:
                run.save(2, state)  # between the reader's listing and its reading
        return found

    monkeypatch.setattr(Checkpoints, "steps", racing)
    assert reader.restore(state)[0] == 2
    assert caplog.messages == []
