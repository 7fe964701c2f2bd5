"""The names that every other module speaks in."""

from collections.abc import Mapping
from typing import Any

import jax

Array = jax.Array
PRNGKey = jax.Array
"""Typed PRNG keys (`jax.random.key`), of the shape that the docstring at hand says."""

Params = Mapping[str, Any]
"""A pytree of dicts whose leaves are trainable float arrays."""

Variables = Mapping[str, Any]
"""Flax collections: `params` and, where a net keeps them, `batch_stats` and others."""

Batch = Mapping[str, Any]
"""Flat named columns `[B, ...]`: `x` and, where the data have them, `label` [B] int32.

A pair is two columns, such as `x` and `source`; unpaired domains are `a` and `b`.
"""

Metrics = Mapping[str, Array]
"""Scalars by name; after a step, by `player/name`."""


class UserError(ValueError):
    """A fault of input, not of the program: one line that names the thing and the remedy.

    Scripts print its message without a traceback and end with a non-zero exit code.
    """
