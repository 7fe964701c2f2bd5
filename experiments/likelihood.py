"""How likely held-out data are: `python -m experiments.likelihood --workdir=runs/iwae`.

For a run whose game bounds log p(x) by K weighted samples, as `configs/image/iwae.py` does: the
bound, whatever K the run was trained with, and the evidence lower bound beside it; means over
examples in nats, with their standard errors. What is drawn for an example depends on the seed and
on its place in the split alone. What is told is written to `likelihood.json` too.
"""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from absl import flags
from tqdm import tqdm

from experiments import app, recipes
from experiments.figures import tell
from experiments.run_folder import Run, load_run, parse_step
from gan_jax import data, parallel, prng
from gan_jax.evaluation import Figure
from gan_jax.game import Players
from gan_jax.metrics.estimate import estimate_mean
from gan_jax.types import Batch, UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder.", required=True)
_SAMPLES = flags.DEFINE_integer("samples", 1_000, "K, of each example.", lower_bound=1)
_COUNT = flags.DEFINE_integer("count", 10_000, "Examples, at most.", lower_bound=2)
_SPLIT = flags.DEFINE_string("split", None, "Of the data; by default what the run holds out.")
_SEED = flags.DEFINE_integer("seed", 0, "Of what is drawn.")
_EMA = flags.DEFINE_bool("ema", True, "Use averaged weights.")
_STEP = flags.DEFINE_string("step", None, "Which checkpoint: a step, or 'best'; else the newest.")
_TRUST = flags.DEFINE_bool("trust", False, "Execute the folder's recipe.py though another's.")
_OUT = flags.DEFINE_string("out", None, "The JSON; WORKDIR/likelihood.json by default.")

_AT_ONCE = 500  # examples, each decoded at one sample after the other
_FIGURES = {"bound": "importance-weighted, {samples:,} samples", "elbo": "one sample"}


def main() -> None:
    run = load_run(_WORKDIR.value, parse_step(_STEP.value), trust=_TRUST.value)
    dataset = run.open(_SPLIT.value) if _SPLIT.value else run.shown()
    count = min(_COUNT.value, len(dataset))
    of_batch = parallel.map_batched(per_example(run, _SAMPLES.value), min(_AT_ONCE, count))
    players, key = run.state.variables(ema=_EMA.value), recipes.samples_key(_SEED.value)
    parts, start = [], 0
    with tqdm(total=count, desc="examples", disable=None) as bar:
        for batch in data.batches(dataset, range(count), _AT_ONCE):
            size = len(batch["x"])
            keys = prng.per_example(key, size, start)
            parts.append(of_batch(players, (batch, keys)))
            start += size
            bar.update(size)
    values = {name: np.concatenate([part[name] for part in parts]) for name in _FIGURES}
    protocol = {
        "source": _WORKDIR.value,
        "recipe": run.record["recipe"],
        "step": run.step,
        "ema": _EMA.value,
        "seed": _SEED.value,
        "data": {"source": dataset.name, "split": dataset.split, "count": count},
        "samples": _SAMPLES.value,
    }
    figures = {
        name: Figure(
            *estimate_mean(values[name].astype(np.float64)),
            "higher",
            f"nats an example, {how.format(samples=_SAMPLES.value)}; error over {count:,} examples",
        )
        for name, how in _FIGURES.items()
    }
    tell(Path(_OUT.value or run.workdir / "likelihood.json"), protocol, figures)


def per_example(run: Run, samples: int) -> Callable[[Players, tuple], dict[str, jax.Array]]:
    """`(players, (batch, keys)) -> figures` [B] of each example by itself, of so many samples.

    Raises:
      UserError: the run's game has no such bound.
    """
    if "samples" not in run.config:
        raise UserError(f"{run.record['recipe']} bounds no likelihood by `samples` of its config")
    config = run.config.copy_and_resolve_references()
    config.samples = samples
    game = recipes.make_game(run.recipe, config)

    def of_one(players: Players, example: Batch, key: jax.Array) -> dict[str, jax.Array]:
        batch, keys = jax.tree.map(lambda leaf: leaf[None], (example, key))
        found = {} if game.metrics is None else game.metrics(players, batch, keys)
        if missing := [name for name in _FIGURES if name not in found]:
            raise UserError(f"{run.record['recipe']} has no {missing[0]!r} among its figures")
        return {name: found[name] for name in _FIGURES}

    return lambda players, inputs: jax.vmap(of_one, (None, 0, 0))(players, *inputs)


if __name__ == "__main__":
    app.run(main)
