"""What a user does: recipes run in this process, and the scripts in processes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments import recipes, run_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory):
    """What one process compiles the others take from here: both workers, and scripts."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Stands for a user's own, so that nothing is trained twice."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "gan_jax"


HERE = (
    *("digits", "iris", "ring", "grid", "shapes", "scenes", "oracle", "words"),
    *("moving_digits", "moving_shapes"),
)
"""Data that come with the library."""

LARGE = ("flowers_128", "edges2shoes_handbags", "moving_mnist", "moving_fashion_mnist")
"""Data that take seconds to decode."""

DRAWN = ("oracle", "shapes", "scenes", "moving_digits", "moving_shapes")
"""Data that take seconds to draw."""


@pytest.fixture
def shorten():
    """Makes a config's data a few of themselves, where many take seconds."""

    def change(source):
        if source.name in LARGE:
            source.split = "train[:200]"
            source.test_split = source.test_split and "train[-100:]"
        if source.name in DRAWN:
            source.count = 200

    return change


@pytest.fixture
def tiny(request, shorten):
    """A recipe's TINY by name, two steps a call; skips where its data are absent."""

    def configure(name, **settings):
        name, _, variant = name.partition(":")
        path = ROOT / "configs" / f"{name}.py"
        recipe = recipes.load_recipe(path)
        config = recipes.configure(recipe, variant, **recipe.TINY)
        if config.data.name not in HERE:
            request.getfixturevalue("prepared_tfds")
        shorten(config.data)
        short = {
            "steps": 8,
            "batch_size": 8,
            "steps_per_call": 2,
            "log_every": 2,
            "sample_every": 8,
            "evaluate_every": 0,
            "evaluate_count": 200,
            "checkpoint_every": 4,
        }
        config.update(short | settings)
        config.classifier = ConfigDict({"blocks": 0, "updates": 100})
        return path, recipes.completed(recipe, config)

    return configure


def script_environment(compilation_cache, devices=1, optimised=False):
    """Of scripts, whose programs run as few times as those of tests: nor does XLA optimise them."""
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_COMPILATION_CACHE_DIR": str(compilation_cache),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": str(int(not optimised)),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


@pytest.fixture
def script(compilation_cache, scripts):
    """Starts `python -m experiments.NAME ...`, or `code` in its stead.

    `wait=False` gives the running process, else it comes back done, with `out` and `err`: where
    nothing is asked of the process it is one of `scripts`. Whatever still runs when the test is
    over is killed, with its children.
    """
    started = []

    def start(name, *arguments, wait=True, code=None, devices=1, cwd=None, optimised=False):
        if wait and code is None and devices == 1 and cwd is None and not optimised:
            (ended,) = scripts([name, *arguments])
            return ended
        what = ["-m", f"experiments.{name}"] if code is None else ["-c", code]
        command = [sys.executable, *what, *map(str, arguments)]
        environment = script_environment(compilation_cache, devices, optimised)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, start_new_session=True, **pipes
        )
        started.append(process)
        if not wait:
            return process
        process.out, process.err = process.communicate(timeout=300)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


FORKS = """
import contextlib, json, os, runpy, signal, sys, tempfile, traceback, warnings
import sklearn.datasets
from experiments import app, recipes, run_folder
warnings.simplefilter("ignore")
for request in sys.stdin:
    before, name, *arguments = json.loads(request)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            os.setsid()
            signal.alarm(300)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = [name, *arguments]
            code = 0
            try:
                exec(before)
                runpy.run_module(f"experiments.{name}", run_name="__main__", alter_sys=True)
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                code = 1
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # nothing is left to do but to take the imports down
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it left behind
        said = [file.seek(0) or file.read() for file in (out, err)]
        print(json.dumps([os.waitstatus_to_exitcode(status), *said]), flush=True)
"""


class Ended(NamedTuple):
    returncode: int
    out: str
    err: str


@pytest.fixture(scope="session")
def forks(compilation_cache, cache):
    """A process that has the imports of scripts behind it, and runs each in a child of its own."""
    command = [sys.executable, "-c", FORKS]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = script_environment(compilation_cache)
    with subprocess.Popen(command, env=environment, cwd=ROOT, **pipes) as process:
        yield process


@pytest.fixture
def scripts(forks):
    """Runs command lines, the names of scripts and their arguments, one after the other.

    Each is a child of a process that has the imports behind it, and runs the code `before` first.
    """

    def run(*lines, before=""):
        ended = []
        for line in lines:
            print(json.dumps([before, *map(str, line)]), file=forks.stdin, flush=True)
            answer = forks.stdout.readline()
            assert answer, f"the process that scripts are children of ended: {forks.poll()}"
            ended.append(Ended(*json.loads(answer)))
        return ended

    return run


@pytest.fixture
def assert_refused(scripts):
    """Runs a script under command lines that it must each refuse in one line.

    `cases` are pairs of arguments and what the line must say, by name.
    """

    def check(name, cases):
        ended = scripts(*([name, *arguments] for arguments, _ in cases.values()))
        for (case, (_, expected)), done in zip(cases.items(), ended, strict=True):
            assert done.returncode == 1, (case, done)
            assert re.fullmatch(r"error: [^\n]+\n", done.err), (case, done)
            assert expected in done.err, (case, done)

    return check


@pytest.fixture
def assert_same_bits():
    """Equality of two states in every leaf: params, optimizer, EMA, statistics, key and step."""

    def bits(leaf):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        return np.asarray(leaf)

    def compare(one, other):
        for (path, a), b in zip(
            jax.tree.leaves_with_path(one), jax.tree.leaves(other), strict=True
        ):
            np.testing.assert_array_equal(bits(a), bits(b), jax.tree_util.keystr(path))

    return compare


@pytest.fixture
def final_state():
    """The newest checkpoint's step and state, from a run's folder."""

    def read(workdir):
        run = run_folder.load_run(workdir)
        return run.step, run.state

    return read


@pytest.fixture
def wait_for_checkpoint():
    """Blocks until a run that is under way has saved its first checkpoint."""

    def wait(workdir, process):
        while not any((workdir / "checkpoints").glob("[0-9]*")):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)

    return wait
