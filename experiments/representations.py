"""What codes tell of classes: `python -m experiments.representations --workdir=runs/bigan`.

The accuracy of a 1-nearest-neighbour classifier, whose references are the images trained on and
whose queries are those held out, by Euclidean distances, nothing normalised: in pixels, in the
codes of each run's encoder, and in its features, which are what its last dense layer reads; by the
encoder as trained and as it began. `--workdir` may be given several times. What is told is written
to `representations.json` too.

Adversarial Feature Learning, Donahue et al., 2017, arXiv:1605.09782, table 1. Its 97.39 % must be
of features: by the log in the README of the authors' code these have 97.35 % after 400 epochs, and
96.84 % before the first; codes have 92.10 % and 91.50 %. That code takes 50,000 references.
"""

from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import numpy as np
from absl import flags
from sklearn.neighbors import KNeighborsClassifier
from tqdm import tqdm

from experiments import app, recipes, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import data, parallel
from gan_jax.evaluation import Figure
from gan_jax.evaluation.figure import binomial
from gan_jax.game import Game, Players
from gan_jax.types import Array, UserError

_RUN = trained.define(out="representations.json", several=True)
_COUNT = flags.DEFINE_integer("count", 0, "Of either split, at most; 0 for all.", lower_bound=0)

_AT_ONCE = 1_000  # examples encoded

Examples = tuple[np.ndarray, np.ndarray]
"""Vectors `[N, D]` and their labels `[N]`."""


def main() -> None:
    runs = _RUN.load_each()
    for run in runs:
        check(run, like=runs[0])
    figures = {}
    with tqdm(total=1 + 4 * len(runs), disable=None) as bar:
        for name, references, queries in representations(runs):
            bar.set_description(name)
            figures[name] = accuracy(references, queries)
            bar.update()
    protocol = {
        "runs": {str(run.workdir): _RUN.about(run) for run in runs},
        "data": runs[0].config.data.to_dict(),
    }
    tell(_RUN.out(runs[0]), protocol, figures)


def check(run: Run, like: Run) -> None:
    """Raises a UserError where a run has no encoder, no classes, or is of other data."""
    recipe, found = run.record["recipe"], run.config.data
    if run.game.encode is None:
        raise UserError(f"{run.workdir}: {recipe} has no encoder")
    if found != like.config.data:
        raise UserError(f"{run.workdir} and {like.workdir} are of different data")
    if data.num_classes(run.open()) is None or not found.get("test_split", ""):
        raise UserError(f"{run.workdir}: {found.name} has no labels, or holds nothing out")


def representations(runs: list[Run]) -> Iterator[tuple[str, Examples, Examples]]:
    """Names, and how examples trained on and held out are represented."""
    for place, run in enumerate(runs):
        references, queries = (read(run.open(split)) for split in ("", run.config.data.test_split))
        if not place:
            yield "pixels", _flat(references), _flat(queries)
        example = data.first(run.open(), 2)
        began = recipes.make_state(run.recipe, run.config, run.game, example)
        represent = parallel.map_batched(represented_by(run.game), _AT_ONCE)
        for state, when in ((run.state, ""), (began, ", untrained")):
            players = state.variables()
            of_references, of_queries = (represent(players, x) for x, _ in (references, queries))
            for what, x in of_references.items():
                name = f"{run.workdir} {what}{when}"
                yield name, (x, references[1]), (of_queries[what], queries[1])


def read(dataset: data.Dataset) -> Examples:
    """The examples of a split, `x` as nets are shown it."""
    rows = range(min(_COUNT.value or len(dataset), len(dataset)))
    parts = [(b["x"], b["label"]) for b in data.batches(dataset, rows, _AT_ONCE)]
    x, label = map(np.concatenate, zip(*parts, strict=True))
    return x, label


def _flat(examples: Examples) -> Examples:
    x, label = examples
    return x.reshape(len(x), -1), label


def represented_by(game: Game) -> Callable[[Players, Array], dict[str, Array]]:
    """`(players, x) -> {"code": [B, Z], "features": [B, D]}`, these where a dense layer is last."""
    encode = game.encode
    assert encode is not None

    def represent(players: Players, x: Array) -> dict[str, Array]:
        read: list[Array] = []

        def look(call: Callable, args: Any, kwargs: Any, context: Any) -> Any:
            if isinstance(context.module, nn.Dense):
                read.append(args[0])
            return call(*args, **kwargs)

        with nn.intercept_methods(look):
            found = {"code": encode(players, x)}
        return found | ({"features": read[-1]} if read else {})

    return represent


def accuracy(references: Examples, queries: Examples) -> Figure:
    """The share of the queries whose nearest reference is of their class."""
    classifier = KNeighborsClassifier(1, algorithm="brute").fit(*references)
    count, dimensions = queries[0].shape
    how = f"1-NN, {len(references[0]):,} references, {count:,} queries, {dimensions:,} dimensions"
    return binomial(float(classifier.score(*queries)), count, "higher", how)


if __name__ == "__main__":
    app.run(main)
