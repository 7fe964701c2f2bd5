"""What samples are drawn from."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax import keys as per_example
from gan_jax import metrics
from gan_jax.game import Game
from gan_jax.types import Array, Batch, PRNGKey

DRAW_SIZE = 256
"""Samples drawn at once, over all devices of a process together."""


def draw_inputs(game: Game, key: PRNGKey, count: int, conditions: Batch) -> Mapping[str, Any]:
    """What `count` samples are made from: latents and, where asked for, labels or examples.

    Args:
      game: the game.
      key: a scalar key; the same key, the same inputs, and fewer are the first of more.
      count: how many.
      conditions: the entries `game.conditions`, leaves `[count, ...]`.
    """
    return game.prior(per_example.per_example(key, count), conditions)


def interpolate(start: Array, end: Array, count: int) -> Array:
    """Latents on great arcs from `start` to `end`, where a Gaussian's samples keep their length.

    Sampling Generative Networks, White, 2016, arXiv:1609.04468.

    Args:
      start: `[N, Z]`.
      end: `[N, Z]`.
      count: points on each arc, both ends included.

    Returns:
      `[N, count, Z]`.
    """
    arc = jax.vmap(jax.vmap(metrics.slerp, (None, None, 0)), (0, 0, None))
    return arc(start, end, jnp.linspace(0.0, 1.0, count))
