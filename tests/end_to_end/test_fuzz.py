"""Whatever a user may hand over by mistake ends in a run or in one line, and in time.

The suite draws the same few cases each time; `GAN_JAX_FUZZ=300` draws so many of each, anew.
"""

import contextlib
import io
import os
import random
import shutil
import signal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from experiments import recipes, run_folder, train
from gan_jax import data
from gan_jax.types import UserError

DRAWS = int(os.environ.get("GAN_JAX_FUZZ", "0"))
SECONDS = 60


def drawn(few):
    return settings(
        max_examples=DRAWS or few,
        derandomize=not DRAWS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@contextlib.contextmanager
def one_line_or_none_in_time():
    """What is refused is one line; all else is a fault, and so is what takes too long."""

    def late(*_):
        raise AssertionError(f"not done within {SECONDS} seconds")

    previous = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    except UserError as error:
        text = str(error)
        assert text.strip()
        assert "\n" not in text or "holds a run of another config" in text
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


NUMBERS = st.sampled_from([-1, 0, 1, 2, 3, 7, 8, 16, 2**31, 10**12, -(2**63)])
FLOATS = st.sampled_from([-1.0, 0.0, 1e-3, 0.5, 1.0, 1e30, float("inf"), float("nan")])
WORDS = st.sampled_from(["", "none", "mnits", "-samples/fid", "bfloat16", "cosine", "../..", "\n"])
TUPLES = st.lists(NUMBERS, max_size=3).map(tuple)
VALUES = st.one_of(NUMBERS, FLOATS, WORDS, TUPLES, st.booleans(), st.none())


def test_settings_of_a_recipe(tiny, tmp_path_factory):
    path, config = tiny("points/gan")
    short = {"steps": 2, "steps_per_call": 1, "log_every": 1, "checkpoint_every": 2}
    short |= {"sample_every": 0, "batch_size": 4}
    config.update(short)
    keys = sorted(key for key, _ in _flat(config) if not key.startswith("classifier"))

    @drawn(12)
    @given(st.dictionaries(st.sampled_from([*keys, "net.nothing"]), VALUES, min_size=1, max_size=3))
    def outcome(overrides):
        own = recipes.ConfigDict(config.to_dict())
        try:  # as the flags do, which have an exception of their own for each fault
            own.update_from_flattened_dict(overrides)
        except (TypeError, ValueError, KeyError, AttributeError):
            return
        with one_line_or_none_in_time():
            train.run(path, own, tmp_path_factory.mktemp("run"))

    outcome()


def _flat(config, prefix=""):
    for name, value in config.items():
        if isinstance(value, recipes.ConfigDict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def damaged(content, kind, where, byte):
    """A file's content after an accident."""
    place = int(where * len(content))
    match kind:
        case "cut":
            return content[:place]
        case "flipped":
            return content[:place] + bytes([byte]) + content[place + 1 :]
        case "zeroed":
            return content[:place] + bytes(len(content) - place)
        case "doubled":
            return content + content[place:]
        case "foreign":
            return random.Random(place).randbytes(max(place, 1))
    raise ValueError(kind)


ACCIDENT = st.tuples(
    st.sampled_from(["cut", "flipped", "zeroed", "doubled", "foreign"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 255),
)


def test_damaged_files_of_a_runs_folder(tiny, tmp_path_factory):
    path, config = tiny("points/gan", steps=4, sample_every=0)
    run = tmp_path_factory.mktemp("whole") / "run"
    train.run(path, config, run)
    # A damaged recipe is code like any other.
    names = sorted(p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file())
    names = [name for name in names if name not in ("recipe.py", ".lock")]

    @drawn(25)
    @given(st.sampled_from(names), st.sampled_from(["", "gone", "folder"]), ACCIDENT)
    def outcome(name, fate, accident):
        folder = tmp_path_factory.mktemp("damaged") / "run"
        shutil.copytree(run, folder)
        victim = folder / name
        content = victim.read_bytes()
        victim.unlink()
        if fate == "folder":
            victim.mkdir()
        elif not fate:
            victim.write_bytes(damaged(content, *accident))
        with one_line_or_none_in_time():
            run_folder.load_run(folder)
        with one_line_or_none_in_time():
            train.run(path, config, folder)
        shutil.rmtree(folder)

    outcome()


def _files():
    """Files of data, whole."""
    arrays = {"x": np.zeros((3, 8, 8, 1), np.uint8), "label": np.arange(3)}
    whole = {}
    for suffix, save in {
        "npy": lambda file: np.save(file, arrays["x"]),
        "npz": lambda file: np.savez(file, **arrays),
        "packed.npz": lambda file: np.savez_compressed(file, **arrays),
    }.items():
        save(file := io.BytesIO())
        whole[suffix] = file.getvalue()
    picture = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    for suffix in ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm"):
        picture.save(file := io.BytesIO(), suffix)
        whole[suffix] = file.getvalue()
    return whole


@pytest.mark.filterwarnings("ignore")  # Pillow's and NumPy's, of what they mend
def test_damaged_files_of_data(tmp_path_factory):
    whole = _files()

    @drawn(150)
    @given(st.sampled_from(sorted(whole)), ACCIDENT)
    def outcome(suffix, accident):
        folder = tmp_path_factory.mktemp("data")
        path = folder / f"a.{suffix}"
        path.write_bytes(damaged(whole[suffix], *accident))
        with one_line_or_none_in_time():
            dataset = data.load(str(path if suffix.endswith(("npy", "npz")) else folder))
            for row in range(len(dataset)):
                dataset[row]
        shutil.rmtree(folder)

    outcome()
