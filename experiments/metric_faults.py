"""Which metric sees which fault: `python -m experiments.metric_faults`, on MNIST.

Training images are the real data; test images, clean or with a fault planted, are the samples, all
seen by a classifier of the training set. Clean samples give the floor of every metric. Two tables,
the figures and who sees what, are written to `--out` as `metric_faults.md` and
`metric_faults.json`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags
from scipy import ndimage
from tqdm import tqdm

from experiments import app
from gan_jax import cache, data, evaluation, extractors, runs
from gan_jax.files import write_whole

_COUNT = flags.DEFINE_integer("count", 10_000, "Training images, at most all.", 100)
_SEEDS = flags.DEFINE_integer("seeds", 5, "Repetitions; each draws images and faults anew.", 2)
_OUT = flags.DEFINE_string("out", "runs/metric_faults", "The folder to write to.")

FIGURES = (
    "fid",
    "kid",
    "inception_score",
    "precision",
    "recall",
    "density",
    "coverage",
    "class_entropy",
    "modes",
    "reverse_kl",
    "accuracy",
    "intra_class_fid",
    "transfer",
    "memorised",
    "ms_ssim_distance",
    "spectrum",
)
"""Columns of the tables; the JSON holds all."""

FLOOR = "none"
"""The row of clean samples."""

_KIND = data.Image()

_SIGMAS = 5  # standard deviations of the floor that a fault must exceed to be seen

Examples = tuple[np.ndarray, np.ndarray]
"""Images `[N, H, W, C]` and their labels `[N]`."""


class Draw(NamedTuple):
    """What the samples of one repetition are made from.

    Attributes:
      fresh: test images, in random order, more than are to be samples.
      real: the training images that samples are compared with.
      samples: how many there are to be.
      classes: how many there are.
      random: of the fault.
    """

    fresh: Examples
    real: Examples
    samples: int
    classes: int
    random: np.random.Generator

    @property
    def clean(self) -> Examples:
        """Samples without a fault."""
        return _rows(self.fresh, np.arange(self.samples))


def noise(draw: Draw, std: float) -> Examples:
    """Gaussian noise on pixels in [-1, 1], clipped."""
    x, label = draw.clean
    return np.clip(_KIND.to_float(x) + draw.random.normal(0, std, x.shape), -1, 1), label


def blur(draw: Draw, std: float) -> Examples:
    """A Gaussian filter, in pixels."""
    x, label = draw.clean
    return ndimage.gaussian_filter(_KIND.to_float(x), (0, std, std, 0)).clip(-1, 1), label


def dropped_classes(draw: Draw, number: float) -> Examples:
    """No sample of the last classes; as many samples of the others, none of them twice."""
    kept = np.flatnonzero(draw.fresh[1] < draw.classes - number)
    return _rows(draw.fresh, kept[: draw.samples])


def repeated(draw: Draw, times: float) -> Examples:
    """Few images, each so many times: collapse within classes."""
    return _rows(draw.fresh, np.arange(draw.samples) // int(times))


def wrong_labels(draw: Draw, share: float) -> Examples:
    """Some labels replaced by another class."""
    x, label = draw.clean
    other = (label + draw.random.integers(1, draw.classes, len(label))) % draw.classes
    return x, np.where(np.arange(len(label)) < share * len(label), other, label)


def copies(draw: Draw, share: float) -> Examples:
    """Some samples replaced by training images out of the real ones."""
    number = round(share * draw.samples)
    (x, label), (real_x, real_label) = draw.clean, _rows(draw.real, np.arange(number))
    return np.concatenate([real_x, x[number:]]), np.concatenate([real_label, label[number:]])


class Fault(NamedTuple):
    """How samples are spoilt, from slightly to badly.

    Attributes:
      plant: makes the samples, at a strength.
      strengths: rising.
      row: of the table, with a place for the strength.
    """

    plant: Callable[[Draw, float], Examples]
    strengths: tuple[float, ...]
    row: str

    @property
    def rows(self) -> list[str]:
        """A name for each strength."""
        return [self.row.format(strength) for strength in self.strengths]


FAULTS: Mapping[str, Fault] = {
    "noise": Fault(noise, (0.1, 0.3, 0.6), "noise, std {:g}"),
    "blur": Fault(blur, (0.5, 1.0, 2.0), "blur, std {:g} px"),
    "dropped classes": Fault(dropped_classes, (1, 3, 5), "dropped classes, {:g}"),
    "few images": Fault(repeated, (4, 40), "few images, each {:g} times"),
    "wrong labels": Fault(wrong_labels, (0.1, 0.5), "wrong labels, {:.0%}"),
    "copies": Fault(copies, (0.1, 0.5, 1.0), "copies of training images, {:.0%}"),
}

Figures = dict[str, dict[str, list[float]]]
"""Values, one a seed, by row and by figure."""


def main() -> None:
    mnist = data.SOURCES["mnist"]
    train, test = (data.materialise(mnist.load(split)) for split in ("train", "test"))
    extractor = extractors.classifier(
        train, cache=cache.default_folder(), held_out=test, report=print
    )
    count, seeds = min(_COUNT.value, len(train)), _SEEDS.value
    figures, better = study(train, test, extractor, count, seeds)
    about = (
        f"{seeds} draws of {count:,} of {train.name}'s training images, and as samples "
        f"{_sizes(test, count)[1]:,} of its test images; features of a classifier with a test "
        f"accuracy of {extractor.protocol['accuracy']:.2%}"
    )
    out = Path(_OUT.value)
    record = {
        "about": about,
        "extractor": dict(extractor.protocol),
        "versions": runs.versions(),
        "better": better,
        "figures": figures,
    }
    write_whole(out / "metric_faults.json", json.dumps(record, indent=1) + "\n")
    text = markdown(figures, better, about)
    write_whole(out / "metric_faults.md", text)
    print(text, end="")


def study(
    train: data.ArrayDataset,
    test: data.ArrayDataset,
    extractor: extractors.Extractor,
    count: int,
    seeds: int,
) -> tuple[Figures, dict[str, str | None]]:
    """Every metric that suits, of clean samples and of those with each fault.

    Returns:
      The figures, NaN where the samples do not suit a metric, and which way each is better.
    """
    scores: dict[str, list[dict[str, evaluation.Figure]]] = {}
    rows = 1 + sum(len(fault.strengths) for fault in FAULTS.values())
    with tqdm(total=seeds * rows, disable=None) as bar:
        for seed in range(seeds):
            for row, found in repetition(train, test, extractor, count, seed):
                scores.setdefault(row, []).append(found)
                bar.set_description(row)
                bar.update()
    better = {name: figure.better for name, figure in scores[FLOOR][0].items()}
    figures = {
        row: {
            name: [found[name].value if name in found else float("nan") for found in founds]
            for name in better
        }
        for row, founds in scores.items()
    }
    return figures, better


def repetition(
    train: data.ArrayDataset,
    test: data.ArrayDataset,
    extractor: extractors.Extractor,
    count: int,
    seed: int,
) -> Iterator[tuple[str, dict[str, evaluation.Figure]]]:
    """Rows and their figures, of one draw.

    `count` training images are drawn, and a fifth of the test images for memorisation to hold out;
    samples come from the other four, half as many as those are: so five classes of ten suffice for
    them all without an image drawn twice, and figures that depend on their number compare.
    """
    classes = data.num_classes(train)
    assert classes is not None
    held_out, samples = _sizes(test, count)
    parted = data.order(len(test), seed, 0, len(test))
    real = _rows(_examples(train), data.order(len(train), seed, 0, count))
    fresh = _rows(_examples(test), parted[held_out:])

    def features_of(examples: Examples) -> evaluation.FeatureSet:
        return evaluation.extract_features([examples], extractor, title="", count=len(examples[0]))

    real_set = features_of(real)
    held_out_set = features_of(_rows(_examples(test), parted[:held_out]))
    draw = Draw(fresh, real, samples, classes, np.random.default_rng(seed))
    spoilt = [(FLOOR, lambda: draw.clean)]
    for fault in FAULTS.values():
        for row, strength in zip(fault.rows, fault.strengths, strict=True):
            spoilt.append((row, partial(fault.plant, draw, strength)))
    for row, plant in spoilt:
        sets = evaluation.Sets(real_set, features_of(plant()), held_out_set, real_set, seed)
        yield row, evaluation.score(sets, evaluation.suited(sets))


def sees(figures: Figures, better: Mapping[str, str | None], row: str, name: str) -> bool:
    """Whether a figure is worse than the floor by more than the floor's spread explains."""
    floor = figures[FLOOR][name]
    worse = np.mean(figures[row][name]) - np.mean(floor)
    if better[name] == "higher":
        worse = -worse
    return bool(worse > _SIGMAS * np.std(floor, ddof=1))


