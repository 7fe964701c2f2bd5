"""One contender in a process of its own, and the other end of the line.

The child makes its contender ready and says so; then, for every line it is given, it runs one timed
window and answers. Each answer is one line of JSON. So contenders lie ready side by side, one at a
time is active, and each one's memory is its own.
"""

import importlib
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmark.cases import CASES, Contender

_ROOT = Path(__file__).parents[2]


class Work(NamedTuple):
    """What a contender does, ready to be timed.

    Attributes:
      run: does it so many times and returns when the device is done.
      units: of the case's unit, in one call.
      facts: what else is to be reported, such as `device`.
      device_bytes: the most that the accelerator's memory has held; 0 where it has none of its own.
    """

    run: Callable[[int], None]
    units: float
    facts: Mapping[str, Any] = {}
    device_bytes: Callable[[], int] = lambda: 0


class Failed(Exception):
    """A contender could not be made ready, or broke."""


class Process:
    """A contender's process, as its parent sees it.

    Args:
      case: a case's name.
      contender: one of its contenders.

    Raises:
      Failed: as does every method.
    """

    def __init__(self, case: str, contender: Contender) -> None:
        self._contender = contender
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        environment = {
            **os.environ,
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            **contender.environment,
        }
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)  # compile time is to be measured
        self._child = subprocess.Popen(
            [sys.executable, "-m", "experiments.benchmark.worker", case, contender.name],
            env=environment,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        try:
            self.facts = self._answer(contender.timeout)
        except Failed:
            self.close()
            raise

    def window(self, seconds: float) -> tuple[float, float]:
        """Runs for about so long; returns units a second and others' share of the cores."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(f"{seconds}\n".encode())
            self._child.stdin.flush()
        except BrokenPipeError:
            raise Failed(self._last_words()) from None
        answer = self._answer(self._contender.timeout + 10 * seconds)
        rate, others = answer.pop("rate"), answer.pop("others")
        self.facts |= answer
        return rate, others

    def close(self) -> None:
        """Ends the process."""
        self._child.kill()
        self._child.communicate()
        self._log.close()

    def _answer(self, timeout: float) -> dict[str, Any]:
        assert self._child.stdout is not None
        if not select.select([self._child.stdout], [], [], timeout)[0]:
            raise Failed(f"not ready within {timeout:.0f} s")
        line = self._child.stdout.readline()
        if not line:
            raise Failed(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def _last_words(self) -> str:
        code = self._child.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else f"exit code {code}"


def serve(contender: Contender) -> None:
    """The child: makes the contender ready, then answers until its input ends."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=channel, flush=True)

    try:
        module, _, function = contender.build.partition(":")
        work = getattr(importlib.import_module(module), function)(**contender.options)
        first, later = _time(work, 1), _time(work, 1)
    except Exception as error:
        lines = str(error).strip().splitlines()
        answer(error=f"{type(error).__name__}: {lines[0] if lines else ''}"[:200])
        return
    answer(compile_seconds=max(first - later, 0.0), **work.facts)
    for line in sys.stdin:
        # A short run before the window wakes caches and threads, and says how many calls fit.
        seconds = float(line)
        calls = max(round(seconds / 4 / later), 1)
        later = _time(work, calls) / calls
        calls = max(round(seconds / later), 1)
        busy, own = _busy_seconds(), sum(os.times()[:4])
        elapsed = _time(work, calls)
        others = (_busy_seconds() - busy) - (sum(os.times()[:4]) - own)
        answer(
            rate=calls * work.units / elapsed,
            others=max(others, 0.0) / elapsed / (os.cpu_count() or 1),
            memory_mb=_high_water() / 1e6,
            device_mb=work.device_bytes() / 1e6,
        )


def _time(work: Work, calls: int) -> float:
    start = time.perf_counter()
    work.run(calls)
    return time.perf_counter() - start


def _busy_seconds() -> float:
    """How long the machine's cores have been busy, with this process or another; 0 if unknown."""
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return 0.0
    user, nice, system, _idle, _waiting, *rest = statistics.read_text().split("\n")[0].split()[1:9]
    return sum(map(int, (user, nice, system, *rest))) / os.sysconf("SC_CLK_TCK")


def _high_water() -> int:
    """The most bytes of main memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # of this program alone; getrusage's survives an exec
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    _case = CASES[sys.argv[1]]
    serve(next(c for c in (*_case.contenders, _case.counter) if c.name == sys.argv[2]))
