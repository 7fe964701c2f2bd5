"""Times the project against PyTorch and plain Flax: `python -m experiments.benchmark`.

Every case runs the project's real path and its peers' same arithmetic, each in a process of its
own, in windows that take turns (A B C A B C ...), one active at a time. The table says the medians
and their spread, and is written to `--out` as `benchmark.md` and `benchmark.json`. Without PyTorch
(`pip install 'gan_jax[bench]'`) its columns stay empty. On a GPU the same command times the GPU.
"""

import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import app
from experiments.benchmark.cases import CASES, EXAMPLES, Case, Contender, threads
from experiments.benchmark.worker import Failed, Process
from gan_jax.types import UserError

_PEER = flags.DEFINE_enum(
    "peer", None, ["torch", "none"], "`torch` insists on PyTorch; by default, where it is there."
)
_CASES = flags.DEFINE_list("cases", None, f"Which of {', '.join(CASES)}; all by default.")
_CONTENDERS = flags.DEFINE_list("contenders", None, "Only those whose names begin so.")
_SECONDS = flags.DEFINE_float("seconds", 3.0, "Of a window, at least one call.", lower_bound=0.001)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Windows of each contender.", lower_bound=1)
_TRIES = flags.DEFINE_integer("tries", 5, "For a window that no other process disturbs.")
_OUT = flags.DEFINE_string("out", "runs/benchmark", "The folder to write to.")

_PAUSE = 0.25  # seconds between windows, in which a contender's threads go to sleep
_DISTURBED = 0.1  # share of the cores' time that others take, from which on a window is repeated
_WAIT = 3.0  # seconds before that

Result = dict[str, Any]
"""What was found of one contender: `rates`, `median` and facts, or `error`."""


def main() -> None:
    names = _CASES.value or list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        raise UserError(f"--cases: {unknown[0]!r} is none of {', '.join(CASES)}")
    has_torch = importlib.util.find_spec("torch") is not None
    if _PEER.value == "torch" and not has_torch:
        raise UserError("--peer=torch: PyTorch is not installed: pip install 'gan_jax[bench]'")
    skipped = ("torch",) if _PEER.value == "none" or not has_torch else ()
    out = Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    about = header()
    results: dict[str, dict[str, Result]] = {}
    for name in names:
        case = CASES[name]
        contenders = [
            c
            for c in case.contenders
            if not c.name.startswith(skipped)
            and c.name.startswith(tuple(_CONTENDERS.value or [""]))
        ]
        print(f"{name}: {case.what}", flush=True)
        results[name] = run(case, contenders)
        for contender, result in results[name].items():
            print(f"  {contender:22}{_in_words(case, result)}", flush=True)
        record = {"about": about, "cases": results}
        (out / "benchmark.json").write_text(json.dumps(record, indent=1) + "\n")
        (out / "benchmark.md").write_text(markdown(about, results))
    print(f"\n{(out / 'benchmark.md').read_text()}")


def run(case: Case, contenders: Sequence[Contender]) -> dict[str, Result]:
    """Times the contenders of a case in turns."""
    results: dict[str, Result] = {c.name: {} for c in contenders}
    processes: dict[str, Process] = {}
    try:
        for contender in contenders:
            try:
                processes[contender.name] = Process(case.name, contender)
            except Failed as failure:
                results[contender.name]["error"] = str(failure)
        rates: dict[str, list[float]] = {name: [] for name in processes}
        disturbed: dict[str, list[float]] = {name: [] for name in processes}
        for _ in range(_REPEATS.value):
            for name, process in list(processes.items()):
                try:
                    rate, others = _quiet_window(process)
                except Failed as failure:
                    results[name]["error"] = str(failure)
                    processes.pop(name).close()
                    continue
                rates[name].append(rate)
                disturbed[name].append(others)
        for name, process in processes.items():
            median = statistics.median(rates[name])
            windows = {"rates": rates[name], "others": disturbed[name]}
            results[name] = {**process.facts, **windows, "median": median}
    finally:
        for process in processes.values():
            process.close()
    if case.problem is not None:
        results |= _flops(case)
    return results


def _quiet_window(process: Process) -> tuple[float, float]:
    """The first window in which others take little of the cores, or the least disturbed one."""
    windows = []
    for attempt in range(_TRIES.value):
        time.sleep(_PAUSE if attempt == 0 else _WAIT)
        windows.append(process.window(_SECONDS.value))
        if windows[-1][1] < _DISTURBED:
            break
    return min(windows, key=lambda window: window[1])


