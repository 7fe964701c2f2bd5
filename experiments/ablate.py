"""The same experiment under many settings and seeds: `python -m experiments.ablate --sweep=FILE`.

A sweep is a file:

- `BASE`, a recipe and its variant; `SEEDS`; `OVERRIDES`, dotted settings of all;
- `SETTINGS`, dotted settings by name, a `BASE` of its own among them; or `AXES`, values by dotted
  name, of which every combination is a setting, or with `DRAWS` (and `DRAW_SEED`) so many at
  random, also from a `gan_jax.ranges.Range`;
- `FIGURES`, those of a run's own last evaluation that are tabled; or `EVALUATE`, flags of
  `experiments.evaluate`, which then scores each run; `SUCCESS`, the bounds of figures that a
  success has, whose share is tabled;
- or `COST`, a figure of a run's own evaluations and what it is to fall to: tabled are the steps and
  the seconds of training until then. Runs that do not come there have failed. Each trains alone.

Every member is a run in a folder of its own under `--workdir`. Members that differ in seeds and
their optimizers' numbers alone are trained together, up to `--together` of them, by a process of
their own, `--workers` at once. What is told, `table.md` and, member by member, `table.csv`, has
means with 95 % confidence intervals; `report.html` shows them, what each axis does, and samples.
The same command again goes on where it was; a process that is killed is taken up again, and a
member that fails is marked and stops no other. `--dry_run` lists the members and what they will
cost, by a trial of some steps.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict
from tqdm import tqdm

from experiments import app, recipes, sweep_report, sweeps, together, workers
from experiments.sweeps import Member, Outcome
from experiments.workers import Job
from gan_jax import runs, writers
from gan_jax.files import write_whole
from gan_jax.types import UserError

flags.adopt_module_key_flags(workers)
_SWEEP = flags.DEFINE_string("sweep", "configs/sweeps/losses.py", "The file.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Of the runs; runs/SWEEP by default.")
_TOGETHER = flags.DEFINE_integer("together", 16, "Members of a process, at most.", lower_bound=1)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Tell what would be done, and how long it takes.")
_GROUP = flags.DEFINE_integer("group", None, "Do this group's members alone: what a process does.")


def main() -> None:
    path = Path(_SWEEP.value)
    sweep = sweeps.read(path)
    folder = Path(_WORKDIR.value or f"runs/{path.stem}")
    members = sweeps.members_of(sweep, folder)
    groups = sweeps.groups_of(members, 1 if "COST" in sweep else _TOGETHER.value)
    if _GROUP.value is not None:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        threading.Thread(target=_end_with_parent, daemon=True).start()
        with (folder / f".group_{_GROUP.value}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # or waits for one that a lost parent left
            os.set_inheritable(lock.fileno(), True)
            do(sweep, groups[_GROUP.value])
        return
    if _DRY_RUN.value:
        tell(sweep, groups)
        return
    with runs.lock(folder):
        said = run_all(sweep, path, folder, groups)
    why = {m.workdir: line for group, line in zip(groups, said, strict=True) for m in group}
    found = [
        (m, sweeps.outcome(sweep, m) or sweeps.judged(sweep, Outcome(None, why[m.workdir])))
        for m in members
    ]
    text = sweeps.table(found)
    write_whole(folder / "table.md", text)
    write_whole(folder / "table.csv", sweeps.rows(found))
    shown = sweep_report.pictures_of(found)
    report = sweep_report.page(f"Sweep {path.stem}", found, list(sweep.get("AXES", ())), shown)
    write_whole(folder / "report.html", report)
    print(text, end="")
    if not any(outcome.figures for _, outcome in found):
        raise UserError("no member of the sweep succeeded")


def run_all(
    sweep: Mapping[str, Any], path: Path, folder: Path, groups: Sequence[Sequence[Member]]
) -> list[str]:
    """Has every group done that is not, by processes; of each, why it is not, where it is not.

    That is not kept, since the process may have failed for want of memory or a place to write.
    """
    said = [""] * len(groups)
    not_done = lambda members: [m for m in members if sweeps.outcome(sweep, m) is None]
    jobs = {
        job_of(path, folder, index, f"group {index}"): index
        for index, group in enumerate(groups)
        if not_done(group)
    }
    left = [member for group in groups for member in group]
    total = len(left)
    with (
        workers.hired() as hired,
        tqdm(total=total, desc=path.stem, unit="member", disable=None) as bar,
    ):
        for job in jobs:
            hired.submit(job)
        for ended in hired.ended():
            for job, _, failure in ended:
                index = jobs[job]
                said[index] = failure
                if failure:
                    workers.say(f"{job.name}: {failure}")
                for member in groups[index]:
                    if (outcome := sweeps.outcome(sweep, member)) and outcome.failure:
                        workers.say(f"{member.setting}, seed {member.seed}: {outcome.failure}")
            left = not_done(left)
            bar.update(total - len(left) - bar.n)
    return said


def job_of(path: Path, folder: Path, index: int, name: str) -> Job:
    """What does a group of a sweep."""
    arguments = "-m", "experiments.ablate", f"--sweep={path}", f"--workdir={folder}"
    which = f"--together={_TOGETHER.value}", f"--group={index}"
    return Job(name, (*arguments, *which), folder / f"group_{index}.log")


def do(sweep: Mapping[str, Any], group: Sequence[Member]) -> None:
    """Trains and scores a group's members that are not done."""
    path, configs = configs_of(group)
    alone = len(group) == 1 or not together.possible(path, configs)
    failures = [""] * len(group)
    if not alone:
        failures = together.run(path, configs, [member.workdir for member in group])
    for member, failure in zip(group, failures, strict=True):
        if sweeps.outcome(sweep, member) is None:
            failure = failure or (train(member) if alone else "")
            keep(sweep, member, Outcome(None, failure) if failure else score(sweep, member))


