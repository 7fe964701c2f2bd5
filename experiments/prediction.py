"""Next frames beside the last seen: `python -m experiments.prediction --workdir=runs/prediction`.

One table has the figures of `evaluation.pair_figures` on films held out, and the gradient
difference, of copies of the last frame seen and of each run; another the squared error and the
structural similarity by how far a frame lies ahead. The GIF, of the first run, shows what was seen,
then beside each other what came and what was foretold; what is told is written to a JSON beside it.
"""

from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import app, trained
from experiments.figures import keep
from gan_jax import data, evaluation, losses, sampling
from gan_jax.evaluation import Figure
from gan_jax.evaluation.figure import standard_error
from gan_jax.kinds import write
from gan_jax.types import UserError

_RUN = trained.define("Of a generator's noise.", several=True)
_COUNT = flags.DEFINE_integer("count", 500, "Films, at most.", lower_bound=2)
_OUT = flags.DEFINE_string("out", None, "The GIF; WORKDIR/prediction.gif by default.")

_COLUMNS = ("mse", "psnr", "ssim", "gradient_difference", "sharpness")
_BY_FRAME = ("mse", "ssim")
_GAP = 2  # pixels between two films


def main() -> None:
    runs = _RUN.load_each()
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
        inputs = sampling.draw_inputs(run.game, _RUN.key(), len(past), {"source": past})
        made[str(run.workdir)] = sampling.sampler(run.game)(_RUN.players(run), inputs)
    print(f"{shown.name}, {shown.split}: {len(past):,} films, {past.shape[1]} frames seen\n")
    print(f"| foretold by | {' | '.join(_COLUMNS)} |\n|---|{'---:|' * len(_COLUMNS)}")
    kept: dict[str, Figure] = {}
    for name, frames in made.items():
        told = figures(kind, frames, future)
        kept |= {f"{name}, {column}": figure for column, figure in told.items()}
        print(f"| {name} | {' | '.join(cell(told.get(column)) for column in _COLUMNS)} |")
    ahead = range(1, future.shape[1] + 1)
    print(f"\n| frames ahead | {' | '.join(map(str, ahead))} |\n|---|{'---:|' * len(ahead)}")
    for figure in _BY_FRAME:
        for name, frames in made.items():
            each = [figures(kind, frames[:, [t - 1]], future[:, [t - 1]]) for t in ahead]
            kept |= {
                f"{name}, {figure}, {t} ahead": told[figure]
                for t, told in zip(ahead, each, strict=True)
                if figure in told
            }
            values = (cell(told.get(figure)).split()[0] for told in each)
            print(f"| {figure}, {name} | {' | '.join(values)} |")
    out = Path(_OUT.value or runs[0].workdir / "prediction.gif")
    write.samples(out, kind, beside(past, future, made[str(runs[0].workdir)]))
    print(f"\n{out}")
    about = {"source": shown.name, "split": shown.split, "count": len(past)}
    protocol = {"runs": {str(run.workdir): _RUN.about(run) for run in runs}, "data": about}
    keep(out.with_suffix(".json"), protocol, kept)


def figures(kind: data.Kind, made: np.ndarray, wanted: np.ndarray) -> Mapping[str, Figure]:
    """What is told of films, by name."""
    edges = np.asarray(losses.gradient_difference(jnp.asarray(made), jnp.asarray(wanted)))
    how = f"mean of {len(edges):,} films, and its standard error"
    edge = Figure(float(edges.mean()), standard_error(edges), "lower", how)
    return {**evaluation.pair_figures(kind, made, wanted), "gradient_difference": edge}


def cell(figure: Figure | None) -> str:
    """A figure in a table."""
    if figure is None:
        return "-"
    return f"{figure.value:.4g}" + ("" if figure.error is None else f" ± {figure.error:.2g}")


def beside(past: np.ndarray, future: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Films of what was seen, twice, and then of what came, on the left, and what was foretold."""
    true, foretold = (np.concatenate([past, part], axis=1) for part in (future, made))
    gap = np.ones((*true.shape[:3], _GAP, true.shape[-1]), true.dtype)
    return np.concatenate([true, gap, foretold], axis=3)


if __name__ == "__main__":
    app.run(main)
