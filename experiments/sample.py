"""Samples from a trained run: `python -m experiments.sample --workdir=runs/dcgan`.

The run's folder suffices: it holds the recipe, which is executed, and its config. Averaged weights
(EMA) are used unless `--noema`. What is written goes by the suffix of `--out`: `.png` (what data of
the kind look like), `.gif` (video), `.wav` (audio), `.txt` (text), `.csv` (tables, points), `.npz`
(the arrays `samples` and, where there are any, `labels` and what else they were made from).
"""

from pathlib import Path

import numpy as np
from absl import flags

from experiments import app, trained
from experiments.run_folder import Run
from gan_jax import data, sampling
from gan_jax.kinds import write
from gan_jax.types import UserError

_RUN = trained.define("Of the latents.", ema=True, reverse=True, samples=True)
_COUNT = flags.DEFINE_integer(
    "count", 64, "How many samples; whole rows of eight of --interpolate.", lower_bound=1
)
_LABEL = flags.DEFINE_integer("label", None, "The class, of a conditional game; else all in turn.")
_TEXT = flags.DEFINE_string("text", None, "The caption, of a game that has such.")
_INTERPOLATE = flags.DEFINE_bool("interpolate", False, "Rows of eight between pairs of latents.")
_OUT = flags.DEFINE_string(
    "out", None, "A file, whose suffix must suit the kind; WORKDIR/sample.* as suits by default."
)

_ARC = 8


def main() -> None:
    run = _RUN.load()
    kind = run.kinds[run.game.target]
    out = Path(_OUT.value or run.workdir / f"sample{write.default_suffix(kind)}")
    suffix = write.check_suffix(out, kind)

    inputs = run.inputs(_RUN.key(), range(_COUNT.value), _LABEL.value).columns
    if _TEXT.value is not None:
        inputs = {**inputs, **captioned(run, _TEXT.value, _COUNT.value)}
    columns = None
    if _INTERPOLATE.value:
        inputs = sampling.along_arcs(inputs, max(_COUNT.value // _ARC, 1), _ARC)
        columns = _ARC
    samples = sampling.sampler(run.game)(_RUN.players(run), inputs)

    picture = None
    if suffix == ".png":
        picture = sampling.pictured(run.game, kind, run.shown)(samples, columns)
    extras = {name: np.asarray(inputs[name]) for name in run.game.conditions}
    write.samples(out, kind, samples, extras=extras, picture=picture)
    print(f"{len(samples)} samples of step {run.step:,}: {out}")


def captioned(run: Run, text: str, count: int) -> dict[str, np.ndarray]:
    """The column of captions of a run, each this text."""
    for name in run.game.conditions:
        kind = run.kinds[name]
        if isinstance(kind, data.Tokens):
            (length,) = run.record["columns"][name]["shape"]
            return {name: np.tile(kind.tokens(text, length), (count, 1))}
    raise UserError(f"--text: {run.record['recipe']} is not conditioned on captions")


if __name__ == "__main__":
    app.run(main)
