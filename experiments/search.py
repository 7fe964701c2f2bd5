"""Looks for the best setting of a sweep: `python -m experiments.search --sweep=FILE --trials=20`.

The file is a sweep's with `AXES`, choices and `Range`s, and says which of its figures is the
`OBJECTIVE` and which way, `DIRECTION`, "minimize" or "maximize". Optuna's tree-structured Parzen
estimator (Algorithms for Hyper-Parameter Optimization, Bergstra et al., 2011, NeurIPS) proposes
settings from what those before them came to: `pip install -c constraints.txt -e '.[search]'`.

Every trial is a sweep of its own, of one setting and all `SEEDS`, in a folder of `--workdir`; its
value is the mean over the seeds, and it fails if one of them does. `--together`, `--workers` and
`--cluster` are those of `experiments.ablate`. The study is kept in the folder: the same command
goes on, with trials that were cut short first, and more `--trials` add to it. What is told is
`table.md`, `table.csv` and `report.html`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from experiments import ablate, app, sweep_report, sweeps, workers
from experiments.sweeps import Outcome, Outcomes
from experiments.workers import Job, Workers
from gan_jax import runs
from gan_jax.files import write_whole
from gan_jax.ranges import Range
from gan_jax.types import UserError

_TRIALS = flags.DEFINE_integer("trials", 20, "All together, failed ones too.", lower_bound=1)
flags.adopt_module_key_flags(ablate)
flags.adopt_module_key_flags(workers)
flags.FLAGS.set_default("sweep", "configs/sweeps/search.py")

_PARTS = ("BASE", "SEEDS", "OVERRIDES", "FIGURES", "EVALUATE")  # that trials have from the file


def main() -> None:
    if flags.FLAGS.dry_run:
        raise UserError(
            "--dry_run: what a search will do is not known: try it on the AXES by ablate"
        )
    path = Path(flags.FLAGS.sweep)
    sweep = sweeps.searchable(sweeps.read(path))
    folder = Path(flags.FLAGS.workdir or f"runs/{path.stem}")
    with runs.lock(folder):
        study = open_study(sweep, folder)
        search = Search(sweep, folder, study)
        search.run(_TRIALS.value)
        found = search.found()
    text = sweeps.table(found)
    write_whole(folder / "table.csv", sweeps.rows(found))
    shown = sweep_report.pictures_of(found)
    report = sweep_report.page(f"Search {path.stem}", found, list(sweep["AXES"]), shown)
    write_whole(folder / "report.html", report)
    if not (done := [trial for trial in study.trials if trial.value is not None]):
        print(text, end="")
        raise UserError("no trial of the search succeeded")
    best = study.best_trial
    text += (
        f"\nThe best of {len(done)}: {search.name(best)}, {sweep['OBJECTIVE']} {best.value:.4g}.\n"
    )
    write_whole(folder / "table.md", text)
    print(text, end="")


def open_study(sweep: Mapping[str, Any], folder: Path) -> Any:
    """The folder's study, or a new one.

    Raises:
      UserError: Optuna is not there, or the folder's study is of another sweep.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError(
            "Optuna is not there: pip install -c constraints.txt -e '.[search]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    journal = optuna.storages.journal.JournalFileBackend(str(folder / "study.log"))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(journal),
        study_name="search",
        direction=sweep["DIRECTION"],
        load_if_exists=True,
    )
    told = json.dumps([sweep.get(name) for name in (*_PARTS, "AXES", "OBJECTIVE")], default=str)
    if study.user_attrs.setdefault("sweep", told) != told:
        raise UserError(f"{folder} holds a search of another sweep: choose another --workdir")
    study.set_user_attr("sweep", told)
    return study


