"""One contender in a process of its own, made ready once and timed window by window.

So contenders lie ready side by side, one at a time is active, and each one's memory is its own.
"""

import importlib
import multiprocessing
import os
import re
import resource
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmark.cases import Case

_PATIENCE = 600  # seconds that a contender may take beyond a window's
_SIDES = {"flax": "peers.flax_peer", "torch": "peers.torch_peer"}


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


def start(case: Case, contender: str) -> ProcessPoolExecutor:
    """A process for `prepare` and then `window`; one that takes too long is ended."""
    context = multiprocessing.get_context("spawn")
    environment = case.environment(contender)
    return ProcessPoolExecutor(1, context, initializer=_begin, initargs=(environment,))


def _begin(environment: Mapping[str, str]) -> None:
    def follow() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    os.environ.update(environment)
    silence = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # what libraries print would break into the report
        os.dup2(silence, descriptor)


_work: Work
_seconds: float  # of a call, as it was last measured


def prepare(case: Case, contender: str) -> dict[str, Any]:
    """Makes a contender ready; returns how long it took to compile, and its facts."""
    global _work, _seconds
    signal.alarm(_PATIENCE)
    module, _, variant = contender.partition(" ")
    try:
        side = importlib.import_module(f"experiments.benchmark.{_SIDES.get(module, module)}")
        _work = side.work(case, variant)
        first, _seconds = _time(1), _time(1)
    except Exception as error:  # its own type may not travel
        raise RuntimeError(f"{type(error).__name__}: {error}") from None
    signal.alarm(0)
    return {"compile_seconds": max(first - _seconds, 0.0), **_work.facts}


def window(seconds: float) -> dict[str, float]:
    """Runs for about so long: units a second, others' share of the cores, memory so far."""
    global _seconds
    signal.alarm(_PATIENCE + round(10 * seconds))
    # A short run before the window wakes caches and threads, and says how many calls fit.
    calls = max(round(seconds / 4 / _seconds), 1)
    _seconds = _time(calls) / calls
    calls = max(round(seconds / _seconds), 1)
    busy, own = _busy_seconds(), sum(os.times()[:4])
    elapsed = _time(calls)
    others = (_busy_seconds() - busy) - (sum(os.times()[:4]) - own)
    signal.alarm(0)
    return {
        "rate": calls * _work.units / elapsed,
        "others": max(others, 0.0) / elapsed / (os.cpu_count() or 1),
        "memory_mb": (_work.device_bytes() or _high_water()) / 1e6,
    }


def _time(calls: int) -> float:
    start = time.perf_counter()
    _work.run(calls)
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
    status = Path("/proc/self/status")  # of this program alone; getrusage's survives an exec
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+)", status.read_text())):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
