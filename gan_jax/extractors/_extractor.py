"""What an extractor is, and the ones that learn nothing."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from scipy.special import softmax

from gan_jax import metrics, parallel
from gan_jax.data import Audio, Category, Kind, Tokens
from gan_jax.nets.convnet import ConvNet
from gan_jax.types import Array, PRNGKey, UserError, Variables

EXTRACT_SIZE = 256
"""Examples that a net sees at once, over all devices of a process together."""


class Features(NamedTuple):
    """What an extractor sees in examples.

    Attributes:
      features: `[N, D]` float32, what distances are measured in.
      logits: `[N, K]` float32, over classes, or None where the extractor knows none.
    """

    features: np.ndarray
    logits: np.ndarray | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """Of the classes, float64 [N, K], rows summing to 1.

        Raises:
          ValueError: where the extractor knows no classes.
        """
        if self.logits is None:
            raise ValueError("these features come from an extractor that knows no classes")
        return softmax(self.logits.astype(np.float64), axis=-1)


class Extractor(NamedTuple):
    """A function from examples of one kind to features, and what a reader must know of it.

    Attributes:
      extract: `x [N, ...] -> Features`; x as its kind stores it, or floats as a net makes them,
        which are first rounded to what is stored: images as a picture file would hold them.
      protocol: plain values by name, such as the weights' checksum and the resizing, that stand
        beside every figure computed with it; `name` is always there.
      kind: of the examples.
    """

    extract: Callable[[np.ndarray], Features]
    protocol: Mapping[str, Any]
    kind: Kind


def digest(arrays: Mapping[str, Any]) -> str:
    """SHA-256 of a tree of arrays: their names, dtypes, shapes and bytes."""
    sha = hashlib.sha256()
    for name, value in sorted(flatten_dict(arrays, sep="/").items()):
        array = np.asarray(value)
        sha.update(f"{name} {array.dtype} {array.shape}\n".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def fingerprint(batches: Iterable[Mapping[str, np.ndarray]]) -> str:
    """SHA-256 of columns `[N, ...]` that come in batches, of whatever sizes."""
    columns: dict[str, Any] = {}
    for batch in batches:
        for name, value in batch.items():
            if name not in columns:
                columns[name] = hashlib.sha256(f"{value.dtype} {value.shape[1:]}\n".encode())
            columns[name].update(np.ascontiguousarray(value))
    sha = hashlib.sha256()
    for name in sorted(columns):
        sha.update(f"{name} {columns[name].hexdigest()}\n".encode())
    return sha.hexdigest()


def net_input(kind: Kind, x: Array | np.ndarray) -> Array:
    """What `ConvNet` reads of stored examples [N, ...]; traceable.

    Floats as `Kind.to_float` has them; of sound, the `metrics.log_spectrogram` of these.

    Raises:
      UserError: if the kind has no floats.
    """
    if isinstance(kind, Tokens | Category):
        raise UserError(f"{kind.name} are no numbers for a net that reads images to see")
    x = kind.to_float(x)
    return metrics.log_spectrogram(x) if isinstance(kind, Audio) else x


def identity(kind: Kind) -> Extractor:
    """The values themselves, as floats and flattened: pixels in [-1, 1]; points as they are."""

    def extract(x: np.ndarray) -> Features:
        floats = np.asarray(kind.to_float(kind.to_stored(x)), np.float32)
        return Features(floats.reshape(len(x), -1))

    return Extractor(extract, {"name": "identity"}, kind)


def from_function(function: Callable[[np.ndarray], np.ndarray], name: str, kind: Kind) -> Extractor:
    """A function of one's own as an extractor.

    Args:
      function: `x [N, ...] -> features [N, D]`, of examples as they are stored: uint8 images.
      name: what the protocol calls it.
      kind: of the examples.

    Returns:
      An extractor, which raises a UserError when the function returns anything but finite `[N, D]`.
    """

    def extract(x: np.ndarray) -> Features:
        features = np.asarray(function(kind.to_stored(x)), np.float32)
        if features.ndim != 2 or len(features) != len(x):
            raise UserError(
                f"extractor {name}: of {len(x)} examples it made {list(features.shape)}; "
                f"its function must return [{len(x)}, D]"
            )
        if not np.isfinite(features).all():
            raise UserError(f"extractor {name}: features are not finite; see to its function")
        return Features(features)

    return Extractor(extract, {"name": name}, kind)


def from_net(
    net: nn.Module,
    variables: Variables,
    name: str,
    kind: Kind,
    *,
    batch_size: int = EXTRACT_SIZE,
) -> Extractor:
    """A net in evaluation mode as an extractor, spread over this process's devices.

    Args:
      net: `(x [B, ...], train=False) -> (features [B, D], logits [B, K])`, of `net_input`.
      variables: of the net.
      name: what the protocol calls it; the variables' checksum stands beside it as `weights`, and
        for sound what the net reads of it as `input`.
      kind: of the examples.
      batch_size: examples at once, over all devices of this process together.
    """
    apply = parallel.map_batched(
        lambda variables, x: net.apply(variables, net_input(kind, x), train=False), batch_size
    )
    protocol = {"name": name, "weights": digest(variables)}
    if isinstance(kind, Audio):
        protocol["input"] = (
            f"log spectrogram, frames of {metrics.SPECTROGRAM_FRAME} samples, "
            f"{metrics.SPECTROGRAM_HOP} apart"
        )
    return Extractor(
        lambda x: Features(*apply(variables, kind.to_stored(x))),
        protocol,
        kind,
    )


def random(
    key: PRNGKey, shape: tuple[int, ...], kind: Kind, *, width: int = 16, features: int = 128
) -> Extractor:
    """An untrained `ConvNet`: features that favour no data set.

    Reliable Fidelity and Diversity Metrics for Generative Models, Naeem et al., 2020,
    arXiv:2002.09797, which takes an untrained VGG16 where data are unlike ImageNet.

    Args:
      key: of the initialisation.
      shape: of an example, such as `(28, 28, 1)`.
      kind: of the examples.
      width: as `ConvNet` has it.
      features: D.
    """
    net = ConvNet(num_classes=1, width=width, features=features)
    variables = net.init(key, net_input(kind, jnp.zeros((1, *shape))), train=False)
    seen = from_net(net, variables, "random", kind)
    return seen._replace(extract=lambda x: Features(seen.extract(x).features))
