"""Pictures of samples, points and metrics: pure functions from arrays to uint8 [H, W, 3].

Images come in as float in [-1, 1] or as uint8. Nothing here is global.
"""

from gan_jax.pictures.grids import grid, neighbours, rows
from gan_jax.pictures.plots import confusion, curves, projection, scatter
from gan_jax.pictures.png import encode_png, save_png

__all__ = [
    "confusion",
    "curves",
    "encode_png",
    "grid",
    "neighbours",
    "projection",
    "rows",
    "save_png",
    "scatter",
]
