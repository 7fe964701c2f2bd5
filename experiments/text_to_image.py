"""How well images obey their captions: `python -m experiments.text_to_image --workdir=runs/text`.

R-precision, in percent: how often an encoder that training has not seen puts an image's own caption
above 99 others, all of them different; of samples, and of data beside them. The encoder is trained
here, by contrast, on the run's training data. A recipe's own figures come with it. What is told is
written to `text_to_image.json` too. The folder's recipe is executed.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import flags

from experiments import app, recipes, trained
from experiments.figures import keep
from experiments.run_folder import Run
from gan_jax import algorithms, data, metrics, nets, parallel, sampling
from gan_jax.evaluation import Figure
from gan_jax.step import GameState, init_state, train_step
from gan_jax.types import Array, Batch, UserError

_RUN = trained.define("Of latents, the encoder and the other captions.", out="text_to_image.json")
_SPLITS = flags.DEFINE_list(
    "splits",
    None,
    "Of the data, captions are taken from; by default what the run holds out, and of scenes "
    "combinations that training lacks.",
)
_STEPS = flags.DEFINE_integer("steps", 2_000, "Of the encoder's training.", lower_bound=1)
_COUNT = flags.DEFINE_integer("count", 1_000, "Captions of a split at most.", lower_bound=1)
_AMONG = flags.DEFINE_integer("among", 100, "Captions to choose from.", lower_bound=2)

_BATCH = 128


def main() -> None:
    run = _RUN.load()
    if not isinstance(run.kinds.get("caption"), data.Tokens):
        raise UserError(f"{run.record['recipe']} has no captions")
    players, key = _RUN.players(run), _RUN.key()
    held_out = [run.config.data.test_split, *["unseen"] * (run.config.data.name == "scenes")]
    opened = {split: run.open(split) for split in _SPLITS.value or held_out}
    figures: dict[str, Figure] = {}
    encode = encoder(run, _STEPS.value, _RUN.seed)
    print("| captions of | different | samples | data |\n|---|---:|---:|---:|")
    for split, dataset in opened.items():
        columns = data.first(dataset, min(_COUNT.value, len(dataset)))
        _, rows = np.unique(np.asarray(columns["caption"]), axis=0, return_index=True)
        asked = {"caption": np.asarray(columns["caption"])[rows]}
        inputs = sampling.draw_inputs(run.game, key, len(rows), asked)
        images = sampling.sampler(run.game)(players, inputs)
        cells, how = [], f"percent of {len(rows):,} captions, among {_AMONG.value}"
        for of, x in {"samples": images, "data": np.asarray(columns["x"])[rows]}.items():
            codes = encode({"x": x, **asked})
            scores = codes[:, 0] @ codes[:, 1].T
            cells.append(100 * metrics.recall_of_own(scores, _AMONG.value, _RUN.seed))
            figures[f"{split}, {of}"] = Figure(cells[-1], None, "higher", how)
        print(f"| {split} | {len(rows)} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    for evaluate in recipes.call(run.recipe, "make_evaluators", run.config, run.game, None, None):
        own = {name: 100 * value for name, value in evaluate(players).items()}
        figures |= {n: Figure(v, None, "higher", "percent, the recipe's") for n, v in own.items()}
        print(", ".join(f"{name} {value:.1f}" for name, value in own.items()))
    protocol = {**_RUN.about(run), "data": run.config.data.to_dict(), "steps": _STEPS.value}
    keep(_RUN.out(run), protocol, figures)


def encoder(run: Run, steps: int, seed: int) -> Callable[[Batch], np.ndarray]:
    """`columns -> codes [N, 2, E]`, trained on the run's data."""
    train = data.materialise(run.open())
    words = run.kinds["caption"].vocabulary  # type: ignore[attr-defined]
    game = algorithms.contrastive(nets.captions.PairEncoder(len(words)))
    stored = {name: jnp.asarray(train.columns[name]) for name in ("x", "caption")}
    floats = lambda rows: {n: train.kinds[n].to_float(column[rows]) for n, column in stored.items()}
    adam = optax.adam(optax.cosine_decay_schedule(1e-3, steps))
    state = init_state(game, {"encoder": adam}, jax.random.key(seed), floats(np.arange(2)))

    @partial(jax.jit, donate_argnums=0)
    def play(state: GameState, rows: Array) -> GameState:
        return train_step(game, state, jax.tree.map(lambda x: x[None], floats(rows)))[0]

    for i in range(steps):
        state = play(state, data.order(len(train), seed=seed, start=_BATCH * i, count=_BATCH))
    players = {"encoder": state.players["encoder"].variables}
    codes = parallel.map_batched(game.sample, sampling.DRAW_SIZE)
    return lambda columns: np.asarray(codes(players, columns))


if __name__ == "__main__":
    app.run(main)
