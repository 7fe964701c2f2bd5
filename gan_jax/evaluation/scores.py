"""Metrics by name: what each compares, how sure its figures are, how they were computed."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from gan_jax import metrics
from gan_jax.data import Audio, Category, Image, Kind, Real, Tokens, Video
from gan_jax.evaluation.feature_sets import FeatureSet
from gan_jax.evaluation.figure import Figure, binomial, standard_error
from gan_jax.evaluation.film_figures import film_figures
from gan_jax.evaluation.mode_figures import class_figures, mixture_figures
from gan_jax.evaluation.pairwise import pair_figures
from gan_jax.types import UserError

_PARTS = 5
_PAIRS = 500
_ORDERS = (1, 2, 3, 4)  # of n-grams


class Sets(NamedTuple):
    """What metrics compare.

    Attributes:
      real: examples of the data.
      fake: samples.
      held_out: examples of the data that the generator was not trained on, where there are any.
      train: all that it was trained on, where all of it was looked at.
      seed: of whatever a metric draws.
      wanted: `[M, ...]` as stored, what the first M samples are to be, where that is known.
    """

    real: FeatureSet
    fake: FeatureSet
    held_out: FeatureSet | None = None
    train: FeatureSet | None = None
    seed: int = 0
    wanted: np.ndarray | None = None

    @property
    def kind(self) -> Kind:
        """Of the examples."""
        return self.real.kind

    @property
    def of_one_class(self) -> bool:
        """Whether all data have the same label."""
        return self.real.label is not None and len(np.unique(self.real.label)) == 1

    @property
    def class_label(self) -> np.ndarray | None:
        """The samples' labels where the extractor's classes are those of the data: as many."""
        if self.real.logits is None or self.real.label is None:
            return None
        classes = self.real.classes or self.real.label.max() + 1
        return self.fake.label if classes == self.real.logits.shape[1] else None


def frechet(sets: Sets) -> dict[str, Figure]:
    """See `metrics.frechet_distance`."""
    real = metrics.moments(sets.real.features)

    def distance(fake: np.ndarray) -> float:
        return metrics.frechet_distance(real, metrics.moments(fake))

    error, how = None, "Fréchet distance"
    if len(sets.fake.features) >= 2 * _PARTS:
        # At random, since samples may stand in the order of their classes.
        shuffled = np.random.default_rng(sets.seed).permutation(sets.fake.features)
        error = standard_error([distance(part) for part in np.array_split(shuffled, _PARTS)])
        how += f"; error from {_PARTS} disjoint parts of the samples"
    how += _bias(sets.real.features, sets.fake.features)
    return {"fid": Figure(distance(sets.fake.features), error, "lower", how)}


def kernel(sets: Sets) -> dict[str, Figure]:
    """See `metrics.kernel_distance`."""
    size = min(1_000, len(sets.real.features) // 2, len(sets.fake.features) // 2)  # not the whole
    found = metrics.kernel_distance(
        sets.real.features, sets.fake.features, subset_size=size, seed=sets.seed
    )
    how = f"unbiased MMD², cubic kernel, 100 subsets of {size:,} of spread {found.spread:.2g}"
    return {"kid": Figure(found.value, found.error, "lower", f"{how}; error over fresh samples")}


def inception_score(sets: Sets) -> dict[str, Figure]:
    """See `metrics.inception_score`."""
    assert sets.fake.logits is not None
    value, error = metrics.inception_score(sets.fake.logits, seed=sets.seed)
    how = "10 splits; error of their mean"
    return {"inception_score": Figure(value, error, "higher", how)}


def precision_recall(sets: Sets) -> dict[str, Figure]:
    """See `metrics.precision_recall`."""
    precision, recall = metrics.precision_recall(sets.real.features, sets.fake.features)
    how = "k = 3; binomial error"
    return {
        "precision": binomial(precision, len(sets.fake.features), "higher", how),
        "recall": binomial(recall, len(sets.real.features), "higher", how),
    }


def density_coverage(sets: Sets) -> dict[str, Figure]:
    """See `metrics.density_coverage`."""
    density, coverage = metrics.density_coverage(sets.real.features, sets.fake.features)
    return {
        "density": Figure(density, None, "higher", "k = 5"),
        "coverage": binomial(coverage, len(sets.real.features), "higher", "k = 5; binomial error"),
    }


def classes(sets: Sets) -> dict[str, Figure]:
    """See `metrics.classification_scores`; of data of one class, whose shares say nothing, less."""
    probabilities = _probabilities(sets.fake)
    scores = metrics.classification_scores(probabilities, sets.class_label)
    count, how = len(probabilities), "as the extractor reads the samples"
    figures = {
        "top_probability": Figure(
            scores["top_probability"], standard_error(probabilities.max(axis=1)), "higher", how
        ),
    }
    if not sets.of_one_class:
        figures |= {
            "class_entropy": Figure(scores["class_entropy"], None, "higher", f"{how}, nats"),
            "min_class_share": binomial(scores["min_class_share"], count, "higher", how),
            "max_class_share": binomial(scores["max_class_share"], count, "lower", how),
        }
    if "accuracy" in scores:
        how = "samples read as the class asked for; binomial error"
        figures["accuracy"] = binomial(scores["accuracy"], count, "higher", how)
    return figures


def modes(sets: Sets) -> dict[str, Figure]:
    """See `mixture_figures` and, of what is no mixture's points, `class_figures`."""
    if _is_mixture(sets):
        return mixture_figures(sets.kind.mixture, sets.fake.features)  # type: ignore[attr-defined]
    return class_figures(_probabilities(sets.real), _probabilities(sets.fake), sets.real.shares)


