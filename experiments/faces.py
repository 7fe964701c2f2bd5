"""Who is who on photographs held out: `python -m experiments.faces --workdir=runs/faces`.

Error rates of several ways to tell people apart, means over `--partitions` draws of photographs
that train and test, with their standard errors:

- `pixels`, the nearest photograph, and `eigenfaces`, a linear support vector machine on principal
  components (Turk & Pentland, 1991, Journal of Cognitive Neuroscience, has the components);
- `net`, a small convolutional one, which meets photographs shifted at random;
- `augmented`, the same net with `--samples` of a conditional GAN beside each person's photographs,
  for the draws of which a run of `configs/faces/identification.py` is given: `--workdir` may be
  given several times. `gain` is the net's error less the augmented one's, of the same draws.

Draws share photographs, so their errors are not independent and standard errors are a little small;
that of one draw alone is of its photographs, binomial. What is told is written to `faces.json` too.
"""

import numpy as np
from absl import flags
from ml_collections import ConfigDict
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from tqdm import tqdm

from experiments import app, recipes, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import cache, data, extractors, sampling
from gan_jax.evaluation import Figure
from gan_jax.evaluation.figure import binomial, standard_error
from gan_jax.types import UserError

_RUN = trained.define("Of nets and samples.", out="faces.json", several=True)
_PARTITIONS = flags.DEFINE_integer("partitions", 10, "Draws, from number 0 on.", lower_bound=1)
_SAMPLES = flags.DEFINE_integer("samples", 10, "Of each person, beside photographs.", lower_bound=1)
_COMPONENTS = flags.DEFINE_integer("components", 60, "Principal ones, at most.", lower_bound=1)
_UPDATES = flags.DEFINE_integer("updates", 300, "Of a net.", lower_bound=1)


def main() -> None:
    runs = _RUN.load_each()
    for run in runs:
        if "partition" not in run.config or run.game.conditions != ("label",):
            raise UserError(f"{run.workdir} is no run of configs/faces/identification.py")
    by_partition = {run.config.partition: run for run in runs}
    if len(by_partition) < len(runs):
        raise UserError("two runs are of one partition: train them with --config.partition=")
    numbers = sorted({*range(_PARTITIONS.value), *by_partition})
    errors: dict[str, dict[int, float]] = {}
    tested = 0
    for number in tqdm(numbers, disable=None):
        config = ConfigDict(runs[0].config)
        config.partition = number
        train, test = (
            data.materialise(recipes.make_data(runs[0].recipe, config, split))
            for split in ("train", "test")
        )
        tested = len(test)
        found = {**of_pixels(train, test), "net": of_net(train, test)}
        if number in by_partition:
            found["augmented"] = of_net(beside(train, drawn(by_partition[number])), test)
            found["gain"] = found["net"] - found["augmented"]
        for name, error in found.items():
            errors.setdefault(name, {})[number] = error
    figures = {name: figure(name, found, tested) for name, found in errors.items()}
    protocol = {
        "sources": {str(run.workdir): run.step for run in runs},
        "data": runs[0].config.data.to_dict(),
        "samples": _SAMPLES.value,
        "updates": _UPDATES.value,
        "seed": _RUN.seed,
        "errors": errors,
    }
    tell(_RUN.out(runs[0]), protocol, figures)


def of_pixels(train: data.ArrayDataset, test: data.ArrayDataset) -> dict[str, float]:
    """Error rates of the nearest photograph, and of a linear machine on eigenfaces."""
    rows = [part.columns["x"].reshape(len(part), -1) / 255.0 for part in (train, test)]
    components = min(_COMPONENTS.value, len(train) - 1, rows[0].shape[1])
    models = {
        "pixels": KNeighborsClassifier(1),
        "eigenfaces": make_pipeline(PCA(components, random_state=_RUN.seed), SVC(kernel="linear")),
    }
    labels = train.columns["label"], test.columns["label"]
    fitted = {name: model.fit(rows[0], labels[0]) for name, model in models.items()}
    return {name: 1 - float(model.score(rows[1], labels[1])) for name, model in fitted.items()}


def of_net(train: data.ArrayDataset, test: data.ArrayDataset) -> float:
    """The error rate of a small net."""
    settings = extractors.ClassifierSettings(
        blocks=0, width=32, batch_size=64, updates=_UPDATES.value, seed=_RUN.seed
    )
    net = extractors.classifier(train, settings=settings, cache=cache.default_folder())
    return 1 - extractors.accuracy(net, test)


def drawn(run: Run) -> data.ArrayDataset:
    """Samples of every person, as photographs are stored."""
    kind, people = run.kinds["x"], data.num_classes(run.open())
    assert people is not None
    label = np.arange(_SAMPLES.value * people, dtype=np.int32) % people
    inputs = run.inputs(_RUN.key(), range(len(label)), label).columns
    x = kind.to_stored(sampling.sampler(run.game)(run.state.variables(), inputs))
    return data.ArrayDataset("samples", "train", {"x": x, "label": label}, run.kinds)


def beside(one: data.ArrayDataset, other: data.ArrayDataset) -> data.ArrayDataset:
    """Both, one after the other."""
    columns = {n: np.concatenate([part.columns[n] for part in (one, other)]) for n in one.columns}
    return data.ArrayDataset(f"{one.name} and {other.name}", one.split, columns, one.kinds)


def figure(name: str, errors: dict[int, float], tested: int) -> Figure:
    """The mean over draws, with its standard error."""
    values, better = np.array(list(errors.values())), "higher" if name == "gain" else "lower"
    how = f"of {len(values)} draws, {tested} photographs each"
    if len(values) == 1:
        if name == "gain":
            return Figure(float(values[0]), None, better, f"{how}; one draw tells no error")
        return binomial(float(values[0]), tested, better, f"{how}; binomial error")
    how = f"{how}; error of the mean over draws"
    return Figure(float(values.mean()), standard_error(values), better, how)


if __name__ == "__main__":
    app.run(main)
