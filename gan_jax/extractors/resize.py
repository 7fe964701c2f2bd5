"""How images are made the size that InceptionV3 reads, on which its figures depend.

On Aliased Resizing and Surprising Subtleties in GAN Evaluation, Parmar et al., 2021,
arXiv:2104.11222.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.nets.inception import SIDE
from gan_jax.types import Array


class Resize(NamedTuple):
    """What the net reads of images is `traced(on_host(images))`.

    Attributes:
      on_host: from uint8 [N, H, W, 3].
      traced: to float32 [N, 299, 299, 3] in about [-1, 1]; compiled together with the net.
    """

    on_host: Callable[[np.ndarray], np.ndarray]
    traced: Callable[[Array], Array]


def bilinear(images: Array, *, half_pixel: bool) -> Array:
    """Interpolates linearly between neighbouring pixels, without antialiasing where images shrink.

    Args:
      images: [N, H, W, C].
      half_pixel: whether the borders of the images coincide, so that place `p` of the result is
        `(p + 1/2) s - 1/2` of the source; else their first pixels do, and it is `p s`.

    Returns:
      float32 [N, 299, 299, C].
    """

    def weights(size: int) -> np.ndarray:
        shift = 0.5 if half_pixel else 0.0
        # In float32, as the graph and the ports have it.
        place = (np.arange(SIDE, dtype=np.float32) + shift) * (size / SIDE) - shift
        distance = np.clip(place, 0, size - 1)[:, None] - np.arange(size)
        return np.maximum(1 - np.abs(distance), 0).astype(np.float32)  # [299, size]

    rows, columns = (weights(size) for size in images.shape[1:3])
    images = images.astype(jnp.float32)
    return jnp.einsum("ph,nhwc,qw->npqc", rows, images, columns, precision=lax.Precision.HIGHEST)


def bicubic(images: np.ndarray) -> np.ndarray:
    """Pillow's antialiased bicubic filter on each channel in float32, clipped to [0, 255].

    Args:
      images: [N, H, W, C] in 0 to 255.

    Returns:
      float32 [N, 299, 299, C].
    """
    from PIL import Image

    result = np.empty((len(images), SIDE, SIDE, images.shape[-1]), np.float32)
    for n, c in np.ndindex(len(images), images.shape[-1]):
        plane = Image.fromarray(images[n, ..., c].astype(np.float32))
        result[n, ..., c] = np.asarray(plane.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return result.clip(0, 255)


def _graph_scale(images: Array) -> Array:
    return (images - 128) / 128


RESIZES = {
    "tensorflow": Resize(
        lambda images: images, lambda images: _graph_scale(bilinear(images, half_pixel=False))
    ),
    "pytorch": Resize(
        lambda images: images, lambda images: bilinear(images, half_pixel=True) / 127.5 - 1
    ),
    "clean": Resize(bicubic, _graph_scale),
}
"""By the name that stands beside a figure.

`tensorflow` is the graph of 2015-12-05 itself, and toshas/torch-fidelity: bilinear, first pixels
coincide, and a level v of 0 to 255 becomes (v - 128) / 128. `pytorch` is mseitzer/pytorch-fid:
bilinear, borders coincide, and v becomes 2 v / 255 - 1, up to 0.008 more than in the graph. `clean`
is the paper's, as in GaParmar/clean-fid: antialiased bicubic, and the graph's scale.
"""
