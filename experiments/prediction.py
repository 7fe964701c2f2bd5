"""Next frames beside the last seen: `python -m experiments.prediction --workdir=runs/prediction`.

One table has the figures of `evaluation.pair_figures` on films held out, and the gradient
difference, of copies of the last frame seen and of each run; another the squared error and the
structural similarity by how far a frame lies ahead. The GIF, of the first run, shows what was seen,
then beside each other what came and what was foretold.
"""

from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import app, recipes
from experiments.run_folder import load_run, parse_step
from gan_jax import data, evaluation, losses, sampling
from gan_jax.kinds import write
from gan_jax.types import UserError

_WORKDIR = flags.DEFINE_multi_string("workdir", None, "A run's folder, or several.", required=True)
_COUNT = flags.DEFINE_integer("count", 500, "Films, at most.", lower_bound=2)
_SEED = flags.DEFINE_integer("seed", 0, "Of a generator's noise.")
_STEP = flags.DEFINE_string("step", None, "Which checkpoint: a step, or 'best'; else the newest.")
_TRUST = flags.DEFINE_bool("trust", False, "Execute the folder's recipe.py though another's.")
_OUT = flags.DEFINE_string("out", None, "The GIF; WORKDIR/prediction.gif by default.")

_COLUMNS = ("mse", "psnr", "ssim", "gradient_difference", "sharpness")
_BY_FRAME = ("mse", "ssim")
_GAP = 2  # pixels between two films


def main() -> None:
    step = parse_step(_STEP.value)
    runs = [load_run(folder, step, trust=_TRUST.value) for folder in _WORKDIR.value]
    shown, kind = runs[0].shown(), runs[0].kinds["x"]
    films = data.first(shown, min(_COUNT.value, len(shown)))
    for run in runs:
        there = data.first(run.shown(), 1)
        if not isinstance(run.kinds.get("source"), data.Video):
            raise UserError(f"{run.workdir}: {run.record['recipe']} foretells no frames")
        if any(there[name].shape[1:] != films[name].shape[1:] for name in ("source", "x")):
            raise UserError(f"{run.workdir}: its films are not those of {runs[0].workdir}")
    past, future = films["source"], films["x"]
    made = {"the last frame": np.broadcast_to(past[:, -1:], future.shape)}
    for run in runs:
        key = recipes.samples_key(_SEED.value)
        inputs = sampling.draw_inputs(run.game, key, len(past), {"source": past})
        made[str(run.workdir)] = sampling.sampler(run.game)(run.state.variables(), inputs)
    print(f"{shown.name}, {shown.split}: {len(past):,} films, {past.shape[1]} frames seen\n")
    print(f"| foretold by | {' | '.join(_COLUMNS)} |\n|---|{'---:|' * len(_COLUMNS)}")
    for name, frames in made.items():
        told = figures(kind, frames, future)
        print(f"| {name} | {' | '.join(told.get(column, '-') for column in _COLUMNS)} |")
    ahead = range(1, future.shape[1] + 1)
    print(f"\n| frames ahead | {' | '.join(map(str, ahead))} |\n|---|{'---:|' * len(ahead)}")
    for figure in _BY_FRAME:
        for name, frames in made.items():
            each = (figures(kind, frames[:, [t - 1]], future[:, [t - 1]]) for t in ahead)
            values = (told.get(figure, "-").split()[0] for told in each)
            print(f"| {figure}, {name} | {' | '.join(values)} |")
    out = Path(_OUT.value or runs[0].workdir / "prediction.gif")
    write.samples(out, kind, beside(past, future, made[str(runs[0].workdir)]))
    print(f"\n{out}")


def figures(kind: data.Kind, made: np.ndarray, wanted: np.ndarray) -> Mapping[str, str]:
    """What the tables show of films, by name."""
    told = evaluation.pair_figures(kind, made, wanted)
    edges = np.asarray(losses.gradient_difference(jnp.asarray(made), jnp.asarray(wanted)))
    found = {name: (figure.value, figure.error) for name, figure in told.items()}
    found["gradient_difference"] = (edges.mean(), edges.std(ddof=1) / np.sqrt(len(edges)))
    return {
        name: f"{value:.4g}" + ("" if error is None else f" ± {error:.2g}")
        for name, (value, error) in found.items()
    }


def beside(past: np.ndarray, future: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Films of what was seen, twice, and then of what came, on the left, and what was foretold."""
    true, foretold = (np.concatenate([past, part], axis=1) for part in (future, made))
    gap = np.ones((*true.shape[:3], _GAP, true.shape[-1]), true.dtype)
    return np.concatenate([true, gap, foretold], axis=3)


if __name__ == "__main__":
    app.run(main)
