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

import functools
from collections.abc import Iterator

import jax
import numpy as np
from absl import flags

from experiments import app, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import data, judging, metrics, parallel, privacy, sampling
from gan_jax.evaluation import Figure
from gan_jax.game import Players
from gan_jax.types import Array, Batch, UserError

_RUN = trained.define("Of the samples.", ema=True, out="privacy.json")
_COUNT = flags.DEFINE_integer("count", 2_000, "Members and others, at most, of each.", 2)
_SAMPLES = flags.DEFINE_integer("samples", 10_000, "Samples that examples are held against.", 1)
_DELTA = flags.DEFINE_float("delta", privacy.DELTA, "δ.", 1e-300, 1)

_SAID = (judging.LOGIT, "elbo", "reconstruction")
"""Figures of a game that tell of an example how well it is known, the first that there is."""


def main() -> None:
    run = _RUN.load()
    others = run.config.data.get("test_split", "")
    if not others:
        raise UserError(f"{run.workdir}: nothing is held out to tell members from")
    sets = [data.spread(run.open(split), _COUNT.value) for split in ("", others)]
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


def attacks(
    run: Run, members: Batch, others: Batch
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Names, and scores of members and of others, higher for what looks like a member."""
    players, game = _RUN.players(run), run.game
    few = {name: column[:1] for name, column in members.items()}
    said = functools.partial(judging.figures_of_each, game)
    known = jax.eval_shape(said, players, few)
    if name := next((name for name in _SAID if name in known), ""):
        sign = -1 if name == "reconstruction" else 1

        def judge(players: Players, batch: Batch) -> Array:
            return sign * said(players, batch)[name]

        score = parallel.map_batched(judge, judging.JUDGE_SIZE)
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
