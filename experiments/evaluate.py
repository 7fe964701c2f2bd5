"""Scores samples beside real data: `python -m experiments.evaluate --workdir=runs/dcgan`.

The samples are a run's, or with `--real` and `--fake` those of two folders of images or array
files. Every figure goes to `evaluation.json` with its protocol: extractor and checksum of its
weights, numbers of real and generated examples, split, EMA, seed, versions, and an estimate of its
error. `--report` adds one page of HTML with pictures.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags

from experiments import app, gallery, recipes, report, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import cache, data, diagnosis, evaluation, extractors, sampling, translation, writers
from gan_jax.evaluation import FeatureSet, Sets
from gan_jax.files import write_whole
from gan_jax.types import UserError

_RUN = trained.define(
    "Of latents and of the choice of real examples.",
    ema=True,
    reverse=True,
    samples=True,
    required=False,
)
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
    "labels or domains), the InceptionV3 of FID, the pixels themselves, or an untrained net (the "
    "default of films without labels).",
)
_WEIGHTS = flags.DEFINE_string(
    "weights", None, "Inception's file, pt_inception-2015-12-05-6726825d.pth; else downloaded once."
)
_RESIZE = flags.DEFINE_enum("resize", "tensorflow", list(extractors.RESIZES), "For Inception.")
_SPLIT = flags.DEFINE_string(
    "split", None, "Of the real data; by default the run's evaluate_split, or what it trained on."
)
_CACHE = flags.DEFINE_string("cache", None, "Keeps what real data cost; ~/.cache/gan_jax if unset.")
_MIDDLE = flags.DEFINE_float(
    "middle",
    1.0,
    "Look at the middle of images alone, at this share of their sides: an inpainter's hole.",
    lower_bound=0.01,
    upper_bound=1.0,
)
_UNTRANSLATED = flags.DEFINE_bool(
    "untranslated",
    False,
    "What a translator is given in place of what it makes of it: the score that it must beat. The "
    "bicubic filter brings it to size, and greys are colours.",
)
_OUT = flags.DEFINE_string(
    "out", None, "The JSON; by default WORKDIR/evaluation.json, or untranslated.json."
)
_REPORT = flags.DEFINE_bool("report", False, "Also write the page, beside the JSON.")


_LATENTS = 12  # inputs that a report's arcs are drawn between


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is to be evaluated.

    Attributes:
      title: of the report.
      samples: batches of examples and labels; `count` says how many in all.
      count: of samples.
      about: of the samples, for the protocol.
      real: the data they are compared with.
      train: the data that the generator was trained on.
      labelled: the data that a classifier is trained on.
      held_out: data that the generator was not trained on, if there are any.
      tested: data that such a classifier's accuracy is told on, likewise.
      wanted: what the first samples are to be, where they are made from examples that say so.
      settings: of that classifier, where they are not the usual ones.
      run: whose samples these are, if a run's.
    """

    title: str
    samples: Iterator[tuple[np.ndarray, np.ndarray | None]]
    count: int
    about: Mapping[str, Any]
    real: data.Dataset
    train: data.Dataset
    labelled: data.Dataset
    held_out: data.Dataset | None = None
    tested: data.Dataset | None = None
    wanted: np.ndarray | None = None
    settings: extractors.ClassifierSettings | None = None
    run: Run | None = None


