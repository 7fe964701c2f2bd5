"""Fields of directions in the plane, and ways through them."""

from collections.abc import Sequence

import numpy as np

from gan_jax.pictures.canvas import PALETTE, SHADE, figure, frame, render

Panel = tuple[str, tuple[np.ndarray, np.ndarray], np.ndarray]
"""A title; points [N, 2] and the directions [N, 2] there; a way [T, 2]."""


def phases(panels: Sequence[Panel], columns: int) -> np.ndarray:
    """Draws a panel each: arrows of one length for directions, and a way from its dot on.

    Args:
      panels: the points of each set its limits; of a way what lies beyond is cut off.
      columns: panels beside one another.
    """
    rows = -(-len(panels) // columns)
    page = figure(2.3 * columns, 2.4 * rows)
    for place, (title, (points, directions), way) in enumerate(panels, 1):
        axes = page.add_subplot(rows, columns, place)
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        arrows = directions / np.where(lengths > 0, lengths, 1)
        axes.quiver(*points.T, *arrows.T, color=SHADE, angles="xy", scale=20, width=0.004)
        axes.plot(*way.T, color=PALETTE[0], linewidth=0.9)
        axes.plot(*way[:1].T, "o", color=PALETTE[1], markersize=4)
        low, high = points.min(axis=0), points.max(axis=0)
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        axes.set_aspect("equal")
        frame(axes, title)
    return render(page)
