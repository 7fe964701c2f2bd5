"""A small classifier of the data at hand as an extractor: nothing to download, right for any data.

Where images are unlike ImageNet's, what an ImageNet classifier says of them misleads (A Note on the
Inception Score, Barratt & Sharma, 2018, arXiv:1801.01973); one of the same data does not.
"""

import dataclasses
import functools
import hashlib
import logging
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import lax
from tqdm import tqdm

from gan_jax import cache as files
from gan_jax.data import ArrayDataset, num_classes, order, to_float
from gan_jax.extractors.extractor import Extractor, digest, from_net, stored
from gan_jax.nets.convnet import ConvNet
from gan_jax.types import Array, Params, PRNGKey, UserError, Variables

_VERSION = 1  # to be raised with whatever changes the weights that data and settings give
_UPDATES_PER_CALL = 100
_log = logging.getLogger(__name__)
_State = tuple[Params, Any, optax.OptState]  # parameters, batch statistics, Adam's moments


@dataclasses.dataclass(frozen=True)
class ClassifierSettings:
    """How a classifier is made.

    Attributes:
      width: of `ConvNet`.
      features: of `ConvNet`.
      batch_size: examples an update.
      epochs: passes over the data.
      min_updates: so many at least, however few the data; both are rounded up to whole hundreds.
      learning_rate: Adam's, at its highest.
      shift: by how much of their sides images are shifted at random, each way, rounded up to whole
        pixels; 0 for not at all.
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


_DEFAULT = ClassifierSettings()


def classifier(
    dataset: ArrayDataset,
    *,
    settings: ClassifierSettings = _DEFAULT,
    cache: str | os.PathLike[str] | None = None,
    held_out: ArrayDataset | None = None,
    report: Callable[[str], None] | None = None,
) -> Extractor:
    """Trains a `ConvNet` on labelled data, or recalls it, and makes it an extractor.

    Cross-entropy, minimised by Adam with one cycle of the learning rate (Super-Convergence, Smith &
    Topin, 2017, arXiv:1708.07120). The features are those of the last hidden layer.

    The weights are a function of data and settings: bit for bit on as many cores of the same CPU;
    elsewhere training amplifies what rounding differs. Their checksum tells.

    Args:
      dataset: `x` [N, ...], images or anything else `ConvNet` takes, and `label`.
      settings: see `ClassifierSettings`.
      cache: a folder that keeps weights by a fingerprint of data and settings, which any number of
        processes may share; None keeps none. `cache.default_folder()` is the usual one.
      held_out: data whose accuracy the protocol shall state.
      report: takes lines for the reader.

    Returns:
      The extractor. Its protocol has `name`, `weights` (their checksum), `trained_on` (which data,
      how many and their checksum), the settings and, where there are data for it, `accuracy`.

    Raises:
      UserError: if there are no labels.
    """
    for part in (dataset, held_out):
        if part is not None and "label" not in part.columns:
            raise UserError(
                f"{part.name}[{part.split}] has no labels, which a classifier needs: "
                "give labelled data or choose another extractor"
            )
    say = report or (lambda line: None)
    source = f"{dataset.name}[{dataset.split}]"
    x, label, classes = stored(dataset.columns["x"]), dataset.columns["label"], num_classes(dataset)
    assert classes is not None
    net = ConvNet(classes, settings.width, settings.features)
    data = digest({"x": x, "label": label})
    shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), to_float(x[:1]), train=True))
    path = variables = None
    if cache is not None:
        identity = f"ConvNet {_VERSION} {classes} {settings} {data}"
        path = Path(cache) / f"classifier-{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npz"
        variables = _recall(path, shapes)
    if variables is None:
        kept = "" if path is None else f", to be kept in {path}"
        say(f"training a classifier of {source}, {len(x):,} examples{kept}")
        variables = _train(net, x, label, settings, f"classifier of {source}")
        if path is not None:
            files.keep(path, flatten_dict(variables, sep="/"))
    extractor = from_net(net, variables, "classifier")
    protocol = {
        **extractor.protocol,
        "trained_on": {"source": source, "count": len(x), "sha256": data},
        "settings": dataclasses.asdict(settings),
    }
    if held_out is not None:
        protocol["accuracy"] = share = accuracy(extractor, held_out)
        where = f"{len(held_out):,} examples of {held_out.name}[{held_out.split}]"
        say(f"the classifier of {source}: accuracy {share:.4f} on {where}")
    return extractor._replace(protocol=protocol)


def accuracy(extractor: Extractor, dataset: ArrayDataset) -> float:
    """The share of labelled examples that an extractor with logits reads rightly, in [0, 1].

    With a `classifier` of generated images and real data this is the classification accuracy score
    (Classification Accuracy Score for Conditional Generative Models, Ravuri & Vinyals, 2019,
    arXiv:1905.10887), with a small net as the classifier.
    """
    predicted = extractor.extract(dataset.columns["x"]).probabilities.argmax(axis=-1)
    return float(np.mean(predicted == dataset.columns["label"]))


def _train(
    net: ConvNet, x: np.ndarray, label: np.ndarray, settings: ClassifierSettings, title: str
) -> Variables:
    """The variables after training, on the host."""
    size, (count, *shape) = settings.batch_size, x.shape
    wanted = max(settings.min_updates, settings.epochs * count / size)
    calls = math.ceil(wanted / _UPDATES_PER_CALL)
    static = {"net": net, "settings": settings, "updates": calls * _UPDATES_PER_CALL}
    state = _start(x[:1], **static)
    resident = jnp.asarray(x.reshape(count, -1)), jnp.asarray(label)
    with tqdm(total=calls, desc=title, delay=2, leave=False, disable=None) as bar:
        for call in range(calls):
            first = call * _UPDATES_PER_CALL
            index = order(count, settings.seed, first * size, _UPDATES_PER_CALL * size)
            index = index.reshape(_UPDATES_PER_CALL, size)
            state = _play(state, resident, first, index, shape=tuple(shape), **static)
            jax.block_until_ready(state)  # so that the bar tells the truth
            bar.update()
    params, stats, _ = jax.tree.map(np.asarray, state)
    return {"params": params, "batch_stats": stats}


def _adam(settings: ClassifierSettings, updates: int) -> optax.GradientTransformation:
    return optax.adam(
        optax.cosine_onecycle_schedule(
            updates, settings.learning_rate, pct_start=0.2, div_factor=10, final_div_factor=100
        )
    )


@functools.partial(jax.jit, static_argnames=("net", "settings", "updates"))
def _start(x: Array, *, net: ConvNet, settings: ClassifierSettings, updates: int) -> _State:
    variables = net.init(jax.random.key(settings.seed), to_float(x), train=True)
    params = variables["params"]
    return params, variables["batch_stats"], _adam(settings, updates).init(params)


@functools.partial(jax.jit, static_argnames=("net", "settings", "updates", "shape"))
def _play(
    state: _State,
    resident: tuple[Array, Array],
    first: Array,
    indices: Array,
    *,
    net: ConvNet,
    settings: ClassifierSettings,
    updates: int,
    shape: tuple[int, ...],
) -> _State:
    """Several updates from the `first` on, on examples by `indices` [several, B]."""
    adam = _adam(settings, updates)
    key = jax.random.fold_in(jax.random.key(settings.seed), 1)

    def loss_fn(params: Params, stats: Any, x: Array, label: Array) -> tuple[Array, Any]:
        variables = {"params": params, "batch_stats": stats}
        (_, logits), after = net.apply(variables, x, train=True, mutable=["batch_stats"])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        return jnp.mean(losses), after["batch_stats"]

    def update(state: _State, item: tuple[Array, Array]) -> tuple[_State, None]:
        (params, stats, moments), (number, index) = state, item
        rows, label = (column[index] for column in resident)
        x = _shift(jax.random.fold_in(key, number), rows.reshape(-1, *shape), settings.shift)
        grads, stats = jax.grad(loss_fn, has_aux=True)(params, stats, to_float(x), label)
        changes, moments = adam.update(grads, moments, params)
        return (optax.apply_updates(params, changes), stats, moments), None

    return lax.scan(update, state, (first + jnp.arange(len(indices)), indices))[0]


def _shift(key: PRNGKey, x: Array, share: float) -> Array:
    """Moves each of `x` [B, *sides, C] by its own random offset; borders are continued."""
    sides = x.shape[1:-1]
    most = [math.ceil(share * side) for side in sides]
    if not any(most):
        return x
    wide = jnp.pad(x, [(0, 0), *((by, by) for by in most), (0, 0)], mode="edge")
    starts = jax.random.randint(key, (len(x), len(sides)), 0, 2 * np.array([most]) + 1)
    return jax.vmap(lambda x, start: lax.dynamic_slice(x, (*start, 0), (*sides, x.shape[-1])))(
        wide, starts
    )


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
