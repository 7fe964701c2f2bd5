"""Films by themselves: what stays alike in them, and what moves."""

import numpy as np

from gan_jax import metrics
from gan_jax.data import Kind
from gan_jax.evaluation.figure import Figure, standard_error


def film_figures(kind: Kind, films: np.ndarray) -> dict[str, Figure]:
    """How much the foreground of films changes its colour, how far it moves, how it jumps about.

    They say most of one bright thing before a dark ground; of other films hold them against those
    of the data. See `metrics.foreground`, `content_distance` and `motion_distance`.

    Args:
      kind: of the films.
      films: `[N, T, H, W, C]`, as a net makes them or as they are stored; of two frames there is no
        acceleration, of one nothing.
    """
    if films.shape[1] < 2:
        return {}
    seen = metrics.foreground(np.asarray(kind.to_float(kind.to_stored(films))))
    how = f"of the foreground of {len(films):,} films; error of the mean"
    content = "mean distance of its colours, 0 to 255, in two frames"
    told: dict[str, tuple[np.ndarray, str | None, str]] = {
        "content_distance": (metrics.content_distance(seen.colour), "lower", content),
        "motion_distance": (metrics.motion_distance(seen.place), None, "pixels a frame"),
    }
    if films.shape[1] > 2:
        jumps = metrics.motion_distance(seen.place, 2)
        told["acceleration"] = (jumps, None, "pixels a frame²")
    return {
        name: Figure(float(x.mean()), standard_error(x), better, f"{what} {how}")
        for name, (x, better, what) in told.items()
    }
