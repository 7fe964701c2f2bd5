"""Spectral normalisation: a layer's kernel divided by its largest singular value.

Spectral Normalization for Generative Adversarial Networks, Miyato et al., 2018, arXiv:1802.05957.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.types import Array

_TINY = 1e-24  # of a squared norm: a shorter vector has no direction


def largest_singular_value(kernel: Array, u: Array) -> tuple[Array, Array]:
    """One power iteration for the largest singular value of a kernel as a matrix.

    Algorithm 1 of Miyato et al., 2018, arXiv:1802.05957. With W [prod(rest), F] the matrix,
    `v = W u / ‖W u‖`, `u' = Wᵀ v / ‖Wᵀ v‖` and `σ = vᵀ W u'`. Only the W in σ is differentiated:
    the gradient is `v u'ᵀ`, that of the singular value itself once u has converged.

    Args:
      kernel: `[*rest, F]`, whose last axis is that of the outputs.
      u: `[F]`, of unit length: what is known of the singular vector.

    Returns:
      σ, a scalar of at least 0 and at most the singular value, and `u'` [F], of unit length; `u`
      itself where `W u` vanishes.
    """
    w = kernel.reshape(-1, kernel.shape[-1])
    v = lax.stop_gradient(_unit(_dot(w, u), jnp.zeros(w.shape[:1], w.dtype)))
    u = lax.stop_gradient(_unit(_dot(v, w), u))
    return _dot(_dot(v, w), u), u


def _dot(a: Array, b: Array) -> Array:
    return jnp.dot(a, b, precision=lax.Precision.HIGHEST)


def _unit(x: Array, otherwise: Array) -> Array:
    square = jnp.sum(x**2)
    return jnp.where(square > _TINY, x * lax.rsqrt(jnp.maximum(square, _TINY)), otherwise)


class SpectralNorm(nn.Module):
    """A layer whose every parameter of two axes or more is divided by its largest singular value.

    Spectral Normalization for Generative Adversarial Networks, Miyato et al., 2018,
    arXiv:1802.05957. It takes any layer that keeps nothing but parameters, such as `Conv`,
    `nn.Dense` and `nn.Embed`:

        y = SpectralNorm(nn.Dense(10))(x, train=train)

    A training pass keeps the vector its power iteration ends with, float32, in the collection
    `spectral`; a pass in evaluation gives the same numbers and keeps nothing. The iteration sees
    the parameters alone, so it mixes no examples and agrees on every device. The parameters have
    the names and initial values that the layer has without it. A kernel of zeros stays as it is.

    It differs from `flax.linen.SpectralNorm` in that collection: `batch_stats` says of a net that
    its examples are not independent, which these are.

    Attributes:
      layer: the layer.
    """

    layer: nn.Module

    @nn.compact
    def __call__(self, *inputs: Any, train: bool = False) -> Any:
        """The layer's output on `inputs`."""
        if self.is_initializing():
            output = self.layer(*inputs)  # which makes its parameters
        layer, variables = self.layer.unbind()
        name = lambda path: jax.tree_util.keystr(path, simple=True, separator="_")
        kept = {
            name(path): self.variable("spectral", name(path), self._direction, weight.shape[-1])
            for path, weight in jax.tree.leaves_with_path(variables["params"])
            if weight.ndim >= 2
        }
        if self.is_initializing():
            return output  # of the right shape, which is all that is asked of it

        def normalise(path: tuple, weight: Array) -> Array:
            if weight.ndim < 2:
                return weight
            direction = kept[name(path)]
            sigma, u = largest_singular_value(weight.astype(jnp.float32), direction.value)
            if train:
                direction.value = u
            return weight / jnp.where(sigma > 0, sigma, 1.0).astype(weight.dtype)

        params = jax.tree.map_with_path(normalise, variables["params"])
        return layer.apply({"params": params}, *inputs)

    def _direction(self, size: int) -> Array:
        u = jax.random.normal(self.make_rng("params"), (size,))
        return _unit(u, u)


def run(layer: nn.Module, *inputs: Any, spectral: bool, train: bool) -> Any:
    """The layer's output on `inputs`, with `SpectralNorm` where it is asked for."""
    return SpectralNorm(layer)(*inputs, train=train) if spectral else layer(*inputs)
