"""From word vectors of one language to those of another, and a critic of vectors.

Word Translation Without Parallel Data, Conneau et al., 2018, arXiv:1710.04087, section 3.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.layers import Dropout
from gan_jax.nets.mlp import MLP
from gan_jax.types import Array, PRNGKey


class Mapping(nn.Module):
    """A linear map of vectors, at first the identity; its matrix is `w`."""

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps [B, D] to [B, D]."""
        del label, train
        start = lambda key, dim: jnp.eye(dim, dtype=jnp.float32)
        w = self.param("w", start, x.shape[-1])
        return jnp.matmul(x, w, precision=jax.lax.Precision.HIGHEST)


class Discriminator(nn.Module):
    """From a vector, a share of whose numbers is dropped, to its logit.

    Attributes:
      hidden: widths of the hidden layers; twice 2,048 in the paper.
      dropout: of the input; 0.1 in the paper.
      dtype: of the computation; the output is float32.
    """

    hidden: tuple[int, ...] = (2_048, 2_048)
    dropout: float = 0.1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Array:
        """Maps [B, D] to logits [B]."""
        del label
        x = Dropout(self.dropout)(x, keys, train)
        return MLP(self.hidden, 1, dtype=self.dtype)(x)[:, 0].astype(jnp.float32)
