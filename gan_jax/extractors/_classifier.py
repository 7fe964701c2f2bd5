"""A small classifier of the data at hand as an extractor: nothing to download, right for any data.

Where images are unlike ImageNet's, what an ImageNet classifier says of them misleads (A Note on the
Inception Score, Barratt & Sharma, 2018, arXiv:1801.01973); one of the same data does not.
"""

import contextlib
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
from gan_jax.data import (
    Dataset,
    Image,
    Kind,
    first,
    make_loader,
    num_classes,
    select,
    singles,
)
from gan_jax.data.dataset import read_columns
from gan_jax.extractors._extractor import (
    EXTRACT_SIZE,
    Extractor,
    fingerprint,
    from_net,
    net_input,
)
from gan_jax.extractors._stacks import of_stacks
from gan_jax.nets.convnet import ConvNet
from gan_jax.step import init_state
from gan_jax.types import Batch, PRNGKey, UserError, Variables

_VERSION = 3  # to be raised with whatever changes the weights that data and settings give
_UPDATES_PER_CALL = 50
_FEWEST, _MOST = 1_000, 6_000  # updates that are chosen
_EPOCHS, _RESIDUAL_EPOCHS = 4, 100  # within these
_MANY = 2**22  # numbers in images that a residual net is worth its time for
_PHOTOGRAPH = 32  # pixels on a side of the smallest that is mirrored
_SURE = 0.9  # the share of what guessing gets wrong that no weak classifier does
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ClassifierSettings:
    """How a classifier is made; what is left at its default is chosen by the data.

    Images of more than 4 million numbers in all get a residual net of 32 channels, an update of
    which costs about the same for images of any size, and 100 epochs, but 6,000 updates at most.
    All else gets a strided net of 16 channels and 4 epochs, of 1,000 to 6,000 updates.

    Attributes:
      width: of `ConvNet`; 0 for what the data suggest.
      blocks: of `ConvNet`; -1 for what the data suggest.
      features: of `ConvNet`.
      batch_size: examples an update.
      updates: of the weights, rounded up to whole fifties; 0 for what the data suggest.
      learning_rate: Adam's, at its highest.
      weight_decay: of the kernels of convolutions, relative to the learning rate.
      shift: by how much of their sides images and sounds are shifted at random, each way, rounded
        up to whole steps; 0 for not at all.
      flip: whether colour images with sides of 32 or more are mirrored at random; others, often of
        signs, never are.
      seed: of initialisation, order, shifts and flips.
    """

    width: int = 0
    blocks: int = -1
    features: int = 128
    batch_size: int = 128
    updates: int = 0
    learning_rate: float = 1e-2
    weight_decay: float = 0.05
    shift: float = 1 / 16
    flip: bool = True
    seed: int = 0

    def resolved(self, kind: Kind, shape: tuple[int, ...], count: int) -> "ClassifierSettings":
        """These settings for data of so many examples, with nothing left to choose.

        Args:
          kind: of the examples.
          shape: of an example, as it is stored.
          count: of examples.
        """
        still = isinstance(kind, Image)
        blocks = self.blocks
        if blocks < 0:
            blocks = int(still and count * math.prod(shape) > _MANY)
        epochs = _RESIDUAL_EPOCHS if blocks else _EPOCHS
        wanted = min(max(epochs * count / self.batch_size, _FEWEST), _MOST)
        updates = math.ceil((self.updates or wanted) / _UPDATES_PER_CALL) * _UPDATES_PER_CALL
        return dataclasses.replace(
            self,
            width=self.width or (32 if blocks else 16),
            blocks=blocks,
            updates=updates,
            flip=self.flip and still and shape[-1] == 3 and min(shape[:-1]) >= _PHOTOGRAPH,
        )


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

    Cross-entropy, minimised by Adam with decoupled weight decay (Loshchilov & Hutter, 2017,
    arXiv:1711.05101) and one cycle of the learning rate (Super-Convergence, Smith & Topin, 2017,
    arXiv:1708.07120), on one device. The features are those of the last hidden layer. Of sound the
    net reads `metrics.log_spectrogram`.

    Stacks, as `data.stacked` makes them, are read by `of_stacks` with a classifier of the images
    that were stacked, of which there are many fewer.

    The weights are a function of data and settings: bit for bit on as many cores of the same CPU;
    elsewhere training amplifies what rounding differs. Their checksum tells.

    Args:
      dataset: `x`, of any kind that has floats, and `label`, a class each; nothing else is read.
        What does not fit into memory is streamed.
      settings: see `ClassifierSettings`.
      cache: a folder that keeps weights by a fingerprint of data and settings, which any number of
        processes may share, of which one trains and others wait; None keeps none.
        `cache.default_folder()` is the usual one.
      held_out: data whose accuracy the protocol shall state, with a warning where it is weak: more
        than a tenth of the errors that guessing the commonest class would make.
      report: takes lines for the reader.

    Returns:
      The extractor. Its protocol has `name`, `weights` (their checksum), `trained_on` (which data,
      how many and their checksum), the resolved settings and, where there are data for it,
      `accuracy` and perhaps `warning`.

    Raises:
      UserError: if there are no labels, or no floats to read; for stacks that were cut or resized.
    """
    dataset = _labelled(dataset)
    if (alone := singles(dataset)) is not None:
        stack, one = dataset[0]["x"].shape, alone[0]["x"].shape
        if stack != (*one[:-1], 3):
            raise UserError(
                f"{dataset.name}[{dataset.split}] has images {list(stack)}, which are no stacks of "
                f"{list(one)}: they are read channel by channel as they were stacked"
            )
        single = classifier(
            alone,
            settings=settings,
            cache=cache,
            held_out=held_out and singles(_labelled(held_out)),
            report=report,
        )
        return of_stacks(single)
    say = report or (lambda line: None)
    source = f"{dataset.name}[{dataset.split}]"
    kind, classes = dataset.kinds["x"], num_classes(dataset)
    assert classes is not None
    stored = first(dataset, 1)["x"]
    settings = settings.resolved(kind, stored.shape[1:], len(dataset))
    net = ConvNet(classes, settings.width, settings.features, settings.blocks)
    data = fingerprint(_stored(dataset))
    example = net_input(kind, stored)
    shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), example, train=True))
    variables: Variables | None
    training = f"training a classifier of {source}, {len(dataset):,} examples"
    if cache is None:
        say(training)
        variables = _train(net, dataset, settings)
    else:
        made_of = json.dumps([_VERSION, kind.name, classes, dataclasses.asdict(settings), data])
        path = Path(cache) / f"classifier-{hashlib.sha256(made_of.encode()).hexdigest()[:32]}.npz"
        variables = _recall(path, shapes)
        with contextlib.nullcontext() if variables else files.alone(path, say):
            variables = variables or _recall(path, shapes)
            if variables is None:
                say(f"{training}, to be kept in {path}")
                variables = _train(net, dataset, settings)
                files.keep(path, flatten_dict(variables, sep="/"))
    extractor = from_net(net, variables, "classifier", kind)
    protocol = {
        **extractor.protocol,
        "trained_on": {"source": source, "count": len(dataset), "sha256": data},
        "settings": dataclasses.asdict(settings),
    }
    if held_out is not None:
        told, label = _read(extractor, held_out)
        protocol["accuracy"] = share = float(np.mean(told == label))
        where = f"{len(held_out):,} examples of {held_out.name}[{held_out.split}]"
        line = f"the classifier of {source}: accuracy {share:.4f} on {where}"
        commonest = float(np.bincount(label).max() / len(label))
        if share < commonest + _SURE * (1 - commonest):
            protocol["warning"] = weak = (
                f"this classifier is weak: it reads {share:.1%} of held-out examples rightly, "
                f"guessing {commonest:.1%}; distances in its features say little"
            )
            line = f"{line}; {weak}"
        say(line)
    return extractor._replace(protocol=protocol)


def accuracy(extractor: Extractor, dataset: Dataset) -> float:
    """The share of labelled examples that an extractor with logits reads rightly, in [0, 1].

    With a `classifier` of generated images and real data this is the classification accuracy score
    (Classification Accuracy Score for Conditional Generative Models, Ravuri & Vinyals, 2019,
    arXiv:1905.10887), with a small net as the classifier.

    Raises:
      UserError: if there are no labels.
    """
    told, label = _read(extractor, dataset)
    return float(np.mean(told == label))


def _read(extractor: Extractor, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The classes that an extractor reads of labelled examples, and their labels: [N] each."""
    pairs = [
        (extractor.extract(batch["x"]).probabilities.argmax(axis=-1), batch["label"])
        for batch in _stored(_labelled(dataset))
    ]
    told, label = map(np.concatenate, zip(*pairs, strict=True))
    return told, label


def _labelled(dataset: Dataset) -> Dataset:
    """Its `x` and `label` alone."""
    if num_classes(dataset) is None:
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
    """The variables after training, on the host; the settings are resolved."""
    kind, updates = dataset.kinds["x"], settings.updates

    def transform(keys: PRNGKey, batch: Batch) -> Batch:
        x = augment.shift(prng.fold_in(keys, "shift"), batch["x"], settings.shift)
        if settings.flip:
            x = augment.flip(prng.fold_in(keys, "flip"), x)
        return {**batch, "x": net_input(kind, x)}

    game = algorithms.classifier(net)._replace(transform=transform)
    adam = optax.adamw(
        optax.cosine_onecycle_schedule(
            updates, settings.learning_rate, pct_start=0.2, div_factor=10, final_div_factor=100
        ),
        weight_decay=settings.weight_decay,
        mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim > 2, params),
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
