"""Rows of a run beside those it was trained on: `python -m experiments.tables --workdir=DIR`.

- `columns`, `associations`: how far distributions of columns are from the real ones, and what pairs
  of columns tell of one another, in the mean; by column and pair in `tables.json`.
- `closest_record`: the median distance to the nearest row trained on, beside that of such rows to
  one another: samples that are much nearer are copies.
- `f1` (with `--target`, a column of classes, and `--test`): the mean F1 of four classifiers trained
  on samples and tested on held-out rows; `f1_real` of the same trained on real rows.
- `likelihood_samples`, `likelihood_test` of points of a known mixture: of samples under it, and of
  fresh points under a mixture of as many modes fitted to the samples; `..._real` of real points.

Modeling Tabular Data using Conditional GAN, Xu et al., 2019, arXiv:1907.00503, section 5; the four
are its decision tree, AdaBoost, logistic regression and perceptron.
"""

import numpy as np
from absl import flags

from experiments import app, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import data, metrics, sampling
from gan_jax.evaluation import Figure
from gan_jax.evaluation.figure import standard_error
from gan_jax.types import UserError

_RUN = trained.define("Of samples and classifiers.", ema=True, out="tables.json")
_COUNT = flags.DEFINE_integer("count", 0, "Samples; as many as real rows if 0.", lower_bound=0)
_TARGET = flags.DEFINE_string("target", None, "A column of classes that the others are to tell.")
_TEST = flags.DEFINE_string("test", None, "A CSV file of held-out rows, of the same columns.")

_RECORDS = 2_000  # samples whose nearest record is looked for

Figures = dict[str, Figure]


def main() -> None:
    run = _RUN.load()
    kind = run.kinds["x"]
    if not isinstance(kind, data.Table):
        raise UserError(f"{run.workdir} is no run of a table")
    if bool(_TARGET.value) != bool(_TEST.value):
        raise UserError("--target and --test go together")
    table = data.materialise(run.open("rows"))
    real = table.columns["x"]
    fake = kind.to_stored(drawn(run, _COUNT.value or len(real)))
    figures = compare(real, fake, kind) | copies(real, fake, kind)
    mixture = getattr(table.kinds["x"], "mixture", None)
    if mixture is not None:
        test = data.materialise(run.open("test")).columns["x"]
        figures |= likelihoods(mixture, real, fake, test)
    if _TARGET.value:
        test = data.csv_file(_TEST.value, like=kind).columns["x"]
        figures |= utility(kind, _TARGET.value, real, fake, test)
    protocol = {
        "fake": {**_RUN.about(run), "count": len(fake)},
        "real": {"source": table.name, "count": len(real)},
    }
    tell(_RUN.out(run), protocol, figures)


def drawn(run: Run, count: int) -> np.ndarray:
    """Rows as they are sampled."""
    draw, players = sampling.sampler(run.game), _RUN.players(run)
    key = _RUN.key()
    return draw(players, sampling.draw_inputs(run.game, key, count, {}))


def classes_of(kind: data.Table) -> list[int]:
    """Of each column."""
    return [len(column.classes) for column in kind.of]


def compare(real: np.ndarray, fake: np.ndarray, kind: data.Table) -> Figures:
    """Distributions of columns, and associations of pairs."""
    classes = classes_of(kind)
    apart = metrics.column_distances(real, fake, classes)
    told = [metrics.associations(x, classes) for x in (real, fake)]
    pairs = np.abs(told[0] - told[1])[np.triu_indices(len(classes), 1)]
    each = ", ".join(f"{name}: {d:.3f}" for name, d in zip(kind.columns, apart, strict=True))
    found = {
        "columns": Figure(
            float(apart.mean()), None, "lower", f"Kolmogorov-Smirnov or total variation; {each}"
        )
    }
    if len(pairs):
        how = f"mean of {len(pairs):,} pairs, correlation, its ratio or Cramér's V"
        found["associations"] = Figure(float(pairs.mean()), None, "lower", how)
    return found


def copies(real: np.ndarray, fake: np.ndarray, kind: data.Table) -> Figures:
    """Distances to the nearest rows trained on."""
    classes, some = classes_of(kind), min(_RECORDS, len(real), len(fake))
    to_real = metrics.record_distances(fake[:some], real, classes)
    among = metrics.record_distances(real[:some], real, classes, itself=True)
    how = f"median of {some:,}, Gower's distance"
    return {
        "closest_record": Figure(float(np.median(to_real)), None, None, how),
        "closest_record_real": Figure(float(np.median(among)), None, None, f"{how}, of real rows"),
    }


def likelihoods(
    mixture: data.Mixture, real: np.ndarray, fake: np.ndarray, test: np.ndarray
) -> Figures:
    """Of samples under the density of the data, and of points under one fitted to the samples."""
    found = {}
    for name, rows in (("", fake), ("_real", real)):
        values = metrics.mixture_likelihoods(
            mixture.centres, mixture.std, rows, test, seed=_RUN.seed
        )
        for what, of in zip(("samples", "test"), values, strict=True):
            how = f"nats, mean of {len(of):,}"
            figure = Figure(float(of.mean()), standard_error(of), "higher", how)
            found[f"likelihood_{what}{name}"] = figure
    return found


def utility(
    kind: data.Table, target: str, real: np.ndarray, fake: np.ndarray, test: np.ndarray
) -> Figures:
    """F1 on the test rows of classifiers that were trained on samples, and on real rows."""
    if target not in kind.columns or not kind.of[kind.columns.index(target)].classes:
        raise UserError(f"--target={target} is no column of classes")
    goal = kind.columns.index(target)
    number = len(kind.of[goal].classes)
    rarest = int(np.argmin(kind.of[goal].shares)) if number == 2 else None
    mean, std = real.mean(axis=0), np.maximum(real.std(axis=0), 1e-6)

    def read(rows: np.ndarray) -> np.ndarray:
        """The other columns, standardised or one-hot."""
        parts = []
        for i, column in enumerate(kind.of):
            if i != goal and column.classes:
                parts.append(np.eye(len(column.classes), dtype=np.float32)[rows[:, i].astype(int)])
            elif i != goal:
                parts.append(((rows[:, i] - mean[i]) / std[i])[:, None])
        return np.concatenate(parts, axis=1)

    how = f"of {kind.of[goal].classes[rarest]!r}" if rarest is not None else "mean over classes"
    found: Figures = {}
    label = lambda rows: rows[:, goal].astype(int)
    for name, rows in (("f1", fake), ("f1_real", real)):
        scores = metrics.classifier_f1(
            (read(rows), label(rows)), (read(test), label(test)), rarest, seed=_RUN.seed
        )
        each = ", ".join(f"{model} {score:.3f}" for model, score in scores.items())
        value = float(np.mean(list(scores.values())))
        found[name] = Figure(value, None, "higher", f"{how}, {len(test):,} rows; {each}")
    return found


if __name__ == "__main__":
    app.run(main)
