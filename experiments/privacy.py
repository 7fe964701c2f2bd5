"""What a run gives away of the data it was trained on: `python -m experiments.privacy --workdir=W`.

Of a run with differential privacy, such as those of `configs/image/dpgan.py`, its ε by the noise,
the batch, the steps taken and the number of examples (`gan_jax/privacy.py` says under which
assumption). Of any run two attacks that tell examples trained on from those held out, by the area
under their curve and the share found at 1 % false positives:

- by what the run itself says of an example: the discriminator's logit, or an evidence lower bound
  (LOGAN, Hayes et al., 2019, arXiv:1705.07663);
- by the distance to the nearest of many samples, in pixels or whatever else examples are made of,
  of which the attacker needs nothing but samples (GAN-Leaks, Chen et al., 2020, arXiv:1909.03935).

No attack found is no proof. What is told is written to `privacy.json` too.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import app, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import data, metrics, parallel, privacy, prng, sampling
from gan_jax.evaluation import Figure
from gan_jax.game import Game, Players
from gan_jax.types import Array, Batch, UserError

_RUN = trained.define("Of the samples.", ema=True, out="privacy.json")
_COUNT = flags.DEFINE_integer("count", 2_000, "Members and others, at most, of each.", 2)
_SAMPLES = flags.DEFINE_integer("samples", 10_000, "Samples that examples are held against.", 1)
_DELTA = flags.DEFINE_float("delta", privacy.DELTA, "δ.", 1e-300, 1)

_SAID = ("real_logit", "elbo", "reconstruction")
"""Figures of a game that tell of an example how well it is known, the first that there is."""

_AT_ONCE = 500  # examples judged


def main() -> None:
    run = _RUN.load()
    others = run.config.data.get("test_split", "")
    if not others:
        raise UserError(f"{run.workdir}: nothing is held out to tell members from")
    sets = [read(run.open(split), _COUNT.value) for split in ("", others)]
    figures = {} if "privacy" not in run.config else {"epsilon": spent(run)}
    for name, scores in attacks(run, *sets):
        found = metrics.membership(*scores)
        how = f"{len(scores[0]):,} members, {len(scores[1]):,} others; "
        figures[f"{name}_auc"] = Figure(*found.auc, "lower", f"{how}DeLong's error; 0.5 by chance")
        figures[f"{name}_tpr"] = Figure(
            *found.true_positive_rate, "lower", f"{how}at 1 % false positives; binomial error"
        )
    protocol = {
        **_RUN.about(run),
        "samples": _SAMPLES.value,
        "splits": {"members": run.config.data.split, "others": others},
    }
    tell(_RUN.out(run), protocol, figures)


def spent(run: Run) -> Figure:
    """ε of the steps taken so far."""
    said, updates = run.config.privacy, run.game.updates("discriminator", run.step)
    settings = (said.noise_multiplier, run.config.batch_size, len(run.open()), updates)
    value = privacy.epsilon(*settings, _DELTA.value)
    how = (
        f"δ {_DELTA.value:g}, σ {settings[0]:g}, batches of {settings[1]} of {settings[2]:,}, "
        f"{updates:,} updates, by dp-accounting, as if batches were Poisson samples"
    )
    return Figure(value, None, "lower", how)


def read(dataset: data.Dataset, count: int) -> Batch:
    """Examples spread evenly over a split, as nets are shown them."""
    rows = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int)
    parts = [dict(batch) for batch in data.batches(dataset, rows.tolist(), _AT_ONCE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def attacks(
    run: Run, members: Batch, others: Batch
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Names, and scores of members and of others, higher for what looks like a member."""
    players, game = _RUN.players(run), run.game
    batch = {name: jnp.asarray(column[:1]) for name, column in members.items()}
    said = jax.eval_shape(lambda: figures_of_one(game, players, batch)) if game.metrics else {}
    if name := next((name for name in _SAID if name in said), ""):
        sign = -1 if name == "reconstruction" else 1

        def judge(players: Players, batch: Batch) -> Array:
            alone = jax.tree.map(lambda column: column[:, None], batch)
            return sign * jax.vmap(lambda one: figures_of_one(game, players, one)[name])(alone)

        score = parallel.map_batched(judge, _AT_ONCE)
        yield name, (score(players, dict(members)), score(players, dict(others)))
    if game.target in members:
        samples = draw(run, players, _SAMPLES.value)
        yield (
            "nearest_sample",
            (
                -nearest(members[game.target], samples),
                -nearest(others[game.target], samples),
            ),
        )


def figures_of_one(game: Game, players: Players, batch: Batch) -> dict[str, Array]:
    """The game's own figures of one example; where it looks at packs, of a pack of copies."""
    assert game.metrics is not None
    copies = {name: jnp.repeat(column, game.group, axis=0) for name, column in batch.items()}
    keys = prng.per_example(jax.random.key(0), game.group)
    return dict(game.metrics(players, copies, keys))


def draw(run: Run, players: Players, count: int) -> np.ndarray:
    """Samples as vectors."""
    inputs = run.inputs(_RUN.key(), range(count)).columns
    return _flat(sampling.sampler(run.game)(players, inputs))


def nearest(x: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """The distance of each example to the nearest sample."""
    distances, _ = metrics.nearest_neighbours(_flat(x), samples, 1)
    return distances[:, 0]


def _flat(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float32).reshape(len(x), -1)


if __name__ == "__main__":
    app.run(main)
