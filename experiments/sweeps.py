"""A sweep: what its members are, how they are scored, and the table of them; see `ablate`."""

import json
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from gan_jax.files import write_whole
from gan_jax.types import UserError

_METRICS, _FIGURES = ("fid", "kid", "pr"), ("fid", "kid", "precision", "recall")


class Member(NamedTuple):
    """A run of the sweep."""

    setting: str
    seed: int
    overrides: Mapping[str, Any]
    workdir: Path


def members_of(sweep: Mapping[str, Any], folder: Path) -> list[Member]:
    """The runs of a sweep, setting by setting.

    Raises:
      UserError: the file lacks a part, or two settings would share a folder.
    """
    if missing := [name for name in ("BASE", "SETTINGS", "SEEDS") if name not in sweep]:
        raise UserError(f"the sweep has no {missing[0]}")
    folders = [_folder(name) for name in sweep["SETTINGS"]]
    if doubled := [name for name in folders if folders.count(name) > 1]:
        raise UserError(f"two settings would share the folder {doubled[0]}: name them otherwise")
    return [
        Member(
            name,
            seed,
            {**sweep.get("OVERRIDES", {}), **settings, "seed": seed},
            folder / _folder(name) / f"seed_{seed}",
        )
        for name, settings in sweep["SETTINGS"].items()
        for seed in sweep["SEEDS"]
    ]


def _folder(setting: str) -> str:
    return re.sub(r"[^\w.=-]+", "_", setting)


def score(sweep: Mapping[str, Any], member: Member) -> dict[str, float] | None:
    """The figures of a member, which is trained if need be; None where it fails."""
    record, known = (member.workdir / name for name in ("evaluation.json", "member.json"))
    evaluate = {**sweep.get("EVALUATE", {}), "metrics": ",".join(_METRICS)}
    told = json.dumps([sweep["BASE"], member.overrides, evaluate], default=str) + "\n"
    if not (record.exists() and known.exists() and known.read_text() == told):
        where = f"--workdir={member.workdir}"
        config = {f"config.{name}": value for name, value in member.overrides.items()}
        for line in (
            ["experiments.train", where, f"--config={sweep['BASE']}", *_flags(config)],
            ["experiments.evaluate", where, *_flags(evaluate)],
        ):
            done = subprocess.run([sys.executable, "-m", *line], capture_output=True, text=True)
            if done.returncode:
                said = done.stderr.strip().splitlines()[-1:]
                tqdm.write(f"{member.setting}, seed {member.seed}: {' '.join(said)}")
                return None
        write_whole(known, told)
    figures = json.loads(record.read_text())["figures"]
    return {name: figures[name]["value"] for name in _FIGURES}


def table(found: Mapping[str, Sequence[Mapping[str, float] | None]]) -> str:
    """In Markdown: mean ± standard deviation over the seeds that did not fail."""
    lines = [f"| setting | {' | '.join(_FIGURES)} | seeds, failed |", "|---" * 6 + "|"]
    for setting, scores in found.items():
        good = [score for score in scores if score is not None]
        cells = [_spread([score[name] for score in good]) for name in _FIGURES]
        failed = len(scores) - len(good)
        lines.append(f"| {setting} | {' | '.join(cells)} | {len(scores)}, {failed} |")
    return "\n".join(lines) + "\n"


def _flags(settings: Mapping[str, Any]) -> list[str]:
    return [f"--{name}={value}" for name, value in settings.items()]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {statistics.stdev(values):.1g}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3g}{spread}"
