"""Scores samples beside real data: `python -m experiments.evaluate --workdir=runs/digits`.

The samples are a run's, or with `--real` and `--fake` those of two folders of images or array
files. Every figure goes to `evaluation.json` with its protocol: extractor and checksum of its
weights, numbers of real and generated examples, split, EMA, seed, versions, and an estimate of its
error. `--report` adds one page of HTML with pictures.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags

from experiments import app, assembly, gallery, report
from gan_jax import cache, data, diagnosis, evaluation, extractors, parallel, runs, writers
from gan_jax.evaluation import Sets
from gan_jax.types import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "A run's folder.")
_REAL = flags.DEFINE_string("real", None, "Or real data: a folder of images, an array file, ...")
_FAKE = flags.DEFINE_string("fake", None, "... and samples, likewise.")
_METRICS = flags.DEFINE_list(
    "metrics", None, f"Of {', '.join(evaluation.METRICS)}; by default all that suit."
)
_COUNT = flags.DEFINE_integer("count", 10_000, "Real and generated examples, at most.", 20)
_EXTRACTOR = flags.DEFINE_enum(
    "extractor",
    None,
    ["classifier", "inception", "identity", "random"],
    "What compares examples: a classifier trained on the real ones (the default where they have "
    "labels), the InceptionV3 of FID, the pixels themselves, or an untrained net.",
)
_WEIGHTS = flags.DEFINE_string(
    "weights", None, "Inception's file, pt_inception-2015-12-05-6726825d.pth; else downloaded once."
)
_RESIZE = flags.DEFINE_enum("resize", "tensorflow", list(extractors.RESIZES), "For Inception.")
_SPLIT = flags.DEFINE_string("split", None, "Of the real data; by default what was trained on.")
_SEED = flags.DEFINE_integer("seed", 0, "Of latents and of the choice of real examples.")
_EMA = flags.DEFINE_bool("ema", True, "Use averaged weights.")
_STEP = flags.DEFINE_integer("step", None, "Of which checkpoint; the newest by default.")
_CACHE = flags.DEFINE_string("cache", None, "Keeps what real data cost; ~/.cache/gan_jax if unset.")
_OUT = flags.DEFINE_string("out", None, "The JSON; WORKDIR/evaluation.json by default.")
_REPORT = flags.DEFINE_bool("report", False, "Also write the page, beside the JSON.")


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is to be evaluated.

    Attributes:
      title: of the report.
      samples: batches of examples and labels; `count` says how many in all.
      count: of samples.
      about: of the samples, for the protocol.
      real: the data they are compared with.
      train: the data that a classifier is trained on.
      held_out: data that the generator was not trained on, if there are any.
      run: whose samples these are, if a run's.
    """

    title: str
    samples: Iterator[tuple[np.ndarray, np.ndarray | None]]
    count: int
    about: Mapping[str, Any]
    real: data.ArrayDataset
    train: data.ArrayDataset
    held_out: data.ArrayDataset | None
    run: assembly.Run | None


def main() -> None:
    if bool(_WORKDIR.value) == bool(_REAL.value or _FAKE.value):
        raise UserError("give --workdir of a run, or --real and --fake")
    if unknown := [m for m in _METRICS.value or [] if m not in evaluation.METRICS]:
        raise UserError(f"--metrics: {unknown[0]!r} is none of {', '.join(evaluation.METRICS)}")
    subject = of_run(_WORKDIR.value) if _WORKDIR.value else of_files()
    default = Path(_WORKDIR.value) if _WORKDIR.value else Path()
    out = Path(_OUT.value or default / "evaluation.json")

    folder = Path(_CACHE.value) if _CACHE.value else cache.default_folder()
    extractor = make_extractor(subject, folder)
    look = {"count": _COUNT.value, "seed": _SEED.value, "cache": folder}
    real = evaluation.observe_data(subject.real, extractor, **look)
    fake = evaluation.observe(subject.samples, extractor, title="samples", count=subject.count)
    held_out = None
    if subject.held_out is not None:
        held_out = evaluation.observe_data(subject.held_out, extractor, **look)
    sets = Sets(real, fake, held_out, _SEED.value)
    figures = evaluation.score(sets, _METRICS.value or evaluation.suited(sets))

    about_real = {"source": subject.real.name, "split": subject.real.split}
    record = {
        "fake": {**subject.about, "count": len(fake.features)},
        "real": {**about_real, "count": len(real.features), "seed": _SEED.value},
        "extractor": dict(extractor.protocol),
        "versions": runs.versions(),
        "figures": {name: plain(figure) for name, figure in figures.items()},
    }
    report.write(out, json.dumps(record, indent=1) + "\n")
    for name, figure in figures.items():
        error = "" if figure.error is None else f"± {figure.error:.2g}"
        print(f"{name:24}{figure.value:>10.4g} {error:10}  {figure.how}")
    print(f"protocol: {out}")
    if _REPORT.value:
        page = out.with_suffix(".html")
        report.write(page, make_report(subject, record, sets))
        print(f"report: {page}")


