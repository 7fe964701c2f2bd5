"""A small classifier of the data at hand as an extractor: nothing to download, right for any data.

Where images are unlike ImageNet's, what an ImageNet classifier says of them misleads (A Note on the
Inception Score, Barratt & Sharma, 2018, arXiv:1801.01973); one of the same data does not.
"""

import dataclasses
import hashlib
import json
import logging
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict
from tqdm import tqdm

from gan_jax import algorithms, augment, loop, prng
from gan_jax import cache as files
from gan_jax.data import Category, Dataset, first, make_loader, num_classes, select
from gan_jax.data.dataset import read_columns
from gan_jax.extractors._extractor import (
    EXTRACT_SIZE,
    Extractor,
    fingerprint,
    from_net,
    net_input,
)
from gan_jax.nets.convnet import ConvNet
from gan_jax.step import init_state
from gan_jax.types import Batch, PRNGKey, UserError, Variables

_VERSION = 2  # to be raised with whatever changes the weights that data and settings give
_UPDATES_PER_CALL = 100
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ClassifierSettings:
    """How a classifier is made.

    Attributes:
      width: of `ConvNet`.
      features: of `ConvNet`.
      batch_size: examples an update.
      epochs: passes over the data.
      min_updates: so many at least, however few the data.
      learning_rate: Adam's, at its highest.
      shift: by how much of their sides images and sounds are shifted at random, each way, rounded
        up to whole steps; 0 for not at all.
      seed: of initialisation, order and shifts.
    """

    width: int = 16
    features: int = 128
    batch_size: int = 128
    epochs: float = 4.0
    min_updates: int = 1_000
    learning_rate: float = 1e-2
    shift: float = 1 / 16
    seed: int = 0

    def updates(self, count: int) -> int:
        """How many updates it takes on so many examples: whole hundreds."""
        wanted = max(self.min_updates, self.epochs * count / self.batch_size, 1)
        return math.ceil(wanted / _UPDATES_PER_CALL) * _UPDATES_PER_CALL


_DEFAULT = ClassifierSettings()


def classifier(
    dataset: Dataset,
    *,
    settings: ClassifierSettings = _DEFAULT,
    cache: str | os.PathLike[str] | None = None,
    held_out: Dataset | None = None,
    report: Callable[[str], None] | None = None,
) -> Extractor:
    """Trains a `ConvNet` on labelled data, or recalls it, and makes it an extractor.

    Cross-entropy, minimised by Adam with one cycle of the learning rate (Super-Convergence, Smith &
    Topin, 2017, arXiv:1708.07120), on one device. The features are those of the last hidden layer.
    Of sound the net reads `metrics.log_spectrogram`.

    The weights are a function of data and settings: bit for bit on as many cores of the same CPU;
    elsewhere training amplifies what rounding differs. Their checksum tells.

    Args:
      dataset: `x`, of any kind that has floats, and `label`, a class each; nothing else is read.
        What does not fit into memory is streamed.
      settings: see `ClassifierSettings`.
      cache: a folder that keeps weights by a fingerprint of data and settings, which any number of
        processes may share; None keeps none. `cache.default_folder()` is the usual one.
      held_out: data whose accuracy the protocol shall state.
      report: takes lines for the reader.

    Returns:
      The extractor. Its protocol has `name`, `weights` (their checksum), `trained_on` (which data,
      how many and their checksum), the settings and, where there are data for it, `accuracy`.

    Raises:
      UserError: if there are no labels, or no floats to read.
    """
    dataset = _labelled(dataset)
    say = report or (lambda line: None)
    source = f"{dataset.name}[{dataset.split}]"
    kind, classes = dataset.kinds["x"], num_classes(dataset)
    assert classes is not None
    net = ConvNet(classes, settings.width, settings.features)
    data = fingerprint(_stored(dataset))
    example = net_input(kind, first(dataset, 1)["x"])
    shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), example, train=True))
    path = variables = None
    if cache is not None:
        made_of = json.dumps([_VERSION, kind.name, classes, dataclasses.asdict(settings), data])
        path = Path(cache) / f"classifier-{hashlib.sha256(made_of.encode()).hexdigest()[:32]}.npz"
        variables = _recall(path, shapes)
    if variables is None:
        kept = "" if path is None else f", to be kept in {path}"
        say(f"training a classifier of {source}, {len(dataset):,} examples{kept}")
        variables = _train(net, dataset, settings)
        if path is not None:
            files.keep(path, flatten_dict(variables, sep="/"))
    extractor = from_net(net, variables, "classifier", kind)
    protocol = {
        **extractor.protocol,
        "trained_on": {"source": source, "count": len(dataset), "sha256": data},
        "settings": dataclasses.asdict(settings),
    }
    if held_out is not None:
        protocol["accuracy"] = share = accuracy(extractor, held_out)
        where = f"{len(held_out):,} examples of {held_out.name}[{held_out.split}]"
        say(f"the classifier of {source}: accuracy {share:.4f} on {where}")
    return extractor._replace(protocol=protocol)


