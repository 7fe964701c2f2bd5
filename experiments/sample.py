"""Samples from a trained run: `python -m experiments.sample --workdir=runs/digits`.

The run's folder suffices: it holds the recipe and its config. Averaged weights (EMA) are used
unless `--noema`. A `.png` gets a grid (or, of 2-D points, a scatter), a `.npz` gets the arrays
`samples` (float32, [-1, 1]) and, where there are any, `labels`.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags

from experiments import app, assembly
from gan_jax import evaluation, parallel, pictures
from gan_jax.types import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder.", required=True)
_COUNT = flags.DEFINE_integer("count", 64, "How many samples.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the latents.")
_LABEL = flags.DEFINE_integer("label", None, "The class, of a conditional game; else all in turn.")
_INTERPOLATE = flags.DEFINE_bool("interpolate", False, "Rows of eight between pairs of latents.")
_OUT = flags.DEFINE_string("out", None, "A .png or .npz; WORKDIR/sample.png by default.")
_EMA = flags.DEFINE_bool("ema", True, "Use averaged weights.")
_STEP = flags.DEFINE_integer("step", None, "Of which checkpoint; the newest by default.")

_ARC = 8


def main() -> None:
    workdir = Path(_WORKDIR.value)
    out = Path(_OUT.value or workdir / "sample.png")
    if out.suffix not in (".png", ".npz"):
        raise UserError(f"--out={out} ends in neither .png nor .npz")
    record, config, recipe, game, step, state = assembly.load_run(workdir, _STEP.value)

    def source() -> assembly.Data:
        return assembly.make_data(recipe, config, config.data.test_split or config.data.split)

    count = _COUNT.value
    given = assembly.conditions(game, config, source, count)
    if _LABEL.value is not None:
        if game.conditions != ("label",):
            raise UserError(f"--label: {record['recipe']} is not conditioned on labels")
        if not 0 <= _LABEL.value < config.data.num_classes:
            raise UserError(f"--label={_LABEL.value} is not in 0..{config.data.num_classes - 1}")
        given = {"label": np.full(count, _LABEL.value, np.int32)}
    inputs = evaluation.draw_inputs(game, jax.random.key(_SEED.value), count, given)
    columns = None
    if _INTERPOLATE.value:
        inputs, columns = assembly.along_arcs(inputs, max(count // _ARC, 1), _ARC), _ARC
    draw = parallel.spread(game.sample, evaluation.DRAW_SIZE)
    samples = draw(state.variables(ema=_EMA.value), inputs)

    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".npz":
        arrays: dict[str, Any] = {"samples": samples}
        if "label" in inputs:
            arrays["labels"] = np.asarray(inputs["label"])
        np.savez_compressed(out, **arrays)
    elif samples.ndim == 4:
        pictures.save_png(out, pictures.grid(samples, columns))
    else:
        real = assembly.first(source(), 10_000)["x"]
        pictures.save_png(out, pictures.scatter(samples, real))
    print(f"{len(samples)} samples of step {step:,}: {out}")


if __name__ == "__main__":
    app.run(main)