def of_run(workdir: str) -> Subject:
    """The samples of a run, drawn as they are looked at."""
    run = assembly.load_run(workdir, _STEP.value)
    config, game = run.config, run.game
    train = assembly.make_data(run.recipe, config, config.data.split)
    test = None
    if config.data.test_split:
        test = assembly.make_data(run.recipe, config, config.data.test_split)
    shown = train if test is None else test
    count = assembly.sample_count(game, shown, _COUNT.value)
    given = assembly.conditions(game, config, lambda: shown, count)
    inputs = evaluation.draw_inputs(game, jax.random.key(_SEED.value), count, given)
    draw = parallel.spread(game.sample, evaluation.DRAW_SIZE)
    players = run.state.variables(ema=_EMA.value)

    def samples() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        for start in range(0, count, evaluation.DRAW_SIZE):
            part = jax.tree.map(lambda x: x[start : start + evaluation.DRAW_SIZE], inputs)  # noqa: B023
            yield draw(players, part), np.asarray(part["label"]) if "label" in part else None

    split = _SPLIT.value
    real = assembly.make_data(run.recipe, config, split) if split else train
    about = {
        "source": workdir,
        "recipe": run.record["recipe"],
        "step": run.step,
        "ema": _EMA.value,
        "seed": _SEED.value,
    }
    return Subject(
        title=f"{Path(workdir).name}, step {run.step:,}",
        samples=samples(),
        count=count,
        about=about,
        real=assembly.last_domain(real),
        train=assembly.last_domain(train),
        held_out=None if test is None or split else assembly.last_domain(test),
        run=run,
    )


def of_files() -> Subject:
    """The samples of a folder or a file."""
    if not (_REAL.value and _FAKE.value):
        raise UserError("--real and --fake go together")
    real, fake = (
        data.materialise(data.load(name, split=split))
        for name, split in ((_REAL.value, _SPLIT.value or "train"), (_FAKE.value, "train"))
    )
    if real.columns["x"].shape[1:] != fake.columns["x"].shape[1:]:
        shapes = [list(part.columns["x"].shape[1:]) for part in (real, fake)]
        raise UserError(f"--real has examples {shapes[0]}, --fake {shapes[1]}: make them alike")
    rows = data.order(len(fake), _SEED.value, 0, min(_COUNT.value, len(fake)))
    label = fake.columns.get("label")

    def samples() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        for start in range(0, len(rows), evaluation.DRAW_SIZE):
            part = rows[start : start + evaluation.DRAW_SIZE]
            yield fake.columns["x"][part], None if label is None else label[part]

    about = {"source": _FAKE.value, "seed": _SEED.value}
    title = f"{_FAKE.value} beside {_REAL.value}"
    return Subject(title, samples(), len(rows), about, real, real, None, None)


def make_extractor(subject: Subject, folder: Path) -> extractors.Extractor:
    """The extractor that the flags name, or the one that suits."""
    labelled = "label" in subject.train.columns
    name = _EXTRACTOR.value or ("classifier" if labelled else "")
    if name == "classifier":
        return extractors.classifier(
            subject.train, cache=folder, held_out=subject.held_out, report=print
        )
    if name == "inception":
        weights = _WEIGHTS.value or extractors.download(extractors.INCEPTION_URL, folder)
        return extractors.inception(weights, resize=_RESIZE.value)
    if name == "random":
        return extractors.random(jax.random.key(0), subject.train.columns["x"].shape[1:])
    if name == "identity" or subject.train.columns["x"].ndim != 4:
        return extractors.identity()
    raise UserError(
        f"{subject.train.name} has no labels to train a classifier on: --extractor=inception"
    )


def plain(figure: evaluation.Figure) -> dict[str, Any]:
    """A figure as JSON has it, which knows no infinity: null where a number is not finite."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in figure._asdict().items()
    }


def make_report(subject: Subject, record: Mapping[str, Any], sets: Sets) -> str:
    """The page."""
    sections = gallery.of_sets(sets, subject.train.label_names)
    findings = None
    if subject.run is not None:
        history = writers.read_metrics(_WORKDIR.value)
        findings = [str(finding) for finding in diagnosis.diagnose(history)]
        sections |= gallery.of_run(subject.run, history, ema=_EMA.value)
    return report.page(subject.title, record, sections, findings)


if __name__ == "__main__":
    app.run(main)