def accuracy(extractor: Extractor, dataset: Dataset) -> float:
    """The share of labelled examples that an extractor with logits reads rightly, in [0, 1].

    With a `classifier` of generated images and real data this is the classification accuracy score
    (Classification Accuracy Score for Conditional Generative Models, Ravuri & Vinyals, 2019,
    arXiv:1905.10887), with a small net as the classifier.

    Raises:
      UserError: if there are no labels.
    """
    right = [
        extractor.extract(batch["x"]).probabilities.argmax(axis=-1) == batch["label"]
        for batch in _stored(_labelled(dataset))
    ]
    return float(np.mean(np.concatenate(right)))


def _labelled(dataset: Dataset) -> Dataset:
    """Its `x` and `label` alone."""
    if not isinstance(dataset.kinds.get("label"), Category):
        raise UserError(
            f"{dataset.name}[{dataset.split}] has no labels, which a classifier needs: "
            "give labelled data or choose another extractor"
        )
    return select(dataset)


def _stored(dataset: Dataset) -> Iterator[dict[str, np.ndarray]]:
    """All examples as they are stored, batch by batch."""
    like = dataset[0]
    for start in range(0, len(dataset), EXTRACT_SIZE):
        yield read_columns(dataset, range(start, min(start + EXTRACT_SIZE, len(dataset))), like)


def _train(net: ConvNet, dataset: Dataset, settings: ClassifierSettings) -> Variables:
    """The variables after training, on the host."""
    kind, updates = dataset.kinds["x"], settings.updates(len(dataset))

    def transform(keys: PRNGKey, batch: Batch) -> Batch:
        x = augment.shift(prng.fold_in(keys, "shift"), batch["x"], settings.shift)
        return {**batch, "x": net_input(kind, x)}

    game = algorithms.classifier(net)._replace(transform=transform)
    adam = optax.adam(
        optax.cosine_onecycle_schedule(
            updates, settings.learning_rate, pct_start=0.2, div_factor=10, final_div_factor=100
        )
    )
    batch = first(dataset, 2)
    init = jax.jit(lambda key: init_state(game, {"classifier": adam}, key, batch))
    loader = make_loader(
        dataset,
        batch_size=settings.batch_size,
        steps_per_call=_UPDATES_PER_CALL,
        seed=settings.seed,
    )
    played = loop.play(
        game,
        init(jax.random.key(settings.seed)),
        loader,
        steps=updates,
        steps_per_call=_UPDATES_PER_CALL,
        devices=jax.local_devices()[:1],
    )
    title = f"classifier of {dataset.name}[{dataset.split}]"
    with tqdm(total=updates, desc=title, delay=2, leave=False, disable=None) as bar:
        for done, state, _ in played:
            jax.block_until_ready(state)  # so that the bar tells the truth
            bar.update(done - bar.n)
    return jax.tree.map(lambda leaf: np.asarray(leaf[0]), state.players["classifier"].variables)


def _recall(path: Path, shapes: Variables) -> Variables | None:
    """Weights that were kept, or None where there are none of these shapes."""
    arrays = files.recall(path)
    if arrays is None:
        return None
    kinds = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if kinds != {n: (v.shape, v.dtype) for n, v in flatten_dict(shapes, sep="/").items()}:
        _log.warning("%s holds other weights, and is made anew", path)
        return None
    return unflatten_dict(arrays, sep="/")
