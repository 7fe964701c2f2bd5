"""What of a caption an image shows: colours, shapes and how things stand to one another."""

from collections.abc import Sequence

import numpy as np

Found = Sequence[tuple[tuple[str, ...], tuple[float, float]]]
"""The attributes of each thing in an image, and its middle, rightwards and downwards."""


def attributes_right(
    found: Found, things: Sequence[tuple[str, ...]], direction: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """Which of the attributes that were asked for an image has.

    Of two things, whichever way of taking the two largest found for them is right in more.

    Args:
      found: the things of the image, the largest first.
      things: one or two that were asked for, each of so many attributes.
      direction: where the first is to lie, seen from the second, along one axis.

    Returns:
      Booleans: each attribute of each thing, and of two the direction: that the distance along the
      axis is of the right sign and the larger. A thing that is not there has none.
    """
    best = np.zeros(sum(map(len, things)) + (len(things) > 1), bool)
    places = [(0,)] if len(things) == 1 else [(0, 1), (1, 0)]
    for order in places:
        taken = [found[place] if place < len(found) else None for place in order]
        right = [
            taken is not None and mine == asked
            for taken, thing in zip(taken, things, strict=True)
            for mine, asked in zip(taken[0] if taken else thing, thing, strict=True)
        ]
        if len(things) > 1:
            ends = [one[1] for one in taken if one is not None]
            apart = np.subtract(ends[0], ends[1]) if len(ends) == 2 else np.zeros(2)
            along = float(np.dot(apart, direction))
            right.append(along > 0 and along >= np.max(np.abs(apart)))
        best = max(best, np.array(right), key=np.sum)
    return best
