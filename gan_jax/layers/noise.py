"""Layers that draw: each example from a key of its own, so that a batch's layout does not matter.

Such a layer folds the path of its place in the net into the keys it is given, so that two of them
in one net draw differently from the same keys. One that is called twice in a pass draws the same
twice. Nothing is drawn while a net is initialised.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import prng
from gan_jax.types import Array, PRNGKey


def own_keys(module: nn.Module, keys: PRNGKey | None) -> PRNGKey:
    """Keys [B] for what `module`, at its place in the net, draws of the net's `keys` [B].

    Raises:
      ValueError: where there are no keys.
    """
    path = "/".join(module.path)
    if keys is None:
        raise ValueError(f"{path or type(module).__name__} draws, and needs keys [B]")
    return prng.fold_in(keys, path)


class Dropout(nn.Module):
    """Zeros for a share of the numbers, all others enlarged so that the mean stays.

    Dropout: A Simple Way to Prevent Neural Networks from Overfitting, Srivastava et al., 2014,
    Journal of Machine Learning Research 15.

    Attributes:
      rate: the share that is dropped, in [0, 1).
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, keys: PRNGKey | None, train: bool = False) -> Array:
        """`x` [B, ...] with dropout by `keys` [B] in training; in evaluation `x` itself.

        A net whose dropout is its noise, in evaluation too, says `train=True`.
        """
        if not train or self.rate == 0 or self.is_initializing():
            return x
        kept = prng.uniform(own_keys(self, keys), x.shape[1:]) >= self.rate
        return jnp.where(kept, x / (1 - self.rate), 0).astype(x.dtype)


class PhaseShuffle(nn.Module):
    """Moves every signal in time by a few steps at random; reflections fill the border.

    Adversarial Audio Synthesis, Donahue et al., 2018, arXiv:1802.04208, section 3.3. A
    discriminator that meets it cannot tell samples by the phase of upsampling's artefacts.

    Attributes:
      reach: n; the shift is uniform on the integers of [-n, n].
    """

    reach: int

    @nn.compact
    def __call__(self, x: Array, keys: PRNGKey | None) -> Array:
        """Maps `x` [B, T, C], with T > n, to its like, each signal shifted by its key."""
        if self.reach == 0 or self.is_initializing():
            return x
        n = self.reach
        wide = jnp.pad(x, [(0, 0), (n, n), (0, 0)], mode="reflect")
        starts = jax.vmap(lambda key: jax.random.randint(key, (), 0, 2 * n + 1))(
            own_keys(self, keys)
        )
        return jax.vmap(lambda x, start: lax.dynamic_slice_in_dim(x, start, len(x) - 2 * n))(
            wide, starts
        )
