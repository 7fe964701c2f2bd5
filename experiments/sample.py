"""Samples from a trained run: `python -m experiments.sample --workdir=runs/dcgan`.

The run's folder suffices: it holds the recipe, which is executed, and its config. Averaged weights
(EMA) are used unless `--noema`. What is written goes by the suffix of `--out`: `.png` (what data of
the kind look like), `.gif` (video), `.wav` (audio), `.txt` (text), `.csv` (tables, points), `.npz`
(the arrays `samples` and, where there are any, `labels` and what else they were made from).
"""

from pathlib import Path

import numpy as np
from absl import flags

from experiments import app, recipes
from experiments.run_folder import Run, load_run, parse_step
from gan_jax import data, sampling
from gan_jax.kinds import write
from gan_jax.types import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder.", required=True)
_COUNT = flags.DEFINE_integer("count", 64, "How many samples.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the latents.")
_LABEL = flags.DEFINE_integer("label", None, "The class, of a conditional game; else all in turn.")
_TEXT = flags.DEFINE_string("text", None, "The caption, of a game that has such.")
_INTERPOLATE = flags.DEFINE_bool("interpolate", False, "Rows of eight between pairs of latents.")
_OUT = flags.DEFINE_string(
    "out", None, "A file, whose suffix must suit the kind; WORKDIR/sample.* as suits by default."
)
_EMA = flags.DEFINE_bool("ema", True, "Use averaged weights.")
_STEP = flags.DEFINE_string("step", None, "Which checkpoint: a step, or 'best'; else the newest.")
_REVERSE = flags.DEFINE_bool("reverse", False, "The other way, from b to a, of a CycleGAN.")
_STANDING = flags.DEFINE_integer(
    "standing", 0, "Batches whose statistics stand in place of running averages.", lower_bound=0
)
_TRUST = flags.DEFINE_bool("trust", False, "Execute the folder's recipe.py though another's.")

_ARC = 8


def main() -> None:
    workdir = Path(_WORKDIR.value)
    run = load_run(workdir, parse_step(_STEP.value), trust=_TRUST.value, reverse=_REVERSE.value)
    run = run.standing(_STANDING.value, ema=_EMA.value)
    kind = run.kinds[run.game.target]
    out = Path(_OUT.value or workdir / f"sample{write.default_suffix(kind)}")
    suffix = write.check_suffix(out, kind)

    inputs = run.inputs(recipes.samples_key(_SEED.value), range(_COUNT.value), _LABEL.value).columns
    if _TEXT.value is not None:
        inputs = {**inputs, **captioned(run, _TEXT.value, _COUNT.value)}
    columns = None
    if _INTERPOLATE.value:
        inputs = sampling.along_arcs(inputs, max(_COUNT.value // _ARC, 1), _ARC)
        columns = _ARC
    samples = sampling.sampler(run.game)(run.state.variables(ema=_EMA.value), inputs)

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