def _flops(case: Case) -> dict[str, Result]:
    try:
        process = Process(case.name, case.counter)
    except Failed as failure:
        return {"flops": {"error": str(failure)}}
    process.close()
    return {"flops": process.facts}


def header() -> dict[str, str]:
    """What the figures depend on."""
    packages = ("jax", "flax", "optax", "torch")
    installed = [p for p in packages if importlib.util.find_spec(p)]
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {threads()} threads, {platform.machine()}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}"]
            + [f"{p} {importlib.metadata.version(p)}" for p in installed]
        ),
        "load at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "windows": f"{_REPEATS.value} of {_SECONDS.value:g} s each, in turns; medians (min–max)",
        "data": f"{EXAMPLES:,} random examples of the right shape, resident on the device",
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def markdown(about: Mapping[str, str], results: Mapping[str, Mapping[str, Result]]) -> str:
    """Both tables: a row a case, and a row a contender."""
    devices = {r["device"] for case in results.values() for r in case.values() if "device" in r}
    lines = ["# Benchmark", "", f"- device: {', '.join(sorted(devices))}"]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", *_table(_SUMMARY, [_summary(CASES[n], results[n]) for n in results])]
    rows = [row for name in results for row in _details(CASES[name], results[name])]
    lines += ["", *_table(_DETAILS, rows)]
    return "\n".join(lines) + "\n"


_SUMMARY = (
    "case",
    "a second",
    "ours",
    "examples/s",
    "best PyTorch",
    "ours / PyTorch",
    "Flax",
    "ours / Flax",
    "FLOPs / needed",
)
_DETAILS = (
    "case",
    "contender",
    "a second",
    "median (min–max)",
    "to the first",
    "others' CPU",
    "memory, MB",
    "compile, s",
)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(titles) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (titles, rule, *rows)]


def _summary(case: Case, results: Mapping[str, Result]) -> list[str]:
    timed = {name: r["median"] for name, r in results.items() if "median" in r}
    ours = next((rate for name, rate in timed.items() if name.startswith("ours")), None)
    torch = max((rate for name, rate in timed.items() if name.startswith("torch")), default=None)
    best = next((name[6:] for name, rate in timed.items() if rate == torch), "")
    flops = results.get("flops", {})
    return [
        case.name,
        case.unit,
        _number(ours),
        _number(ours and case.examples and ours * case.examples),
        f"{_number(torch)} {best}".strip(),
        _ratio(ours, torch),
        _number(timed.get("flax")),
        _ratio(ours, timed.get("flax")),
        _ratio(flops.get("flops"), flops.get("flops_needed"), 3),
    ]


def _details(case: Case, results: Mapping[str, Result]) -> list[list[str]]:
    rows, first = [], None
    for name, result in results.items():
        if name == "flops":
            continue
        first = first or result.get("median")
        if "error" in result:
            rows.append([case.name, name, case.unit, result["error"], "", "", "", ""])
            continue
        rows.append(
            [
                case.name,
                name,
                case.unit,
                _spread(result),
                _ratio(result["median"], first),
                f"{max(result['others']):.0%}",
                f"{result['memory_mb']:,.0f}"
                + (f" + {result['device_mb']:,.0f}" if result.get("device_mb") else ""),
                f"{result['compile_seconds']:.1f}",
            ]
        )
    return rows


def _in_words(case: Case, result: Result) -> str:
    if "error" in result:
        return result["error"]
    if "median" not in result:
        ratio = _ratio(result["flops"], result["flops_needed"], 3)
        return f"{result['flops'] / 1e9:.3f} GFLOP a step, {ratio} of what is needed"
    return f"{_spread(result)} {case.unit}/s, {result['memory_mb']:,.0f} MB"


def _spread(result: Result) -> str:
    low, high = min(result["rates"]), max(result["rates"])
    return f"{_number(result['median'])} ({_number(low)}–{_number(high)})"


def _number(value: float | None) -> str:
    if not value:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(value: float | None, reference: float | None, digits: int = 2) -> str:
    return f"{value / reference:.{digits}f}" if value and reference else ""


if __name__ == "__main__":
    app.run(main)
