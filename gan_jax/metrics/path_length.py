"""Perceptual path length: how far an image moves when its latent does."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.metrics.estimate import Estimate, estimate_mean
from gan_jax.types import Array


@jax.jit
def slerp(start: Array, end: Array, t: Array) -> Array:
    """A point of the great arc between two latents, where a Gaussian's samples keep their length.

    `(sin((1 - t) θ) start + sin(t θ) end) / sin θ`, with θ the angle between them.

    Sampling Generative Networks, White, 2016, arXiv:1609.04468.

    Args:
      start: `[Z]`; `jax.vmap` makes arcs of many.
      end: `[Z]`.
      t: scalar, 0 at the start and 1 at the end.

    Returns:
      `[Z]`.
    """
    cosine = jnp.dot(start / jnp.linalg.norm(start), end / jnp.linalg.norm(end))
    angle = jnp.arccos(jnp.clip(cosine, -1 + 1e-6, 1 - 1e-6))
    return (jnp.sin((1 - t) * angle) * start + jnp.sin(t * angle) * end) / jnp.sin(angle)


def path_lengths(
    sample: Callable[[Array], Array],
    features: Callable[[Array], Array],
    start: Array,
    end: Array,
    t: Array,
    *,
    epsilon: float = 1e-4,
) -> np.ndarray:
    """Squared speeds of images along great arcs: `‖f(G(z(t + ε))) - f(G(z(t)))‖² / ε²`.

    A Style-Based Generator Architecture for Generative Adversarial Networks, Karras et al., 2019,
    arXiv:1812.04948, section 4.1, on full paths where t is uniform, at their ends where t is 0.

    A step is so small that images must stay floats, never rounded to 8 bits, and float32
    throughout: in bfloat16 or TF32 rounding outweighs it.

    Args:
      sample: `latent [N, Z] -> images`, without noise of its own.
      features: `images -> [N, D]`, in which squared Euclidean distance is perceptual.
      start: `[N, Z]`, drawn from a Gaussian prior.
      end: `[N, Z]`, likewise.
      t: `[N]`, in [0, 1].
      epsilon: the step ε of t.

    Returns:
      `[N]` float64, at least 0.
    """
    arc = jax.vmap(slerp)
    here, there = (
        np.asarray(features(sample(arc(start, end, at))), np.float64) for at in (t, t + epsilon)
    )
    return ((there - here) ** 2).sum(axis=1) / epsilon**2


def perceptual_path_length(lengths: np.ndarray) -> Estimate:
    """The mean of `path_lengths` between their 1 % and 99 % quantiles, as its authors have it.

    Args:
      lengths: `[N]`, from any number of batches; 2 at least.

    Returns:
      The mean, at least 0, with its standard error.
    """
    low = np.percentile(lengths, 1, method="lower")
    high = np.percentile(lengths, 99, method="higher")
    return estimate_mean(lengths[(low <= lengths) & (lengths <= high)])