def intra_class(sets: Sets) -> dict[str, Figure]:
    """See `metrics.conditional_frechet_distance`."""
    (real, real_label), (fake, fake_label) = _labelled(sets)
    mean, by_class = metrics.conditional_frechet_distance(real, real_label, fake, fake_label)
    each = ", ".join(f"{k}: {value:.4g}" for k, value in list(by_class.items())[:20])
    each += ", ..." if len(by_class) > 20 else ""
    error = standard_error(list(by_class.values())) if len(by_class) > 1 else None
    how = f"mean over classes ({each}); error from their spread"
    how += _bias(*(x[label == k] for x, label in _labelled(sets) for k in by_class))
    return {"intra_class_fid": Figure(mean, error, "lower", how)}


def transfer(sets: Sets) -> dict[str, Figure]:
    """See `metrics.train_on_synthetic`."""
    (real, real_label), (fake, fake_label) = _labelled(sets)
    scores = metrics.train_on_synthetic(real, real_label, fake, fake_label, sets.seed)
    half, how = len(real) // 2, "regression on features; binomial error"
    return {
        "transfer": binomial(scores.fake_to_real, half, "higher", f"trained on samples; {how}"),
        "transfer_reverse": binomial(
            scores.real_to_fake, len(fake), "higher", f"tested on samples; {how}"
        ),
        "transfer_ceiling": binomial(
            scores.real_to_real, half, None, f"trained on real data; {how}"
        ),
    }


def memorisation(sets: Sets) -> dict[str, Figure]:
    """See `metrics.memorisation`."""
    assert sets.held_out is not None
    assert sets.train is not None
    train = sets.train.features
    part, z = metrics.memorisation(train, sets.held_out.features, sets.fake.features)
    how = f"samples nearer to any of {len(train):,} training examples than 95 % of held-out ones"
    return {
        "memorised": binomial(part, len(sets.fake.features), "lower", f"{how}; binomial error"),
        "copying_z": Figure(z, None, "higher", "C_T; below -3: nearer than held-out data are"),
    }


