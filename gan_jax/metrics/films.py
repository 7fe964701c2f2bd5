"""Films: whether what is seen stays itself, and whether it moves."""

from typing import NamedTuple

import numpy as np

_GROUND = 0.25  # of the brightest there can be, and below it is nothing to be seen


class Foreground(NamedTuple):
    """What is seen before a dark ground, in each frame.

    Attributes:
      colour: float64 `[N, T, C]`, its mean, 0 to 255; zeros where all is dark.
      place: float64 `[N, T, 2]`, its middle, in pixels down and across; the frame's where all is
        dark.
    """

    colour: np.ndarray
    place: np.ndarray


def foreground(films: np.ndarray) -> Foreground:
    """The mean colour and the middle of all pixels that are a quarter as bright as can be, or more.

    A pixel is as bright as its brightest channel, and counts by that.

    Args:
      films: `[N, T, H, W, C]`, floats in [-1, 1].
    """
    height, width = films.shape[2:4]
    down, across = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    colours, places = [], []
    for film in films:
        value = (np.asarray(film, np.float64) + 1) / 2
        weight = value.max(axis=-1)
        weight = np.where(weight >= _GROUND, weight, 0.0)
        total = np.maximum(weight.sum(axis=(1, 2)), 1e-9)[:, None]
        colours.append(255 * np.einsum("thw,thwc->tc", weight, value) / total)
        moments = [(weight * axis).sum(axis=(1, 2)) for axis in (down, across)]
        places.append(np.stack(moments, axis=-1) / total + np.array([height - 1, width - 1]) / 2)
    return Foreground(np.stack(colours), np.stack(places))


def content_distance(features: np.ndarray) -> np.ndarray:
    """The mean Euclidean distance of the features of two frames of a film, over all pairs.

    A film that stands still has none: see `motion_distance` beside it. MoCoGAN: Decomposing Motion
    and Content for Video Generation, Tulyakov et al., 2018, arXiv:1707.04993, whose average content
    distance is that of a shape's colours.

    Args:
      features: `[N, T, D]`, T at least 2.

    Returns:
      float64 `[N]`, in the unit of the features.
    """
    one, other = np.triu_indices(features.shape[1], 1)
    features = np.asarray(features, np.float64)
    return np.linalg.norm(features[:, one] - features[:, other], axis=-1).mean(axis=1)


def motion_distance(places: np.ndarray, order: int = 1) -> np.ndarray:
    """The mean length of the way from a frame to the next, or of a difference of higher order.

    Args:
      places: `[N, T, D]`.
      order: 1 for the way, 2 for its change, which is large beside it where things jump about.

    Returns:
      float64 `[N]`, in the unit of the places.
    """
    steps = np.diff(np.asarray(places, np.float64), n=order, axis=1)
    return np.linalg.norm(steps, axis=-1).mean(axis=1)