def main() -> None:
    if bool(_RUN.workdir) == bool(_REAL.value or _FAKE.value):
        raise UserError("give --workdir of a run, or --real and --fake")
    if unknown := [m for m in _METRICS.value or [] if m not in evaluation.METRICS]:
        raise UserError(f"--metrics: {unknown[0]!r} is none of {', '.join(evaluation.METRICS)}")
    subject = of_run() if _RUN.workdir else of_files()
    if _MIDDLE.value < 1:
        subject = middle_of(subject, _MIDDLE.value)
    default = Path(_RUN.workdir) if _RUN.workdir else Path()
    name = "untranslated.json" if _UNTRANSLATED.value else "evaluation.json"
    out = Path(_OUT.value or default / name)

    folder = Path(_CACHE.value) if _CACHE.value else cache.default_folder()
    extractor = make_extractor(subject, folder)
    look = {"count": _COUNT.value, "seed": _RUN.seed, "cache": folder}
    real = evaluation.dataset_features(subject.real, extractor, **look)
    fake = evaluation.extract_features(
        subject.samples, extractor, title="samples", count=subject.count
    )
    held_out = None
    if subject.held_out is not None:
        held_out = evaluation.dataset_features(subject.held_out, extractor, **look)
    everything = all_of_train(subject, real, extractor, look)
    sets = Sets(real, fake, held_out, everything, _RUN.seed, subject.wanted)
    figures = evaluation.score(sets, _METRICS.value or evaluation.suited(sets))

    about_real = {"source": subject.real.name, "split": subject.real.split}
    protocol = {
        "fake": {**subject.about, "count": len(fake.features)},
        "real": {**about_real, "count": len(real.features), "seed": _RUN.seed},
        "extractor": dict(extractor.protocol),
    }
    record = tell(out, protocol, figures)
    if "warning" in extractor.protocol:
        print(f"warning: {extractor.protocol['warning']}")
    if _REPORT.value:
        page = out.with_suffix(".html")
        write_whole(page, make_report(subject, record, sets))
        print(f"report: {page}")


def all_of_train(
    subject: Subject, real: FeatureSet, extractor: extractors.Extractor, look: Mapping[str, Any]
) -> FeatureSet | None:
    """What memorisation is told by; extracted for its sake only where it is asked for by name."""
    if subject.real is subject.train and len(real.features) == len(subject.train):
        return real
    if "memorisation" not in (_METRICS.value or []):
        return None
    everything = {**look, "count": len(subject.train)}
    return evaluation.dataset_features(subject.train, extractor, **everything)


def of_run() -> Subject:
    """The samples of a run, drawn as they are looked at."""
    run = _RUN.load()
    game = run.game
    split, held_out_split = _SPLIT.value, run.config.data.get("test_split", "")
    of_split = lambda split: evaluation.reference(run.open(split), game.target)
    compared = run.config.evaluate_split or run.config.data.split
    train, held_out = of_split(compared), None
    if not split and held_out_split not in ("", compared):
        held_out = of_split(held_out_split)
    count = sampling.available(game, run.shown, _COUNT.value)
    real = of_split(split).real if split else train.real
    draw, players = sampling.sampler(game), _RUN.players(run)
    if _UNTRANSLATED.value:
        draw = translation.untranslated(
            game, run.kinds, run.record["columns"][game.target]["shape"]
        )
    key, size, wanted = _RUN.key(), sampling.DRAW_SIZE, None
    if not set(game.conditions) <= {"label"}:
        wanted = run.inputs(key, range(min(count, evaluation.KEPT))).wanted

    def samples() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        asked = None
        if game.conditions == ("label",):
            asked = evaluation.labels_to_ask_for(real, count, seed=_RUN.seed)
        for start in range(0, count, size):
            rows = range(start, min(start + size, count))
            label = None if asked is None else asked[rows.start : rows.stop]
            inputs = run.inputs(key, rows, label)
            yield draw(players, inputs.columns), train.asked(inputs.label, len(rows))

    return Subject(
        title=f"{run.workdir.name}, step {run.step:,}",
        samples=samples(),
        count=count,
        about=_RUN.about(run) | ({"untranslated": True} if _UNTRANSLATED.value else {}),
        real=real,
        train=train.real,
        labelled=train.labelled,
        held_out=None if held_out is None else held_out.real,
        tested=None if held_out is None else held_out.labelled,
        wanted=wanted,
        settings=recipes.classifier_settings(run.config),
        run=run,
    )


