"""What a discriminator sees of several examples together."""

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
    b, h, w, c = x.shape
    if b % group:
        raise ValueError(
            f"a batch of {b} examples is not of groups of {group}, over which a standard deviation "
            "is taken: let the game have this `group`"
        )
    groups = x.astype(jnp.float32).reshape(b // group, group, h, w, c)
    variance = jnp.mean((groups - jnp.mean(groups, axis=1, keepdims=True)) ** 2, axis=1)
    spread = jnp.mean(jnp.sqrt(variance + 1e-8), axis=(1, 2, 3))  # [B / group]
    channel = jnp.broadcast_to(spread[:, None, None, None, None], (b // group, group, h, w, 1))
    return jnp.concatenate([x, channel.reshape(b, h, w, 1).astype(x.dtype)], axis=-1)