def diversity(sets: Sets) -> dict[str, Figure]:
    """See `metrics.pairwise_diversity`."""
    figures = {}
    for name, part in (("ms_ssim_distance", sets.fake), ("ms_ssim_distance_real", sets.real)):
        images = np.asarray(sets.kind.to_float(part.examples))
        pairs = min(_PAIRS, len(images) // 2)
        value, error = metrics.pairwise_diversity(images, pairs, sets.seed)
        better = "higher" if part is sets.fake else None
        figures[name] = Figure(value, error, better, f"1 - MS-SSIM of {pairs} pairs; error of mean")
    return figures


def spectrum(sets: Sets) -> dict[str, Figure]:
    """See `metrics.spectrum_distance`."""
    assert sets.real.spectra is not None
    assert sets.fake.spectra is not None
    value = metrics.spectrum_distance(sets.real.spectra, sets.fake.spectra)
    return {"spectrum": Figure(value, None, "lower", "RMS of log spectra, dB")}


def ngrams(sets: Sets) -> dict[str, Figure]:
    """See `metrics.ngram_divergence` and `metrics.distinct_share`."""
    real, fake = sets.real.examples, sets.fake.examples
    figures = {}
    for order in _ORDERS:
        if order <= real.shape[1]:
            value = metrics.ngram_divergence(real, fake, order)
            how = f"Jensen-Shannon, bits; {len(real):,} real and {len(fake):,} generated texts"
            figures[f"ngram_divergence_{order}"] = Figure(value, None, "lower", how)
    share = metrics.distinct_share(fake)
    how = f"of {len(fake):,} samples; real texts: {metrics.distinct_share(real):.4g}"
    return {**figures, "distinct_share": Figure(share, None, "higher", how)}


def marginals(sets: Sets) -> dict[str, Figure]:
    """See `metrics.marginal_distances`."""
    real, fake = (part.examples.reshape(len(part.examples), -1) for part in (sets.real, sets.fake))
    distances = metrics.marginal_distances(real, fake)
    how = f"mean of {real.shape[1]:,} columns; {len(real):,} real and {len(fake):,} generated rows"
    unit = "in standard deviations of the real column"
    return {
        "wasserstein": Figure(float(distances.wasserstein.mean()), None, "lower", f"{how}; {unit}"),
        "kolmogorov_smirnov": Figure(
            float(distances.kolmogorov_smirnov.mean()), None, "lower", how
        ),
    }


def pairs(sets: Sets) -> dict[str, Figure]:
    """See `pair_figures`."""
    assert sets.wanted is not None
    return pair_figures(sets.kind, sets.fake.examples, sets.wanted)


def films(sets: Sets) -> dict[str, Figure]:
    """See `film_figures`."""
    assert isinstance(sets.kind, Video)
    real = film_figures(sets.kind, sets.real.examples)
    return film_figures(sets.kind, sets.fake.examples) | {
        f"{name}_real": figure._replace(better=None) for name, figure in real.items()
    }


class Metric(NamedTuple):
    """A metric of two sets.

    Attributes:
      figures: of sets that lack nothing, by name.
      lacks: what sets lack for it, in words; "" for nothing.
    """

    figures: Callable[[Sets], dict[str, Figure]]
    lacks: Callable[[Sets], str]


def _features(sets: Sets) -> str:
    if isinstance(sets.kind, Image | Video | Audio | Real):
        return ""
    return "features, which numbers that stand for words or classes have not"


def _classes(sets: Sets) -> str:
    known = sets.real.logits is not None and sets.fake.logits is not None
    return _features(sets) or ("" if known else "an extractor that knows classes")


def _varied_classes(sets: Sets) -> str:
    if lacking := _classes(sets):
        return lacking
    return "data of two classes at least" if sets.of_one_class else ""


def _is_mixture(sets: Sets) -> bool:
    """Whether features are points of a known mixture."""
    known = isinstance(sets.kind, Real) and sets.kind.mixture is not None
    few = sets.fake.examples.reshape(len(sets.fake.examples), -1)
    return known and np.array_equal(sets.fake.features[: len(few)], few, equal_nan=True)


def _modes(sets: Sets) -> str:
    return "" if _is_mixture(sets) else _varied_classes(sets)


def _labels(sets: Sets) -> str:
    known = sets.real.label is not None and sets.fake.label is not None
    return _features(sets) or ("" if known else "labels of data and samples")


def _pairs_of_each_class(sets: Sets) -> str:
    if lacking := _labels(sets):
        return lacking
    (real, real_count), (fake, fake_count) = (
        np.unique(label, return_counts=True) for _, label in _labelled(sets)
    )
    enough = np.array_equal(real, fake) and min(*real_count, *fake_count) > 1 < len(real)
    return "" if enough else "two labels at least, and two examples of either side with each"


def _several_classes(sets: Sets) -> str:
    if lacking := _labels(sets):
        return lacking
    enough = all(len(np.unique(label)) > 1 for _, label in _labelled(sets))
    return "" if enough else "two labels at least"


def _training_data(sets: Sets) -> str:
    if lacking := _features(sets):
        return lacking
    if sets.held_out is None:
        return "held-out data: name a split"
    return "" if sets.train is not None else "all that the generator was trained on"


def _structure(sets: Sets) -> str:
    least, sides = metrics.SSIM_WINDOW, sets.fake.examples.shape[1:3]
    known = isinstance(sets.kind, Image) and min(sides) >= least
    return "" if known else f"images of {least} pixels a side"


def _wanted(sets: Sets) -> str:
    known = sets.wanted is not None and isinstance(sets.kind, Image | Video | Category)
    return "" if known else "images, films or maps that are each made from an example"


METRICS: Mapping[str, Metric] = {
    "fid": Metric(frechet, _features),
    "kid": Metric(kernel, _features),
    "is": Metric(inception_score, _varied_classes),
    "pr": Metric(precision_recall, _features),
    "dc": Metric(density_coverage, _features),
    "classes": Metric(classes, _classes),
    "modes": Metric(modes, _modes),
    "intra": Metric(intra_class, _pairs_of_each_class),
    "transfer": Metric(transfer, _several_classes),
    "memorisation": Metric(memorisation, _training_data),
    "diversity": Metric(diversity, _structure),
    "spectrum": Metric(spectrum, lambda sets: "images" if sets.fake.spectra is None else ""),
    "ngrams": Metric(ngrams, lambda sets: "" if isinstance(sets.kind, Tokens) else "texts"),
    "marginals": Metric(
        marginals,
        lambda sets: "" if isinstance(sets.kind, Real) else "numbers that stand for themselves",
    ),
    "films": Metric(films, lambda sets: "" if isinstance(sets.kind, Video) else "films"),
    "pairs": Metric(pairs, _wanted),
}
"""Metrics as a command line names them; one may bring several figures."""


def suited(sets: Sets) -> list[str]:
    """The metrics that these sets have all for."""
    return [name for name, metric in METRICS.items() if not metric.lacks(sets)]


def score(sets: Sets, names: Sequence[str]) -> dict[str, Figure]:
    """The figures of the metrics of these names.

    Raises:
      UserError: for a name that is none, or a metric that these sets do not suit.
    """
    if unknown := [name for name in names if name not in METRICS]:
        raise UserError(f"there is no metric {unknown[0]!r}; there are: {', '.join(METRICS)}")
    for name in names:
        if lacking := METRICS[name].lacks(sets):
            raise UserError(
                f"{name!r} needs {lacking}; there is {', '.join(suited(sets)) or 'none'}"
            )
    figures: dict[str, Figure] = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*rank-deficient")  # `how` says so, see `_bias`
        for name in names:
            figures |= METRICS[name].figures(sets)
    return figures


def _bias(*features: np.ndarray) -> str:
    """A clause on Fréchet distances of sets `[N, D]`, if one of them has no more than D."""
    few = any(len(part) <= part.shape[1] for part in features)
    return "; biased upward: no more examples than dimensions" if few else ""


def _probabilities(part: FeatureSet) -> np.ndarray:
    assert part.logits is not None
    return softmax(part.logits.astype(np.float64), axis=1)


def _labelled(sets: Sets) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(part.features, part.label) for part in (sets.real, sets.fake)]  # type: ignore[misc]