def of_files() -> Subject:
    """The samples of a folder or a file."""
    for name in ("untranslated", "reverse", "standing", "reject"):
        if flags.FLAGS[name].value:
            raise UserError(f"--{name} is of a run: give --workdir")
    if not (_REAL.value and _FAKE.value):
        raise UserError("--real and --fake go together")
    real, fake = (
        data.load(name, split=split)
        for name, split in ((_REAL.value, _SPLIT.value or "train"), (_FAKE.value, "train"))
    )
    shapes = [list(part[0]["x"].shape) for part in (real, fake)]
    if shapes[0] != shapes[1]:
        raise UserError(f"--real has examples {shapes[0]}, --fake {shapes[1]}: make them alike")
    rows = data.order(len(fake), _RUN.seed, 0, min(_COUNT.value, len(fake)))

    def samples() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        for batch in data.batches(fake, rows, sampling.DRAW_SIZE):
            yield batch["x"], batch.get("label")

    about = {"source": _FAKE.value, "seed": _RUN.seed}
    title = f"{_FAKE.value} beside {_REAL.value}"
    return Subject(title, samples(), len(rows), about, real, real, real)


def middle_of(subject: Subject, share: float) -> Subject:
    """The same, of images cut to their middle."""
    if not isinstance(subject.real.kinds["x"], data.Image):
        raise UserError("--middle is for images, and these are none")

    def cut(x: np.ndarray) -> np.ndarray:
        for axis in (-3, -2):
            size = round(share * x.shape[axis])
            start = (x.shape[axis] - size) // 2
            x = np.take(x, range(start, start + size), axis)
        return x

    view = lambda dataset: data.transformed(dataset, "x", cut)
    real = view(subject.real)
    return dataclasses.replace(
        subject,
        samples=((cut(x), label) for x, label in subject.samples),
        about={**subject.about, "middle": share},
        real=real,
        train=real if subject.train is subject.real else view(subject.train),
        labelled=view(subject.labelled),
        held_out=None if subject.held_out is None else view(subject.held_out),
        tested=None if subject.tested is None else view(subject.tested),
        wanted=None if subject.wanted is None else cut(subject.wanted),
    )


def make_extractor(subject: Subject, folder: Path) -> extractors.Extractor:
    """The extractor that the flags name, or the one that suits."""
    train, kind = subject.train, subject.train.kinds["x"]
    pixels_or_sound = isinstance(kind, data.Image | data.Video | data.Audio)
    labelled = pixels_or_sound and data.num_classes(subject.labelled) is not None
    name = _EXTRACTOR.value or ("classifier" if labelled else "")
    if name == "classifier":
        return extractors.classifier(
            subject.labelled,
            settings=subject.settings or extractors.ClassifierSettings(),
            cache=folder,
            held_out=subject.tested,
            report=print,
        )
    if name == "inception":
        weights = _WEIGHTS.value or extractors.download(extractors.INCEPTION_URL, folder)
        return extractors.inception(weights, resize=_RESIZE.value)
    if name == "random" or (not name and isinstance(kind, data.Video)):
        return extractors.random(jax.random.key(0), train[0]["x"].shape, kind)
    if name == "identity" or not isinstance(kind, data.Image):
        return extractors.identity(kind)
    raise UserError(f"{train.name} has no labels to train a classifier on: --extractor=inception")


def make_report(subject: Subject, record: Mapping[str, Any], sets: Sets) -> str:
    """The page."""
    label = subject.train.kinds.get("label")
    sections = gallery.of_sets(sets, label.classes if isinstance(label, data.Category) else None)
    findings = None
    if (run := subject.run) is not None:
        history = writers.read_metrics(run.workdir)
        findings = [str(finding) for finding in diagnosis.diagnose(history)]
        players = _RUN.players(run)
        inputs = run.inputs(_RUN.key(), range(_LATENTS)).columns
        sections |= gallery.of_latents(run.game, run.kinds[run.game.target], players, inputs)
        sections |= gallery.of_history(history)
    return report.page(subject.title, record, sections, findings)


if __name__ == "__main__":
    app.run(main)