def in_order(figures: Figures, better: Mapping[str, str | None], fault: Fault, name: str) -> bool:
    """Whether a figure worsens from the floor on with every strength."""
    steps = np.diff([np.mean(figures[row][name]) for row in (FLOOR, *fault.rows)])
    return bool(np.all(steps < 0 if better[name] == "higher" else steps > 0))


def markdown(figures: Figures, better: Mapping[str, str | None], about: str) -> str:
    """Both tables."""
    names = [name for name in FIGURES if name in better]

    def cell(row: str, name: str) -> str:
        values = figures[row][name]
        if np.isnan(values).any():
            return ""
        text = f"{np.mean(values):.3g} ± {np.std(values, ddof=1):.1g}"
        return f"**{text}**" if row != FLOOR and sees(figures, better, row, name) else text

    def marks(fault: Fault, name: str) -> str:
        told = [row for row in fault.rows if cell(row, name)]
        text = "".join("✓" if sees(figures, better, row, name) else "–" for row in told)
        return f"{text} ↓" if "✓" in text and in_order(figures, better, fault, name) else text

    values = [[row, *(cell(row, name) for name in names)] for row in figures]
    seen = [[kind, *(marks(fault, n) for n in names)] for kind, fault in FAULTS.items()]
    lines = [
        "# Which metric sees which fault",
        "",
        f"{about[0].upper()}{about[1:]}. Means and standard deviations over the draws; bold where "
        f"the mean is worse than that of clean samples by more than {_SIGMAS} of their standard "
        "deviations.",
        "",
        *_table(["fault", *names], values),
        "",
        "A mark for each strength, from slight to bad: ✓ seen, – not; ↓ where the figure is worse "
        "with every strength; empty where a metric does not suit the samples.",
        "",
        *_table(["fault", *names], seen),
    ]
    return "\n".join(lines) + "\n"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(titles) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (titles, rule, *rows)]


def _sizes(test: data.ArrayDataset, count: int) -> tuple[int, int]:
    """Of what is held out, and of the samples."""
    return len(test) // 5, min(count, len(test) * 2 // 5)


def _examples(dataset: data.ArrayDataset) -> Examples:
    return dataset.columns["x"], dataset.columns["label"]


def _rows(examples: Examples, index: np.ndarray) -> Examples:
    x, label = examples
    return x[index], label[index]


if __name__ == "__main__":
    app.run(main)
