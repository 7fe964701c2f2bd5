"""Evaluation at intervals of a run: functions `players -> {name: value}`.

They are made once for a run and look at the same inputs every time, so that their figures compare.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import jax
import numpy as np

from gan_jax import metrics, prng
from gan_jax.data import (
    Audio,
    Category,
    Dataset,
    Image,
    Kind,
    Mixture,
    Oracle,
    Real,
    Tokens,
    Video,
    batches,
    num_classes,
    order,
    singles,
)
from gan_jax.evaluation.feature_sets import FeatureSet, dataset_features, extract_features
from gan_jax.evaluation.film_figures import film_figures
from gan_jax.evaluation.mode_figures import mixture_figures
from gan_jax.evaluation.pairwise import pair_figures
from gan_jax.evaluation.references import reference
from gan_jax.evaluation.scores import Sets, score
from gan_jax.extractors import (
    EXTRACT_SIZE,
    ClassifierSettings,
    Extractor,
    classifier,
    identity,
    net_input,
)
from gan_jax.game import Game, Players
from gan_jax.sampling import sampler
from gan_jax.types import Batch, PRNGKey

CLUSTERS = 20
"""Of the data, that samples are counted in."""

_NUMBERS = 2**26  # that are clustered at most: 256 MiB
_PART = 96  # examples, about, that a game's own figures are computed on at once

Evaluator = Callable[[Players], dict[str, float]]

SampleMetric = Callable[[np.ndarray], Mapping[str, float]]
"""From samples [N, ...] to figures by name."""


def on_samples(game: Game, inputs: Batch, sample_metrics: Sequence[SampleMetric]) -> Evaluator:
    """Figures of the samples that `inputs` give, as `samples/NAME`."""
    draw = sampler(game)

    def evaluate(players: Players) -> dict[str, float]:
        samples = draw(players, inputs)
        return {f"samples/{n}": v for metric in sample_metrics for n, v in metric(samples).items()}

    return evaluate


def on_held_out(game: Game, batch: Batch, key: PRNGKey, name: str = "held_out") -> Evaluator:
    """The game's own figures on examples `[N, ...]` that it was not trained on.

    Or, to compare with, on some that it was: then by another name. They are means over parts, since
    what a net holds of an example may be a thousand times the example.
    """
    if game.metrics is None:
        raise ValueError("the game has no figures on held-out data")
    of_part, count = jax.jit(game.metrics), len(jax.tree.leaves(batch)[0])
    whole, size = (dict(batch), prng.per_example(key, count)), max(_PART, game.group)
    size -= size % game.group  # whole packs
    starts = range(0, count, size)
    parts = [jax.tree.map(lambda x, i=i: x[i : i + size], whole) for i in starts]

    def evaluate(players: Players) -> dict[str, float]:
        found = [(of_part(players, *part), len(part[1])) for part in parts]
        told, sizes = zip(*([part for part in found if part[0]] or found), strict=True)
        means = jax.tree.map(lambda *of: float(np.average(of, weights=sizes)), *told)
        return {f"{name}/{n}": mean for n, mean in means.items()}

    return evaluate


def suited_evaluators(
    game: Game,
    real: Dataset,
    held_out: Dataset | None,
    inputs: Batch,
    *,
    label: np.ndarray | None = None,
    wanted: np.ndarray | None = None,
    count: int,
    settings: ClassifierSettings | None = None,
    cache: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] | None = None,
) -> list[Evaluator]:
    """What suits the kind of the game's samples, as `samples/NAME`.

    - Images, videos and sounds: `cluster_coverage`; with labels, or with domains for labels, also
      `fid`, `pr` and `classes` of `METRICS` in the features of a classifier of the real data, and
      of stacks, whose classes are modes, `modes`;
    - tokens: `ngrams`, and of a known distribution `oracle_nll`;
    - points of a known mixture: `mode_coverage`;
    - other numbers: `fid` and `marginals`, of the numbers themselves;
    - films: also `film_figures`;
    - images, films and maps of classes that are wanted: `pair_figures`;
    - else nothing.

    Args:
      game: the game.
      real: the data that samples are compared with; not all of it is decoded at once.
      held_out: data that a classifier's accuracy is told on.
      inputs: what the samples are made from, `[N, ...]`.
      label: `[N]`, the class that each sample is asked to be of, where it is.
      wanted: `[N, ...]` as stored, what each sample is to be, where that is known.
      count: real examples to compare with, at most.
      settings: of the classifier.
      cache: a folder that keeps the classifier and the real examples' features; None keeps nothing.
      report: takes lines for the reader.
    """
    real, labelled, _ = compared_with = reference(real, game.target)
    kind, label = real.kinds["x"], compared_with.asked(label, len(jax.tree.leaves(inputs)[0]))

    def compared(extractor: Extractor, *names: str) -> SampleMetric:
        features = dataset_features(real, extractor, count=count, cache=cache)
        return compare_features(features, extractor, names, label)

    found: list[SampleMetric] = []
    if isinstance(kind, Image | Video | Audio):
        if num_classes(labelled) is not None:
            extractor = classifier(
                labelled,
                settings=settings or ClassifierSettings(),
                cache=cache,
                held_out=None if held_out is None else reference(held_out, game.target).labelled,
                report=report,
            )
            modes = ["modes"] if singles(labelled) is not None else []
            found.append(compared(extractor, "fid", "pr", "classes", *modes))
        found.append(cluster_coverage(real))
        if isinstance(kind, Video):
            found.append(partial(_of_films, kind))
    elif isinstance(kind, Tokens):
        found.append(compared(identity(kind), "ngrams"))
        if kind.oracle is not None:
            found.append(oracle_nll(kind.oracle))
    elif isinstance(kind, Real) and kind.mixture is not None:
        found.append(mode_coverage(kind.mixture))
    elif isinstance(kind, Real):
        found.append(compared(identity(kind), "fid", "marginals"))
    if wanted is not None and isinstance(kind, Image | Video | Category):
        found.append(compare_pairs(kind, wanted))
    return [on_samples(game, inputs, found)] if found else []


def compare_pairs(kind: Kind, wanted: np.ndarray) -> SampleMetric:
    """Compares samples with what each is to be, `[N, ...]` as stored; see `pair_figures`."""
    return lambda samples: {n: f.value for n, f in pair_figures(kind, samples, wanted).items()}


def _of_films(kind: Kind, samples: np.ndarray) -> dict[str, float]:
    return {name: figure.value for name, figure in film_figures(kind, samples).items()}


def compare_features(
    real: FeatureSet, extractor: Extractor, names: Sequence[str], label: np.ndarray | None = None
) -> SampleMetric:
    """Compares samples with real data; see `score`.

    Args:
      real: what the extractor sees in the data.
      extractor: the same.
      names: of metrics.
      label: `[N]`, the class that each sample is asked to be of, where it is.
    """

    def compare(samples: np.ndarray) -> dict[str, float]:
        fake = extract_features([(samples, label)], extractor, title="samples", count=len(samples))
        figures = score(Sets(real, fake), names)
        return {name: figure.value for name, figure in figures.items()}

    return compare


def cluster_coverage(dataset: Dataset, limit: int = 5_000) -> SampleMetric:
    """The share of the data's clusters that samples in effect reach, labels or none.

    It is `exp(-KL(samples || data))` of their histograms over `CLUSTERS` k-means clusters of the
    first examples, of their pixels or, of sound, of spectrograms: 0.5 where half of equal clusters
    is left out. It does not see samples alike within a cluster. On GANs and GMMs, Richardson &
    Weiss, 2018, arXiv:1805.12462, counts samples in such clusters.

    Args:
      dataset: whose `x` is clustered; no more of it is read.
      limit: examples that are clustered; fewer where they are large.

    Returns:
      A function that says `cluster_coverage`, in (0, 1].
    """
    from sklearn.cluster import KMeans

    kind = dataset.kinds["x"]

    @jax.jit
    def flat(x: jax.Array) -> jax.Array:
        return net_input(kind, x).reshape(x.shape[0], -1)

    def all_flat(x: np.ndarray) -> np.ndarray:
        starts = range(0, len(x), EXTRACT_SIZE)
        return np.concatenate([flat(x[start : start + EXTRACT_SIZE]) for start in starts])

    size = jax.eval_shape(flat, dataset[0]["x"][None]).size
    limit = min(limit, max(_NUMBERS // size, CLUSTERS), len(dataset))
    rows = order(len(dataset), 0, 0, limit)  # a folder has its classes one after the other
    vectors = np.concatenate([flat(b["x"]) for b in batches(dataset, rows, EXTRACT_SIZE)])
    model = KMeans(min(CLUSTERS, len(vectors)), random_state=0).fit(vectors)
    shares = np.bincount(model.labels_, minlength=model.n_clusters) / len(vectors)

    def coverage(samples: np.ndarray) -> dict[str, float]:
        cluster = model.predict(all_flat(kind.to_stored(samples)))
        scores = metrics.class_mode_scores(cluster, model.n_clusters, shares)
        return {"cluster_coverage": float(np.exp(-scores["reverse_kl"]))}

    return coverage


def mode_coverage(mixture: Mixture) -> SampleMetric:
    """Which modes of a mixture points reach; see `mixture_figures`."""
    return lambda points: {n: f.value for n, f in mixture_figures(mixture, points).items()}


def oracle_nll(oracle: Oracle) -> SampleMetric:
    """How unlikely texts are to the oracle that wrote the data: `nll_oracle`, nats a token.

    It is low too where one likely text is written over and over; see `metrics.distinct_share`.
    """
    return lambda tokens: {"nll_oracle": float(oracle.nll(tokens).mean(dtype=np.float64))}
