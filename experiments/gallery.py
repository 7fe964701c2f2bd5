"""The pictures of a report, by section."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.html_page import Picture
from gan_jax import data, evaluation, metrics, pictures, sampling
from gan_jax.data import Kind
from gan_jax.evaluation import Sets
from gan_jax.game import Game, Players
from gan_jax.kinds import show
from gan_jax.types import Batch

Sections = dict[str, Sequence[Picture]]

_ARC, _ROWS, _A_CLASS, _CLASSES = 8, 6, 8, 10


def of_sets(sets: Sets, classes: Sequence[str] | None) -> Sections:
    """What samples look like beside the data; `classes` are the names of the data's."""
    kind, real, fake = sets.kind, sets.real, sets.fake
    wanted = 64 if isinstance(kind, data.Image) else show.WANTED[type(kind)]
    shown = {
        "Samples, as they were drawn": show.samples(
            kind, fake.examples[:wanted], real=real.examples
        ),
        "Real examples": show.samples(kind, real.examples[:wanted]),
    }
    sections: Sections = {"Samples": [Picture(image, title) for title, image in shown.items()]}
    if isinstance(kind, data.Image):
        if fake.logits is not None:
            sections["Samples by class"] = [_by_class(sets)]
        sections["Nearest real examples"] = [_neighbours(sets)]
    if fake.features.shape[1] > 2 and not isinstance(kind, data.Tokens | data.Category):
        features = real.features[: evaluation.KEPT], fake.features[: evaluation.KEPT]
        sections["Features"] = [
            Picture(pictures.projection(*features, method="pca", seed=sets.seed), "PCA"),
            Picture(pictures.projection(*features, method="tsne", seed=sets.seed), "t-SNE"),
        ]
    if fake.logits is not None and sets.class_label is not None:
        read, number = fake.logits.argmax(axis=1), fake.logits.shape[1]
        matrix = metrics.confusion_matrix(sets.class_label, read, number)
        caption = "Class asked for (rows) and read by the extractor (columns)"
        sections["Obedience"] = [Picture(pictures.confusion(matrix, classes), caption)]
    return sections


def of_history(history: Sequence[Mapping[str, Any]]) -> Sections:
    """The curves of a training log; nothing of an empty one."""
    if not history:
        return {}
    caption = "The metrics of the training log, by step"
    return {"Curves": [Picture(pictures.curves(list(history)), caption)]}


def of_latents(game: Game, kind: Kind, players: Players, inputs: Batch) -> Sections:
    """Samples on arcs between latents; nothing where there are none, or a game shows strips.

    Args:
      game: the game.
      kind: of its samples.
      players: their variables.
      inputs: what samples are made from, as `sampling.draw_inputs` gives them, 2 at least.
    """
    if "latent" not in inputs or game.show is not None:
        return {}
    arcs = sampling.along_arcs(inputs, min(_ROWS, len(inputs["latent"])), _ARC)
    image = show.samples(kind, sampling.sampler(game)(players, arcs), columns=_ARC)
    return {"Interpolation": [Picture(image, "On great arcs")]}


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