class Search:
    """Trials of a study, each by groups of members as `ablate` has them."""

    def __init__(self, sweep: Mapping[str, Any], folder: Path, study: Any) -> None:
        self._sweep, self._folder, self._study = sweep, folder, study
        self._trials: dict[Job, int] = {}  # of jobs that are under way
        self._said: dict[int, str] = {}  # why a trial has no value

    def run(self, count: int) -> None:
        """Goes on until there are so many trials; first with those that were cut short."""
        with workers.hired() as hired:
            for trial in self._study.trials:
                if not trial.state.is_finished():
                    self._begin(hired, trial)
            self._ask(hired, count)
            for ended in hired.ended():
                for job, killed, failure in ended:
                    number = self._trials.pop(job)
                    if failure:
                        workers.say(f"{job.name}: {failure}")
                        self._said[number] = failure
                    if number not in self._trials.values():
                        self._tell(number, killed)
                self._ask(hired, count)

    def _ask(self, hired: Workers, count: int) -> None:
        """Begins new trials while there is room; each proposal is of its own seed."""
        import optuna

        while hired.idle() and (number := len(self._study.trials)) < count:
            seed = 100_003 * self._sweep.get("DRAW_SEED", 0) + number
            self._study.sampler = optuna.samplers.TPESampler(seed=seed)
            self._begin(hired, self._study.ask(space(self._sweep["AXES"])))

    def _begin(self, hired: Workers, trial: Any) -> None:
        """Has what is left of a trial done."""
        number = trial.number
        if trial.params.keys() != self._sweep["AXES"].keys():  # cut short before it had them all
            self._said[number] = "it has no setting"
            self._study.tell(number, state=_failed())
            return
        sweep, folder = self._trial(trial), self._folder / f"trial_{number}"
        path = folder / "sweep.py"
        parts = [f"{name} = {value!r}\n" for name, value in sweep.items()]
        write_whole(path, f'"""Trial {number}."""\n\n' + "".join(parts))
        groups = sweeps.groups_of(sweeps.members_of(sweep, folder), flags.FLAGS.together)
        for index, group in enumerate(groups):
            if any(sweeps.outcome(sweep, member) is None for member in group):
                job = ablate.job_of(path, folder, index, f"trial {number}, group {index}")
                self._trials[job] = number
                hired.submit(job)
        if number not in self._trials.values():
            self._tell(number, False)

    def _trial(self, trial: Any) -> dict[str, Any]:
        """The sweep that a trial is."""
        values = sweeps.setting_of(self._sweep["AXES"], trial.params)
        parts = {name: self._sweep[name] for name in _PARTS if name in self._sweep}
        return {**parts, "SETTINGS": {_name(values): values}}

    def _tell(self, number: int, killed: bool) -> None:
        """Tells the study what a trial came to; of one whose process was killed nothing."""
        trial = self._study.trials[number]
        outcomes = self._outcomes(trial)
        ends = [outcome for _, outcome in outcomes]
        if all(end.figures is not None for end in ends):
            means, objective = sweeps.intervals(ends), self._sweep["OBJECTIVE"]
            if objective not in means:
                raise UserError(f"OBJECTIVE {objective!r} is none of {', '.join(means)}")
            self._study.tell(number, means[objective].mean)
        elif not killed:
            self._study.tell(number, state=_failed())

    def _outcomes(self, trial: Any) -> Outcomes:
        sweep, number = self._trial(trial), trial.number
        missing = Outcome(None, self._said.get(number, "it is not done"))
        members = sweeps.members_of(sweep, self._folder / f"trial_{number}")
        return [(member, sweeps.outcome(sweep, member) or missing) for member in members]

    def found(self) -> Outcomes:
        """All members of all trials and what became of them."""
        return [
            (member._replace(setting=self.name(trial)), outcome)
            for trial in self._study.trials
            if trial.params.keys() == self._sweep["AXES"].keys()
            for member, outcome in self._outcomes(trial)
        ]

    def name(self, trial: Any) -> str:
        """What a trial is called."""
        return (
            f"trial {trial.number}, {_name(sweeps.setting_of(self._sweep['AXES'], trial.params))}"
        )


def space(axes: Mapping[str, Any]) -> dict[str, Any]:
    """A sweep's axes as Optuna has them; choices go by what they are written as."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        name: FloatDistribution(values.low, values.high, log=values.log)
        if isinstance(values, Range)
        else CategoricalDistribution([str(value) for value in values])
        for name, values in axes.items()
    }


def _name(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


if __name__ == "__main__":
    app.run(main)
