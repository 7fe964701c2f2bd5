"""The pictures of a report, by section."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from experiments import assembly
from experiments.report import Picture
from gan_jax import data, evaluation, metrics, parallel, pictures
from gan_jax.evaluation import Sets

Sections = dict[str, Sequence[Picture]]

_ARC, _ROWS, _A_CLASS, _CLASSES = 8, 6, 8, 10


def of_sets(sets: Sets, label_names: Sequence[str] | None) -> Sections:
    """What samples look like beside the data."""
    real, fake = sets.real, sets.fake
    sections: Sections = {}
    if fake.examples.ndim == 4:
        sections["Samples"] = [
            Picture(pictures.grid(fake.examples[:64]), "Samples, as they were drawn"),
            Picture(pictures.grid(real.examples[:64]), "Real examples"),
        ]
        if fake.logits is not None:
            sections["Samples by class"] = [_by_class(sets)]
        sections["Nearest real examples"] = [_neighbours(sets)]
    elif fake.examples.ndim == 2 and fake.examples.shape[1] == 2:
        shown = Picture(pictures.scatter(fake.examples, real.examples), "Samples over real points")
        sections["Samples"] = [shown]
    if fake.features.shape[1] > 2:
        features = real.features[: evaluation.KEPT], fake.features[: evaluation.KEPT]
        sections["Features"] = [
            Picture(pictures.projection(*features, method="pca", seed=sets.seed), "PCA"),
            Picture(pictures.projection(*features, method="tsne", seed=sets.seed), "t-SNE"),
        ]
    if fake.logits is not None and sets.class_label is not None:
        read, number = fake.logits.argmax(axis=1), fake.logits.shape[1]
        matrix = metrics.confusion_matrix(sets.class_label, read, number)
        caption = "Class asked for (rows) and read by the extractor (columns)"
        sections["Obedience"] = [Picture(pictures.confusion(matrix, label_names), caption)]
    return sections


def of_run(run: assembly.Run, history: Sequence[Mapping[str, Any]], *, ema: bool) -> Sections:
    """What a run's latents and its log tell."""
    sections: Sections = {}
    if run.config.data.resolution and run.game.show is None:
        sections["Interpolation"] = [_arcs(run, ema)]
    if history:
        caption = "The metrics of the training log, by step"
        sections["Curves"] = [Picture(pictures.curves(list(history)), caption)]
    return sections


def _by_class(sets: Sets) -> Picture:
    """A row a class, as the extractor reads the samples."""
    fake = sets.fake
    assert fake.logits is not None
    read = fake.logits[: len(fake.examples)].argmax(axis=1)
    blank = np.full((1, *fake.examples.shape[1:]), 255, np.uint8)
    rows = []
    for k in range(min(fake.logits.shape[1], _CLASSES)):
        found = fake.examples[read == k][:_A_CLASS]
        rows += [found, np.repeat(blank, _A_CLASS - len(found), axis=0)]
    return Picture(pictures.grid(np.concatenate(rows), _A_CLASS), "A row a class, as they are read")


def _neighbours(sets: Sets) -> Picture:
    """Samples beside the examples of the data, among those kept, that are nearest in features."""
    kept = len(sets.real.examples)
    shown, references = sets.fake.features[:_ROWS], sets.real.features[:kept]
    _, nearest = metrics.nearest_neighbours(shown, references, 6)
    image = pictures.neighbours(sets.fake.examples[:_ROWS], sets.real.examples[nearest])
    return Picture(image, f"Samples, and the nearest in features of {kept:,} real examples")


def _arcs(run: assembly.Run, ema: bool) -> Picture:
    source: Callable[[], assembly.Data] = lambda: assembly.make_data(
        run.recipe, run.config, run.config.data.split
    )
    given = assembly.conditions(run.game, run.config, source, 2 * _ROWS)
    inputs = evaluation.draw_inputs(run.game, jax.random.key(1), 2 * _ROWS, given)
    arcs = assembly.along_arcs(inputs, _ROWS, _ARC)
    samples = parallel.spread(run.game.sample, evaluation.DRAW_SIZE)(
        run.state.variables(ema=ema), arcs
    )
    return Picture(pictures.grid(np.asarray(data.to_uint8(samples)), _ARC), "On great arcs")
