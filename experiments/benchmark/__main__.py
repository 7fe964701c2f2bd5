"""Times the project against PyTorch and plain Flax: `python -m experiments.benchmark`.

Every case runs the project's real path and its peers' same arithmetic, each in a process of its
own, in windows that take turns (A B C A B C ...), one active at a time. Windows that other
processes disturb are measured again, once at most; the least disturbed count. The table says their
medians: steps a second, or what the case names; PyTorch eager in the better of its memory formats;
memory in MB, ours / PyTorch's. It is written to `--out` as `benchmark.md`, and all that was
measured as `benchmark.json`. Without PyTorch (`pip install -c constraints.txt -e '.[bench]'`)
its columns stay empty. On a GPU the same command times the GPU.
"""

import contextlib
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import app
from experiments.benchmark import worker
from experiments.benchmark.cases import CASES, Case, threads
from gan_jax.files import write_whole
from gan_jax.types import UserError

_PEER = flags.DEFINE_enum(
    "peer", None, ["torch", "none"], "`torch` insists on PyTorch; by default, where it is there."
)
_CASES = flags.DEFINE_list("cases", list(CASES), f"Which of {', '.join(CASES)}.")
_CONTENDERS = flags.DEFINE_list("contenders", [""], "Only those whose names begin so.")
_SECONDS = flags.DEFINE_float("seconds", 3.0, "Of a window, at least one call.", lower_bound=0.001)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Windows of each contender.", lower_bound=1)
_OUT = flags.DEFINE_string("out", "runs/benchmark", "The folder to write to.")

_PAUSE = 0.25  # seconds between windows, in which a contender's threads go to sleep
_DISTURBED = 0.1  # share of the cores' time that others take, from which on a window is repeated

Result = dict[str, Any]
"""What was found of one contender: `rate` and `others` by window, `median`, ..., or `error`."""


def main() -> None:
    if unknown := [name for name in _CASES.value if name not in CASES]:
        raise UserError(f"--cases: {unknown[0]!r} is none of {', '.join(CASES)}")
    has_torch = importlib.util.find_spec("torch") is not None
    if _PEER.value == "torch" and not has_torch:
        raise UserError(
            "--peer=torch: PyTorch is not installed: pip install -c constraints.txt -e '.[bench]'"
        )
    skipped = () if has_torch and _PEER.value != "none" else ("torch",)
    out, about = Path(_OUT.value), header()
    results: dict[str, dict[str, Result]] = {}
    for case in map(CASES.__getitem__, _CASES.value):
        print(f"{case.name}: {case.what}", flush=True)
        chosen = [c for c in case.contenders if c.startswith(tuple(_CONTENDERS.value))]
        results[case.name] = run(case, [c for c in chosen if not c.startswith(skipped)])
        for contender, result in results[case.name].items():
            print(f"  {contender:22}{_in_words(case, result)}", flush=True)
        record = {"about": about, "cases": results}
        write_whole(out / "benchmark.json", json.dumps(record, indent=1) + "\n")
        write_whole(out / "benchmark.md", markdown(about, results))
    print(f"\n{(out / 'benchmark.md').read_text()}")


def run(case: Case, contenders: Sequence[str]) -> dict[str, Result]:
    """Times the contenders of a case in turns, and counts its FLOPs."""
    counted = ["flops"] if case.unit == "steps" and "ours" in contenders else []
    results: dict[str, Result] = {name: {} for name in (*contenders, *counted)}
    windows: dict[str, list[Result]] = {name: [] for name in contenders}
    with contextlib.ExitStack() as stack:
        ready = {name: stack.enter_context(worker.start(case, name)) for name in results}
        for name, result in results.items():
            with _noting(result):
                result |= ready[name].submit(worker.prepare, case, name).result()
        for name in contenders * (2 * _REPEATS.value):
            quiet = sum(window["others"] < _DISTURBED for window in windows[name])
            if quiet < _REPEATS.value and "error" not in results[name]:
                time.sleep(_PAUSE)
                with _noting(results[name]):
                    windows[name] += [ready[name].submit(worker.window, _SECONDS.value).result()]
    for name, result in results.items():
        if name in windows and "error" not in result:
            best = sorted(windows[name], key=lambda w: w["others"])[: _REPEATS.value]
            result |= {key: [window[key] for window in best] for key in best[0]}
            result["median"] = statistics.median(result["rate"])
            result["memory_mb"] = max(window["memory_mb"] for window in windows[name])
    return results


@contextlib.contextmanager
def _noting(result: Result) -> Iterator[None]:
    """An error ends a contender, not the others."""
    try:
        yield
    except Exception as error:
        result["error"] = str(error).partition("\n")[0][:200]


def header() -> dict[str, str]:
    """What the figures depend on."""
    packages = [p for p in ("jax", "flax", "optax", "torch") if importlib.util.find_spec(p)]
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    information = Path("/proc/cpuinfo")
    told = information.read_text() if information.exists() else ""
    model = re.search(r"model name\s*: (.+)", told)
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{model[1] if model else platform.processor()}, {threads()} threads",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
        "load at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "windows": f"{_REPEATS.value} of {_SECONDS.value:g} s each, in turns; medians",
    }


_TITLES = (
    *("case", "ours", "PyTorch", "ratio", "`compile`", "Flax", "ratio", "memory"),
    "FLOPs / needed",
)


def markdown(about: Mapping[str, str], results: Mapping[str, Mapping[str, Result]]) -> str:
    """The table, a row a case."""
    devices = {r["device"] for case in results.values() for r in case.values() if "device" in r}
    facts = {"device": ", ".join(sorted(devices)), **about}
    rows = [_TITLES, ["---", *["---:"] * (len(_TITLES) - 1)]]
    rows += [_row(CASES[name], results[name]) for name in results]
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join(["# Benchmark", "", *lines, ""])


def _row(case: Case, results: Mapping[str, Result]) -> list[str]:
    rates = {name: result["median"] for name, result in results.items() if "median" in result}
    ours, flax, compiled = map(rates.get, ("ours", "flax", "torch compile"))
    eager = {n: r for n, r in rates.items() if n in ("torch eager", "torch channels_last")}
    torch = max(eager, key=eager.__getitem__, default="")
    memory = [f"{results[name]['memory_mb']:,.0f}" for name in ("ours", torch) if name in rates]
    flops = results.get("flops", {})
    needed = _ratio(flops.get("flops"), flops.get("flops_needed"), 3)
    return [
        case.name if case.unit == "steps" else f"{case.name} ({case.unit})",
        *(_number(ours), _number(rates.get(torch)), _ratio(ours, rates.get(torch))),
        *(_number(compiled), _number(flax), _ratio(ours, flax), " / ".join(memory), needed),
    ]


def _in_words(case: Case, result: Result) -> str:
    if "error" in result:
        return result["error"]
    if "flops" in result:
        return f"{result['flops'] / 1e9:.3f} GFLOP of {result['flops_needed'] / 1e9:.3f} needed"
    low, high = (_number(end(result["rate"])) for end in (min, max))
    return (
        f"{_number(result['median'])} ({low}–{high}) {case.unit}/s, {result['memory_mb']:,.0f} MB, "
        f"others' CPU {max(result['others']):.0%}, compiled in {result['compile_seconds']:.1f} s"
    )


def _number(value: float | None) -> str:
    return "" if not value else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(value: float | None, reference: float | None, digits: int = 2) -> str:
    return f"{value / reference:.{digits}f}" if value and reference else ""


if __name__ == "__main__":
    app.run(main)
