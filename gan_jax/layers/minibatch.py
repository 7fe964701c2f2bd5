"""What a discriminator sees of several examples together."""

import math

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.types import Array


def minibatch_stddev(x: Array, group: int) -> Array:
    """`x` with one channel more: how much the examples of a group differ.

    Progressive Growing of GANs for Improved Quality, Stability, and Variation, Karras et al., 2018,
    arXiv:1710.10196, section 3. The standard deviation over the examples of a group, by place and
    channel, is averaged over places and channels; the number stands everywhere.

    Args:
      x: maps [B, H, W, C], of which so many consecutive ones are a group.
      group: examples in a group; see `game.Game.group`, which keeps them on one device.

    Returns:
      [B, H, W, C + 1].

    Raises:
      ValueError: where the batch is not of whole groups.
    """
    b, h, w, _ = x.shape
    groups = _in_groups(x, group)
    variance = jnp.mean((groups - jnp.mean(groups, axis=1, keepdims=True)) ** 2, axis=1)
    spread = jnp.mean(jnp.sqrt(variance + 1e-8), axis=(1, 2, 3))  # [B / group]
    channel = jnp.broadcast_to(spread[:, None, None, None, None], (b // group, group, h, w, 1))
    return jnp.concatenate([x, channel.reshape(b, h, w, 1).astype(x.dtype)], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """Features, and how near those of each example are to those of the others of its group.

    With `M_i = x_i T`, of `kernels` rows of `dimensions` numbers, the b-th of the further features
    of example i is

        o_ib = Σ_j exp(-‖M_ib - M_jb‖₁)

    over all j of its group: from 1, since i itself is among them, to the number of examples in it.
    In the paper the sum is over the minibatch, of data or of samples alone, and so depends on how
    many there are on a device; here it is over a group of a fixed size. At first T is such that
    features of variance 1 lie about 1 apart.

    Improved Techniques for Training GANs, Salimans et al., 2016, arXiv:1606.03498, section 3.2.

    Attributes:
      kernels: B of the paper, how many further features.
      dimensions: C of the paper, in which distances are taken.
      group: consecutive examples in a group; the game's `group` is to be the same or a multiple,
        so that they stay on one device. In evaluation a group is the greatest common divisor of
        this number and the batch's.
    """

    kernels: int
    dimensions: int
    group: int

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Maps features [B, D] to [B, D + kernels], of their dtype; the sums are made in float32.

        Raises:
          ValueError: where, in training, the batch is not of whole groups.
        """
        near = nn.initializers.variance_scaling(self.dimensions**-2, "fan_in", "normal")
        outputs = self.kernels * self.dimensions
        rows = nn.Dense(outputs, use_bias=False, kernel_init=near, dtype=x.dtype, name="tensor")(x)
        whole = train and not self.is_initializing()
        group = self.group if whole else math.gcd(self.group, len(x))
        rows = _in_groups(rows.reshape(len(x), self.kernels, self.dimensions), group)
        distance = jnp.sum(jnp.abs(rows[:, :, None] - rows[:, None]), axis=-1)  # [N, i, j, b]
        near_by = jnp.sum(jnp.exp(-distance), axis=2).reshape(len(x), self.kernels)
        return jnp.concatenate([x, near_by.astype(x.dtype)], axis=-1)


def _in_groups(x: Array, group: int) -> Array:
    """`x` [B, ...] as [B / group, group, ...], float32."""
    if len(x) % group:
        raise ValueError(
            f"a batch of {len(x)} examples is not of groups of {group}, which are looked at "
            "together: let the game have this `group`"
        )
    return x.astype(jnp.float32).reshape(len(x) // group, group, *x.shape[1:])