def configs_of(group: Sequence[Member]) -> tuple[str, list[ConfigDict]]:
    """A group's recipe and the configs of its members."""
    path, _, variant = group[0].base.partition(":")
    recipe = recipes.load_recipe(path)
    return path, [recipes.configure(recipe, variant, **dict(m.overrides)) for m in group]


def train(member: Member) -> str:
    """Trains a member by itself; why it failed, or ""."""
    settings = {f"config.{name}": value for name, value in member.overrides.items()}
    return _run(["experiments.train", f"--config={member.base}"], member, settings)


def _run(line: Sequence[str], member: Member, settings: Mapping[str, Any]) -> str:
    """Runs a script on a member's folder; the last line of what went wrong, or ""."""
    settings = {"workdir": member.workdir, **settings}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", *line, *flags]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        close_fds=False,  # it holds the group's lock
    ) as process:
        try:
            _, said = process.communicate()
        except BaseException:
            process.terminate()
            raise
    if (code := process.returncode) < 0 or code > 128:  # killed, or a signal had it save and stop
        sys.exit(128 - code if code < 0 else code)
    lines = said.strip().splitlines() or [f"exit status {process.returncode}"]
    return lines[-1] if process.returncode else ""


def score(sweep: Mapping[str, Any], member: Member) -> Outcome:
    """The figures of a member that is trained."""
    if "COST" in sweep:
        return cost(member, *sweep["COST"])
    if "FIGURES" not in sweep:
        settings = {"metrics": "fid,kid,pr", **sweep.get("EVALUATE", {})}
        if failure := _run(["experiments.evaluate"], member, settings):
            return Outcome(None, failure)
        record = json.loads((member.workdir / "evaluation.json").read_text())["figures"]
        found = {name: figure["value"] for name, figure in record.items()}
    else:
        found = dict.fromkeys(sweep["FIGURES"])
        for row in writers.read_metrics(member.workdir):
            found |= {name: value for name, value in row.items() if name in found}
    if missing := [name for name, value in found.items() if value is None]:
        return Outcome(None, f"its evaluations have no {missing[0]!r}")
    return Outcome(found)


def cost(member: Member, name: str, bound: float) -> Outcome:
    """The cost of a member that is trained; see `sweeps.cost`."""
    path, (config,) = configs_of([member])
    recipe = recipes.load_recipe(path)
    repeats = recipes.make_game(recipe, recipes.completed(recipe, config)).repeats
    records = writers.read_metrics(member.workdir)
    found = sweeps.cost(records, name, bound, repeats * config.batch_size)
    if found is None:
        least = min((r[name] for r in records if r.get(name) is not None), default=None)
        return Outcome(None, f"{name} never fell to {bound:g}: the least is {least}")
    return Outcome(found)


def keep(sweep: Mapping[str, Any], member: Member, outcome: Outcome) -> None:
    """Notes in a member's folder what became of it."""
    record = {"told": sweeps.told(sweep, member), "figures": outcome.figures}
    record["failure"] = outcome.failure
    write_whole(member.workdir / "member.json", json.dumps(record, indent=1) + "\n")


def tell(sweep: Mapping[str, Any], groups: Sequence[Sequence[Member]]) -> None:
    """Prints the members and what they will cost."""
    total = 0.0
    for index, group in enumerate(groups):
        path, configs = configs_of(group)
        if together.possible(path, configs):
            seconds, how = together.trial(path, configs), "together"
        else:
            each = [together.trial(path, [config]) for config in configs[:1]]
            seconds, how = len(group) * sum(each), "one by one"
        total += seconds
        print(f"group {index}, {len(group)} {how}: {seconds / 60:.2g} minutes of steps")
        for member in group:
            done = "" if sweeps.outcome(sweep, member) is None else ", done"
            print(f"  {member.setting}, seed {member.seed}{done}")
    count = sum(map(len, groups))
    print(f"{count} members, {total / 60:.2g} minutes in all, without evaluations and pictures")


def _end_with_parent() -> None:
    """Stops this process, its states saved, once its parent is gone and with it standard input."""
    while os.read(0, 1):
        pass
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


if __name__ == "__main__":
    app.run(main)
