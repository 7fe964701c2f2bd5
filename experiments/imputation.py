"""GAIN beside means and MICE: `python -m experiments.imputation --workdir=runs/gain`.

All have seen the rows trained on with their gaps: the mean of a column; MICE, scikit-learn's
`IterativeImputer`, a Bayesian ridge regression of each column on the others in turns; and the run's
generator. One table has the root of the mean squared error over all hidden entries, on the scale of
the data, with its standard error over rows, of the rows trained on, whose gaps the paper fills, and
of rows held out; and the seconds that the latter took, once fitted and compiled. Another has the
errors of held-out rows by column. What is told is written to `imputation.json` too.
"""

import time
from collections.abc import Callable, Mapping

import jax
import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer

from experiments import app, trained
from experiments.figures import keep
from experiments.run_folder import Run
from gan_jax import data, sampling
from gan_jax.evaluation import Figure
from gan_jax.metrics import Estimate
from gan_jax.types import UserError

_RUN = trained.define("Of the generator's noise.", out="imputation.json")

_ROUNDS = 100  # of MICE at most; it stops by itself long before

Columns = Mapping[str, np.ndarray]
"""`x`, `observed` and `whole`, `[N, D]`."""

Impute = Callable[[Columns], np.ndarray]
"""From rows with gaps to rows without."""


def main() -> None:
    run = _RUN.load()
    if absent := {"x", "observed", "whole"} - set(run.kinds):
        raise UserError(f"{run.record['recipe']} has no column {min(absent)!r}: nothing to impute")
    train, held_out = (data.materialise(part).columns for part in (run.open(), run.shown()))
    methods = {
        "mean": fitted(SimpleImputer(keep_empty_features=True), train),
        "MICE": fitted(IterativeImputer(max_iter=_ROUNDS, keep_empty_features=True), train),
        "GAIN": generated(run, _RUN.key()),
    }
    errors: dict[str, np.ndarray] = {}
    found: dict[str, Figure] = {}
    print("| imputation | trained on | held out | seconds |\n|---|---:|---:|---:|")
    for name, impute in methods.items():
        seen = rmse(impute(train) - train["whole"], train["observed"])
        began = time.perf_counter()
        imputed = impute(held_out)
        seconds = time.perf_counter() - began
        errors[name] = imputed - held_out["whole"]
        both = {"trained on": seen, "held out": rmse(errors[name], held_out["observed"])}
        found |= {f"{name}, {part}": figure(error) for part, error in both.items()}
        told = " | ".join(f"{error.value:.4f} ± {error.error:.4f}" for error in both.values())
        print(f"| {name} | {told} | {seconds:.2f} |")
    print(f"\n| column | {' | '.join(methods)} |\n|---|{'---:|' * len(methods)}")
    names = run.kinds["whole"].columns  # type: ignore[attr-defined]
    for i, column in enumerate(names or range(held_out["x"].shape[1])):
        one = {n: rmse(e[:, [i]], held_out["observed"][:, [i]]) for n, e in errors.items()}
        found |= {f"{name}, held out, {column}": figure(error) for name, error in one.items()}
        print(f"| {column} | {' | '.join(f'{error.value:.4f}' for error in one.values())} |")
    for part, columns in ((run.open(), train), (run.shown(), held_out)):
        gaps = np.sum(columns["observed"] == 0)
        print(f"{part.name}, {part.split}: {len(part):,} rows, {gaps:,} gaps")
    keep(_RUN.out(run), {**_RUN.about(run), "data": run.config.data.to_dict()}, found)


def figure(error: Estimate) -> Figure:
    """As it is kept."""
    return Figure(*error, "lower", "root of the mean squared error of gaps; error over rows")


def fitted(imputer: SimpleImputer | IterativeImputer, train: Columns) -> Impute:
    """An imputer of scikit-learn's, fitted to rows with gaps."""
    imputer.fit(_with_gaps(train))
    return lambda columns: imputer.transform(_with_gaps(columns))


def generated(run: Run, key: jax.Array) -> Impute:
    """The run's generator, of averaged weights."""
    draw, players = sampling.sampler(run.game), run.state.variables()

    def impute(columns: Columns) -> np.ndarray:
        return draw(players, sampling.draw_inputs(run.game, key, len(columns["x"]), columns))

    return impute


def rmse(error: np.ndarray, observed: np.ndarray) -> Estimate:
    """The root of the mean of squared errors `[N, D]` where nothing is observed.

    Its standard error is that of a ratio of sums over rows, which are independent.
    """
    missing = observed == 0
    squares, counts = np.sum(error**2 * missing, axis=1), np.sum(missing, axis=1)
    mean = np.sum(squares) / np.sum(counts)
    spread = np.sqrt(np.sum((squares - mean * counts) ** 2)) / np.sum(counts)
    return Estimate(float(np.sqrt(mean)), float(spread / (2 * np.sqrt(mean))))


def _with_gaps(columns: Columns) -> np.ndarray:
    return np.where(columns["observed"] > 0, columns["x"], np.nan)


if __name__ == "__main__":
    app.run(main)
