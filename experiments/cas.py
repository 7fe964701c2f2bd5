"""What samples are worth as training data: `python -m experiments.cas --workdir=runs/acgan`.

A classifier is trained on samples from the beginning, as the project's own is on the data (which
see in `extractors.classifier`: net, updates and all), and tested on held-out data; beside it the
classifier that was trained on the data. Samples are asked for in the shares of the data's classes.
What is told is written to `cas.json` too.

Classification Accuracy Score for Conditional Generative Models, Ravuri & Vinyals, 2019,
arXiv:1905.10887.
"""

import numpy as np
from absl import flags
from tqdm import tqdm

from experiments import app, recipes, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import cache, data, evaluation, extractors, sampling
from gan_jax.evaluation.figure import binomial
from gan_jax.types import UserError

_RUN = trained.define("Of the latents.", ema=True, out="cas.json")
_COUNT = flags.DEFINE_integer("count", 0, "Samples; 0 for as many as there are data.", 0)


def main() -> None:
    run = _RUN.load()
    held_out_split = run.config.data.get("test_split", "")
    if run.game.conditions != ("label",) or not held_out_split:
        raise UserError(f"{run.workdir}: needs labels to ask for, and data that are held out")
    real, held_out = (data.select(run.open(s), x=run.game.target) for s in ("", held_out_split))
    samples = draw(run, real, _COUNT.value or len(real))
    settings = recipes.classifier_settings(run.config)
    figures, trained = {}, {}
    for name, dataset in (("cas", samples), ("cas_ceiling", real)):
        made = extractors.classifier(
            dataset,
            settings=settings,
            cache=cache.default_folder(),
            held_out=held_out,
            report=print,
        )
        how = f"trained on {len(dataset):,} examples of {dataset.name}; binomial error"
        better = "higher" if dataset is samples else None
        figures[name] = binomial(made.protocol["accuracy"], len(held_out), better, how)
        trained[name] = dict(made.protocol)
    protocol = {
        **_RUN.about(run),
        "real": {"source": held_out.name, "split": held_out.split, "count": len(held_out)},
        "classifiers": trained,
    }
    tell(_RUN.out(run), protocol, figures)


def draw(run: Run, real: data.Dataset, count: int) -> data.ArrayDataset:
    """Samples and the labels they were asked for, as data are stored."""
    kind, label = real.kinds["x"], evaluation.labels_to_ask_for(real, count, seed=_RUN.seed)
    assert label is not None  # since it is what the game is conditioned on
    sample, players = sampling.sampler(run.game), _RUN.players(run)
    key, parts = _RUN.key(), []
    with tqdm(total=count, desc="samples", delay=2, leave=False, disable=None) as bar:
        for start in range(0, count, sampling.DRAW_SIZE):
            rows = range(start, min(start + sampling.DRAW_SIZE, count))
            inputs = run.inputs(key, rows, label[rows.start : rows.stop]).columns
            parts.append(kind.to_stored(sample(players, inputs)))
            bar.update(len(rows))
    columns = {"x": np.concatenate(parts), "label": label}
    own = data.from_record(data.to_record(real.kinds["label"]))  # not drawn from where data are
    kinds = {**real.kinds, "label": own}
    return data.ArrayDataset(f"samples of {run.workdir}", "train", columns, kinds)


if __name__ == "__main__":
    app.run(main)
