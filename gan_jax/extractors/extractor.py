"""What an extractor is, and the ones that learn nothing."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from scipy.special import softmax

from gan_jax import parallel
from gan_jax.data import to_float, to_uint8
from gan_jax.nets.convnet import ConvNet
from gan_jax.types import PRNGKey, UserError, Variables

EXTRACT_SIZE = 256
"""Examples that a net sees at once, over all devices of a process together."""


class Features(NamedTuple):
    """What an extractor sees in images.

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
    """A function from images to features, and what a reader must know of it.

    Attributes:
      extract: `images [N, ...] -> Features`; images are uint8, or float32 in [-1, 1], which are
        first rounded to uint8 as a picture file would store them.
      protocol: plain values by name, such as the weights' checksum and the resizing, that stand
        beside every figure computed with it; `name` is always there.
    """

    extract: Callable[[np.ndarray], Features]
    protocol: Mapping[str, Any]


def stored(x: np.ndarray) -> np.ndarray:
    """Images [N, H, W, C] as a picture file would hold them, uint8; what is no image passes."""
    return to_uint8(x) if np.ndim(x) == 4 else np.asarray(x)


def digest(arrays: Mapping[str, Any]) -> str:
    """SHA-256 of a tree of arrays: their names, dtypes, shapes and bytes."""
    sha = hashlib.sha256()
    for name, value in sorted(flatten_dict(arrays, sep="/").items()):
        array = np.asarray(value)
        sha.update(f"{name} {array.dtype} {array.shape}\n".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def identity() -> Extractor:
    """The values themselves: pixels in [-1, 1], flattened; points, as they are."""

    def extract(images: np.ndarray) -> Features:
        return Features(np.asarray(to_float(stored(images))).reshape(len(images), -1))

    return Extractor(extract, {"name": "identity"})


def from_function(function: Callable[[np.ndarray], np.ndarray], name: str) -> Extractor:
    """A function of one's own as an extractor.

    Args:
      function: `x [N, ...] -> features [N, D]`, where images are uint8.
      name: what the protocol calls it.

    Returns:
      An extractor, which raises a UserError when the function returns anything but finite `[N, D]`.
    """

    def extract(images: np.ndarray) -> Features:
        features = np.asarray(function(stored(images)), np.float32)
        if features.ndim != 2 or len(features) != len(images):
            raise UserError(
                f"extractor {name}: of {len(images)} examples it made {list(features.shape)}; "
                f"its function must return [{len(images)}, D]"
            )
        if not np.isfinite(features).all():
            raise UserError(f"extractor {name}: features are not finite; see to its function")
        return Features(features)

    return Extractor(extract, {"name": name})


def from_net(net: nn.Module, variables: Variables, name: str) -> Extractor:
    """A net in evaluation mode as an extractor, spread over this process's devices.

    Args:
      net: `(x [B, ...], train=False) -> (features [B, D], logits [B, K])`.
      variables: of the net.
      name: what the protocol calls it; the variables' checksum stands beside it as `weights`.
    """
    apply = parallel.spread(
        lambda variables, x: net.apply(variables, to_float(x), train=False), EXTRACT_SIZE
    )
    return Extractor(
        lambda images: Features(*apply(variables, stored(images))),
        {"name": name, "weights": digest(variables)},
    )


def random(
    key: PRNGKey, shape: tuple[int, ...], *, width: int = 16, features: int = 128
) -> Extractor:
    """An untrained `ConvNet`: features that favour no data set.

    Reliable Fidelity and Diversity Metrics for Generative Models, Naeem et al., 2020,
    arXiv:2002.09797, which takes an untrained VGG16 where data are unlike ImageNet.

    Args:
      key: of the initialisation.
      shape: of an example, such as `(28, 28, 1)`.
      width: as `ConvNet` has it.
      features: D.
    """
    net = ConvNet(num_classes=1, width=width, features=features)
    variables = net.init(key, jnp.zeros((1, *shape)), train=False)
    seen = from_net(net, variables, "random")
    return seen._replace(extract=lambda images: Features(seen.extract(images).features))
