"""Pictures of samples, points and metrics: pure functions from arrays to uint8 [H, W, 3].

Images come in as float in [-1, 1] or as uint8. Nothing here is global. What suits which kind of
column, `kinds.show` knows.
"""

from gan_jax.pictures.grids import grid, neighbours, palette, rows
from gan_jax.pictures.phases import phases
from gan_jax.pictures.plots import confusion, curves, projection, scatter
from gan_jax.pictures.png import encode_png, save_png
from gan_jax.pictures.series import lines, sounds
from gan_jax.pictures.tables import marginals, shares
from gan_jax.pictures.text import legend, sections, texts

__all__ = [
    "confusion",
    "curves",
    "encode_png",
    "grid",
    "legend",
    "lines",
    "marginals",
    "neighbours",
    "palette",
    "phases",
    "projection",
    "rows",
    "save_png",
    "scatter",
    "sections",
    "shares",
    "sounds",
    "texts",
]
