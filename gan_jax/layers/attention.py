"""Self-attention: every place of a map looks at all others."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers.conv import Conv
from gan_jax.layers.spectral import run
from gan_jax.types import Array


class SelfAttention(nn.Module):
    """A map, and beside it what each of its places gathers from the others.

    Self-Attention Generative Adversarial Networks, Zhang et al., 2019, arXiv:1805.08318, section 3.
    With queries q, keys k and values v, linear in the C channels, C/8, C/8 and C/2 of them,

        y_i = x_i + γ W Σ_j softmax_j(q_i · k_j) v_j.

    j goes over the maxima of 2×2 places, as in the authors' code, which the paper does not say. γ
    starts at 0, so that at first the layer is the identity.

    Attributes:
      spectral: whether every kernel is divided by its largest singular value.
      kernel_init: initialiser of the kernels.
      dtype: of the computation and of the output; the softmax is float32.
    """

    spectral: bool = False
    kernel_init: Callable = nn.initializers.glorot_uniform()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Maps `x` [B, H, W, C], of at least 2×2 places, to its like."""
        b, h, w, c = x.shape
        few, half = max(c // 8, 1), max(c // 2, 1)

        def project(x: Array, features: int) -> Array:
            layer = Conv(
                features, (1, 1), use_bias=False, kernel_init=self.kernel_init, dtype=self.dtype
            )
            return run(layer, x, spectral=self.spectral, train=train)

        x = x.astype(self.dtype)
        queries = project(x, few).reshape(b, h * w, few)
        keys, values = _pooled(project(x, few)), _pooled(project(x, half))
        scores = jnp.einsum("bqc,bkc->bqk", queries, keys, preferred_element_type=jnp.float32)
        weights = nn.softmax(scores).astype(self.dtype)
        gathered = jnp.einsum("bqk,bkc->bqc", weights, values).reshape(b, h, w, half)
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        return x + gamma.astype(self.dtype) * project(gathered, c)


def _pooled(x: Array) -> Array:
    """The maxima of 2×2 places, in a row: `x` [B, H, W, C] to [B, (H // 2) (W // 2), C]."""
    b, h, w, c = (x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3])
    tiles = x[:, : 2 * h, : 2 * w].reshape(b, h, 2, w, 2, c)
    return jnp.max(tiles, axis=(2, 4)).reshape(b, h * w, c)
