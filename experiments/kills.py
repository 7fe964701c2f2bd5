"""Kills a run again and again, and compares what it ends with: `python -m experiments.kills`.

A small GAN trains, saving often, while `kill -9` takes it at random moments, from its first import
to its last save; the same command then goes on. Some runs are of two processes, of which either is
killed: the other must end by itself, at once, with one line. Every run that has come to its end is
compared with one that nothing broke: every leaf of the state, every record of the log (but for the
throughput) and every picture. A table tells what the kills met; any difference is an error.
"""

import collections
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from tqdm import tqdm

from experiments import app, run_folder
from gan_jax.checkpoints import digest
from gan_jax.types import UserError
from gan_jax.writers import read_metrics

_KILLS = flags.DEFINE_integer("kills", 100, "How many.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the moments.")

_RUN = {
    "steps": 400,
    "steps_per_call": 10,
    "batch_size": 32,
    "log_every": 20,
    "sample_every": 100,
    "evaluate_every": 200,
    "evaluate_count": 100,
    "checkpoint_every": 10,
    "net.hidden": "(8,)",
}
_LONGEST = {1: 7.0, 2: 14.0}  # seconds until a kill, by processes: starting takes half of it
_EVERY = 5  # one run in so many is of two processes
_NOTICE = 10.0  # seconds in which a survivor must end


def main() -> None:
    moments, met = random.Random(_SEED.value), collections.Counter[str]()
    place = Path(tempfile.mkdtemp())
    with tqdm(total=_KILLS.value, desc="kills", disable=None) as bar:
        whole = {n: _unbroken(place / f"whole-{n}", n) for n in (1, 2)}
        runs = kills = 0
        while kills < _KILLS.value:
            workdir, count = place / f"run-{runs}", 2 if runs % _EVERY == 0 else 1
            finished = False
            while not finished:
                patience = moments.uniform(0, _LONGEST[count]) if kills < _KILLS.value else None
                reached = _reached(workdir)
                finished = _attempt(workdir, count, patience, moments)
                if not finished:
                    kills += 1
                    met[f"{_plural(count, 'process')}, {reached}"] += 1
                    bar.update()
            _compare(workdir, whole[count])
            runs += 1
    shutil.rmtree(place)  # where a UserError names a run, it stays
    print("| killed | times |\n|---|---|")
    for what, times in sorted(met.items()):
        print(f"| {what} | {times} |")
    print(f"{kills} kills, {runs} runs ended: every leaf, record and picture is as without a kill")


def _unbroken(workdir: Path, count: int) -> Path:
    if not _attempt(workdir, count, None, random.Random()):
        raise UserError("the run that nothing breaks did not end")
    return workdir


def _attempt(workdir: Path, count: int, patience: float | None, moments: random.Random) -> bool:
    """Runs to the end, or for so many seconds before one process is killed; whether it ended."""
    processes = _start(workdir, count)
    deadline = None if patience is None else time.monotonic() + patience
    while any(process.poll() is None for process in processes):
        if deadline is not None and time.monotonic() > deadline:
            victim = processes.pop(moments.randrange(count))
            if victim.poll() is not None:
                processes.append(victim)
                deadline = None  # it has come to its end before
                continue
            victim.kill()
            victim.communicate()
            for survivor in processes:
                _check_survivor(survivor)
            return False
        time.sleep(0.005)
    for process in processes:
        _, err = process.communicate()
        if process.returncode:
            raise UserError(f"a run did not go on: {err.strip().splitlines()[-1:]}")
    return True


def _start(workdir: Path, count: int) -> list[subprocess.Popen]:
    settings = [f"--config.{name}={value}" for name, value in _RUN.items()]
    command = [sys.executable, "-m", "experiments.train", "--config=configs/points/gan.py"]
    command += [*settings, f"--workdir={workdir}"]
    joins: Sequence[list[str]] = [[]]
    if count > 1:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        joins = [
            [f"--coordinator={address}", f"--processes={count}", f"--process={p}"]
            for p in range(count)
        ]
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(workdir.parent / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    environment["PYTHONUNBUFFERED"] = "1"
    pipe = subprocess.PIPE
    return [
        subprocess.Popen([*command, *join], env=environment, text=True, stdout=pipe, stderr=pipe)
        for join in joins
    ]


def _check_survivor(process: subprocess.Popen) -> None:
    began = time.monotonic()
    try:
        out, err = process.communicate(timeout=_NOTICE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        if out.splitlines()[-1:] and out.splitlines()[-1].startswith("waiting"):
            return  # for one that was killed before it had come
        raise UserError(f"a survivor was still there after {_NOTICE} seconds: {err}") from None
    lines = [line for line in err.splitlines() if not line.startswith("step ")]
    if process.returncode == 0 and not lines:
        return  # it had done its part
    if process.returncode >= 0 or len(lines) != 1 or not lines[0].startswith("error: lost "):
        seconds = time.monotonic() - began
        raise UserError(
            f"a survivor ended {process.returncode} after {seconds:.1f} s: {lines}\n{out}"
        )


def _reached(workdir: Path) -> str:
    """How far a run had come before it was started."""
    steps = [int(path.name) for path in workdir.glob("checkpoints/[0-9]*") if path.name.isdigit()]
    return f"going on from step {max(steps) // 100 * 100} or later" if steps else "new"


def _compare(workdir: Path, whole: Path) -> None:
    """Raises a UserError where two runs differ."""
    one, other = run_folder.load_run(workdir), run_folder.load_run(whole)
    pictures = _pictures(workdir).items() ^ _pictures(whole).items()
    for what, same in {
        "state": one.step == other.step and digest(one.state) == digest(other.state),
        "log": _records(workdir) == _records(whole),
        f"pictures {sorted({name for name, _ in pictures})}": not pictures,
    }.items():
        if not same:
            raise UserError(f"{workdir}: {what} not as without a kill")


def _pictures(workdir: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workdir / "samples").iterdir()}


def _records(workdir: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in record.items() if "throughput" not in name}
        for record in read_metrics(workdir)
    ]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'es' * (count > 1)}"


if __name__ == "__main__":
    app.run(main)
