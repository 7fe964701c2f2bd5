"""How likely held-out data are: `python -m experiments.likelihood --workdir=runs/iwae`.

For a run whose game bounds log p(x) by K weighted samples, as `configs/image/iwae.py` does: the
bound, whatever K the run was trained with, and the evidence lower bound beside it; means over
examples in nats, with their standard errors. What is drawn for an example depends on the seed and
on its place in the split alone. What is told is written to `likelihood.json` too.
"""

from collections.abc import Callable

import jax
import numpy as np
from absl import flags
from tqdm import tqdm

from experiments import app, recipes, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import data, parallel, prng
from gan_jax.evaluation import Figure
from gan_jax.game import Players
from gan_jax.metrics.estimate import estimate_mean
from gan_jax.types import Batch, UserError

_RUN = trained.define("Of what is drawn.", ema=True, out="likelihood.json")
_SAMPLES = flags.DEFINE_integer("samples", 1_000, "K, of each example.", lower_bound=1)
_COUNT = flags.DEFINE_integer("count", 10_000, "Examples, at most.", lower_bound=2)
_SPLIT = flags.DEFINE_string("split", None, "Of the data; by default what the run holds out.")

_AT_ONCE = 500  # examples, each decoded at one sample after the other
_FIGURES = {"bound": "importance-weighted, {samples:,} samples", "elbo": "one sample"}


def main() -> None:
    run = _RUN.load()
    dataset = run.open(_SPLIT.value) if _SPLIT.value else run.shown()
    count = min(_COUNT.value, len(dataset))
    of_batch = parallel.map_batched(per_example(run, _SAMPLES.value), min(_AT_ONCE, count))
    players, key = _RUN.players(run), _RUN.key()
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
        **_RUN.about(run),
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
    tell(_RUN.out(run), protocol, figures)


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
