"""Samples that are made from examples, beside what each is to be."""

from collections.abc import Iterator

import numpy as np

from gan_jax import metrics
from gan_jax.data import Category, Image, Kind, Video
from gan_jax.evaluation.figure import Figure, binomial, standard_error
from gan_jax.types import UserError

_AT_ONCE = 256  # pairs of images
_MOST_DECIBELS = 100.0  # of images that are equal, so that a mean is finite
_UNCOUNTED = ("unlabelled", "void")  # classes


def pair_figures(kind: Kind, samples: np.ndarray, wanted: np.ndarray) -> dict[str, Figure]:
    """Samples beside what each is to be: of images `metrics.psnr`, `ssim` and L1 of [-1, 1].

    Of films these are means over frames; also the squared error `mse`, of values in [0, 1] summed
    over a frame, and `sharpness`, `metrics.sharpness` as a share of that of what is wanted. Of maps
    of classes `metrics.segmentation_scores`; classes called `unlabelled` or `void` are not counted.
    Of single classes accuracy.

    Args:
      kind: of both.
      samples: `[N, ...]`, as a net makes them or as they are stored.
      wanted: `[M, ...]`; the first are compared where one is longer.
    """
    count = min(len(samples), len(wanted))
    samples, wanted = samples[:count], wanted[:count]
    if isinstance(kind, Category) and wanted.ndim == 3:
        number = len(kind.classes)
        uncounted = tuple(k for k, name in enumerate(kind.classes) if name in _UNCOUNTED)
        confusion = metrics.confusion_matrix(wanted.ravel().astype(int), samples.ravel(), number)
        scores = metrics.segmentation_scores(confusion, uncounted)
        named = zip(kind.classes, scores.iou, strict=True)
        each = ", ".join(f"{name}: {iou:.3f}" for name, iou in named if not np.isnan(iou))
        how = f"of {count:,} maps"
        return {
            "mean_iou": Figure(scores.mean_iou, None, "higher", f"{how}; {each}"),
            "pixel_accuracy": Figure(scores.pixel_accuracy, None, "higher", how),
        }
    if isinstance(kind, Category) and wanted.ndim == 1:
        confusion = metrics.confusion_matrix(wanted.astype(int), samples, len(kind.classes))
        _, recall = metrics.class_precision_recall(confusion)
        named = zip(kind.classes, recall, strict=True)
        each = ", ".join(f"{name}: {share:.3f}" for name, share in named if not np.isnan(share))
        how = f"of {count:,} examples; binomial error; {each}"
        return {"accuracy": binomial(float(np.mean(wanted == samples)), count, "higher", how)}
    if not isinstance(kind, Image | Video):
        raise UserError("only images, films and classes are compared one by one")
    ours, theirs = (np.asarray(kind.to_float(kind.to_stored(x))) for x in (samples, wanted))
    if isinstance(kind, Video):
        ours, theirs = (x.reshape(-1, *x.shape[2:]) for x in (ours, theirs))
    ratio = np.minimum(metrics.psnr(ours, theirs), _MOST_DECIBELS)
    how = f"of {count:,} pairs; error of the mean"
    per_pair = lambda x: x.reshape(count, -1).mean(axis=1)
    found = {"psnr": (per_pair(ratio), "higher"), "l1": (per_pair(np.abs(ours - theirs)), "lower")}
    if min(ours.shape[1:3]) >= metrics.SSIM_WINDOW:
        parts = [metrics.ssim(*rows) for rows in _rows(ours, theirs)]
        found["ssim"] = (per_pair(np.concatenate(parts)), "higher")
    figures = {
        name: Figure(float(x.mean()), standard_error(x), better, how)
        for name, (x, better) in found.items()
    }
    return figures | (_of_films(ours, theirs, count) if isinstance(kind, Video) else {})


def _of_films(ours: np.ndarray, theirs: np.ndarray, count: int) -> dict[str, Figure]:
    """What is told of `count` films besides, from all their frames."""
    square = ((ours - theirs) / 2) ** 2
    error = square.sum(axis=(1, 2, 3), dtype=np.float64).reshape(count, -1).mean(axis=1)
    how = f"of {count:,} films, values in [0, 1], summed over a frame; error of the mean"
    share = metrics.sharpness(ours).mean() / metrics.sharpness(theirs).mean()
    return {
        "mse": Figure(float(error.mean()), standard_error(error), "lower", how),
        "sharpness": Figure(float(share), None, None, "share of that of what is wanted"),
    }


def _rows(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Equally long arrays, some examples at a time."""
    for start in range(0, len(arrays[0]), _AT_ONCE):
        yield tuple(array[start : start + _AT_ONCE] for array in arrays)
