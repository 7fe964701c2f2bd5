"""How much images differ from one another: structural similarity, distances of random pairs."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.metrics.estimate import Estimate, estimate_mean
from gan_jax.types import Array, UserError

SSIM_WINDOW = 11
"""Pixels on a side of the window, and of the smallest image."""

_GAUSSIAN = np.exp(-0.5 * ((np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2) / 1.5) ** 2)
_GAUSSIAN = (_GAUSSIAN / _GAUSSIAN.sum()).astype(np.float32)
_C1, _C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # K1 and K2 times the range of values, squared
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])  # from fine to coarse
_CHUNK = 256


@jax.jit
def ssim(x: Array, y: Array) -> Array:
    """Structural similarity of pairs of images.

    The mean over positions and channels of
    `(2 μ_x μ_y + C₁)(2 σ_xy + C₂) / ((μ_x² + μ_y² + C₁)(σ_x² + σ_y² + C₂))`, moments under a
    Gaussian window of 11 x 11 pixels and standard deviation 1.5 that lies inside the image,
    `C = (0.01 L)², (0.03 L)²`. Values count from black, so L is 2 and the figure is that of the
    same images as 0 to 255 with L = 255.

    Image Quality Assessment: From Error Visibility to Structural Similarity, Wang et al., 2004,
    IEEE Transactions on Image Processing 13(4).

    Args:
      x: `[N, H, W, C]`, floats in [-1, 1].
      y: the same shape.

    Returns:
      `[N]` in [-1, 1]; 1 for equal images.

    Raises:
      UserError: if a side is shorter than the window.
    """
    _check(x, y)
    similarity, _ = _similarity(x, y)
    return jnp.mean(similarity, axis=(1, 2, 3))


@jax.jit
def multiscale_ssim(x: Array, y: Array) -> Array:
    """Structural similarity over scales, each half as fine as the one before.

    `Π_j cs_j^w_j · ssim_M^w_M` by channel, then the mean of channels: contrast and structure `cs`
    at all scales, luminance at the coarsest alone; means below 0 count as 0. An image is halved
    by averaging 2 x 2 pixels, an odd side repeats its last. The five scales and weights are the
    authors'. An image has the scales at which its shorter side is at least the window's 11 pixels
    (5 from 161 pixels, 4 from 81, 3 from 41, 2 from 21, else 1), their weights divided by their
    sum: figures of different resolutions do not compare.

    Multiscale Structural Similarity for Image Quality Assessment, Wang, Simoncelli & Bovik, 2003,
    Asilomar Conference on Signals, Systems and Computers.

    Args:
      x: `[N, H, W, C]`, floats in [-1, 1].
      y: the same shape.

    Returns:
      `[N]` in [0, 1]; 1 for equal images.

    Raises:
      UserError: if a side is shorter than the window.
    """
    _check(x, y)
    side = min(x.shape[1:3])
    weights = _WEIGHTS[[-(-side // 2**j) >= SSIM_WINDOW for j in range(len(_WEIGHTS))]]
    weights /= weights.sum()
    value = jnp.ones(())
    for weight in weights[:-1]:
        _, structure = _similarity(x, y)
        value = value * jnp.maximum(jnp.mean(structure, axis=(1, 2)), 0) ** weight
        x, y = _halve(x), _halve(y)
    similarity, _ = _similarity(x, y)
    value = value * jnp.maximum(jnp.mean(similarity, axis=(1, 2)), 0) ** weights[-1]
    return jnp.mean(value, axis=-1)


def pairwise_diversity(
    images: np.ndarray, pairs: int, seed: int, label: np.ndarray | None = None
) -> Estimate:
    """The mean of `1 - multiscale_ssim` over random pairs of images, of one class where given.

    Conditional Image Synthesis with Auxiliary Classifier GANs, Odena et al., 2017,
    arXiv:1610.09585, which compares the similarity within a class to that of real images.

    Args:
      images: `[N, H, W, C]`, floats in [-1, 1].
      pairs: how many, at least 2; they are disjoint, so that their distances are independent.
      seed: of the choice of pairs.
      label: `[N]`; with it, both images of a pair are of one class, a class as often as it occurs.

    Returns:
      The mean in [0, 1], 0 where all images are the same, with its standard error.

    Raises:
      UserError: if the images make fewer pairs, or are smaller than the window of `ssim`.
    """
    a, b = _random_pairs(len(images), pairs, seed, label)
    # The last chunk is filled up from the start again: one shape, one compilation.
    chunks = np.resize(np.arange(pairs), (-(-pairs // _CHUNK), min(pairs, _CHUNK)))
    similarity = [multiscale_ssim(images[a[rows]], images[b[rows]]) for rows in chunks]
    return estimate_mean(1 - np.concatenate(similarity, dtype=np.float64)[:pairs])


def pairwise_feature_distance(
    features: np.ndarray, pairs: int, seed: int, label: np.ndarray | None = None
) -> Estimate:
    """The mean Euclidean distance of features over random pairs, of one class where given.

    Args:
      features: `[N, D]`.
      pairs: as in `pairwise_diversity`; so are `seed` and `label`.
      seed: of the choice of pairs.
      label: `[N]`.

    Returns:
      The mean, at least 0, in the unit of the features, with its standard error.

    Raises:
      UserError: if the examples make fewer pairs.
    """
    a, b = _random_pairs(len(features), pairs, seed, label)
    distance = np.linalg.norm(features[a].astype(np.float64) - features[b], axis=1)
    return estimate_mean(distance)


def _check(x: Array, y: Array) -> None:
    chex.assert_rank(x, 4)
    chex.assert_equal_shape([x, y])
    chex.assert_type([x, y], float)
    height, width = x.shape[1:3]
    if min(height, width) < SSIM_WINDOW:
        raise UserError(
            f"ssim needs images of {SSIM_WINDOW}x{SSIM_WINDOW} pixels or more, got "
            f"{height}x{width}: resize them"
        )


def _similarity(x: Array, y: Array) -> tuple[Array, Array]:
    """SSIM at every position and its factor without luminance, `[N, H - 10, W - 10, C]` each."""
    x, y = x + 1, y + 1
    mean_x, mean_y, squares, product = map(_blur, (x, y, x**2 + y**2, x * y))
    means = mean_x**2 + mean_y**2
    luminance = (2 * mean_x * mean_y + _C1) / (means + _C1)
    structure = (2 * (product - mean_x * mean_y) + _C2) / (squares - means + _C2)
    return luminance * structure, structure


def _blur(x: Array) -> Array:
    """The Gaussian's means, as products with banded matrices: many times faster than convolving."""
    for axis in (1, 2):
        rest = x.shape[axis] - SSIM_WINDOW
        band = np.stack([np.pad(_GAUSSIAN, (k, rest - k)) for k in range(rest + 1)])
        x = jnp.tensordot(x, band, (axis, 1), precision=lax.Precision.HIGHEST)
        x = jnp.moveaxis(x, -1, axis)
    return x


def _halve(x: Array) -> Array:
    n, height, width, channels = x.shape
    x = jnp.pad(x, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    blocks = x.reshape(n, -(-height // 2), 2, -(-width // 2), 2, channels)
    return jnp.mean(blocks, axis=(2, 4))


def _random_pairs(
    count: int, pairs: int, seed: int, label: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of disjoint pairs of `count` examples, `[pairs]` each."""
    random = np.random.default_rng(seed)
    order = random.permutation(count)
    label = np.zeros(count) if label is None else np.asarray(label)
    classes = [order[label[order] == k] for k in np.unique(label)]
    found = np.concatenate([members[: len(members) // 2 * 2].reshape(-1, 2) for members in classes])
    if not 2 <= pairs <= len(found):
        raise UserError(
            f"{count} examples make 2 to {len(found)} disjoint pairs (within their classes, where "
            f"labelled), {pairs} are asked for: change pairs or draw more"
        )
    chosen = random.permutation(found)[:pairs]
    return chosen[:, 0], chosen[:, 1]
