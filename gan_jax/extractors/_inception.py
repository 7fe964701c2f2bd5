"""The extractor of the Fréchet inception distance and of the inception score."""

import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from tqdm import tqdm

from gan_jax import parallel
from gan_jax.data import Image, set_channels
from gan_jax.extractors._extractor import Extractor, Features
from gan_jax.extractors.resize import RESIZES
from gan_jax.extractors.state_dict import read_state_dict
from gan_jax.nets.inception import SIDE, InceptionV3
from gan_jax.types import UserError, Variables

INCEPTION_URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
"""The graph's weights as mseitzer/pytorch-fid and toshas/torch-fidelity have them, 96 MB.

Their SHA-256 is 6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2.
"""

_PORTS = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def inception(
    weights: str | os.PathLike[str], *, resize: str = "tensorflow", batch_size: int = 32
) -> Extractor:
    """Reads images with the InceptionV3 that FID, KID and the inception score are defined by.

    Features are the 2048 means of the last maps. Logits, over 1008 classes, are without their bias,
    as in the code of Improved Techniques for Training GANs, Salimans et al., 2016,
    arXiv:1606.03498, whose inception scores the field compares itself with.

    Images are [N, H, W, 1 or 3]; grey ones are repeated, all are resized to 299².

    Args:
      weights: a file, as `read_state_dict` has it; the one that the field uses is
        `download(INCEPTION_URL, cache.default_folder())`.
      resize: a name in `RESIZES`.
      batch_size: images at once, over this process's devices together.

    Returns:
      The extractor. Its protocol has `name`, `weights` (the file's SHA-256) and `resize`.

    Raises:
      UserError: the file holds no such weights, or there is no such resizing; when images are
        read, if they are none.
    """
    if resize not in RESIZES:
        raise UserError(f"there is no resizing {resize!r}; there are: {', '.join(RESIZES)}")
    on_host, traced = RESIZES[resize]
    state, digest = read_state_dict(weights)
    variables, bias = jax.device_put(from_torch_state_dict(state)), state["fc.bias"]
    apply = parallel.map_batched(
        lambda variables, images: InceptionV3().apply(variables, traced(images)), batch_size
    )

    kind = Image()

    def read(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return apply(variables, on_host(set_channels(kind.to_stored(images), 3)))

    def extract(images: np.ndarray) -> Features:
        if images.ndim != 4:
            raise UserError(f"Inception reads images [N, H, W, C], got {list(images.shape)}")
        starts = range(0, len(images), batch_size)
        shown = tqdm(starts, desc="inception", delay=2, leave=False, disable=None)
        parts = [read(images[start : start + batch_size]) for start in shown]
        features, logits = map(np.concatenate, zip(*parts, strict=True))
        return Features(features, logits - bias)

    protocol = {"name": "inception", "weights": digest, "resize": resize}
    return Extractor(extract, protocol, kind)


def from_torch_state_dict(state: Mapping[str, np.ndarray]) -> Variables:
    """The variables of `nets.inception.InceptionV3` from those of its PyTorch ports.

    Args:
      state: arrays by name, kernels [F, C, h, w]. The counts of batches that PyTorch keeps beside
        running statistics may be there or not.

    Raises:
      UserError: a name is missing or too many, or an array is of another shape.
    """
    image = jnp.zeros((1, SIDE, SIDE, 3))
    shapes = flatten_dict(jax.eval_shape(InceptionV3().init, jax.random.key(0), image))
    names = {path: f"{path[1]}.{_PORTS[path[2]]}" for path in shapes}
    given = {name for name in state if not name.endswith(".num_batches_tracked")}
    other = f"these are not the weights of {INCEPTION_URL}"
    for name in sorted(given.symmetric_difference(names.values())):
        raise UserError(f"{other}: {name} is {'too many' if name in given else 'missing'}")

    def convert(path: tuple[str, ...]) -> np.ndarray:
        array = np.asarray(state[names[path]], np.float32)
        turned = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
        if turned.shape != shapes[path].shape:
            raise UserError(f"{other}: {names[path]} has the shape {list(array.shape)}")
        return turned

    return unflatten_dict({path: convert(path) for path in names})
