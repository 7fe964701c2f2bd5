"""Randomness by example: a batch's noise comes from one PRNG key per example.

A step's randomness is a vector of keys `[B]`, the i-th folded from the example's position in the
global batch. So an example meets the same noise however the batch is laid over devices, and a run
on eight devices is, to rounding, the run on one. A purpose folds its own name in; adding a consumer
never shifts the stream of another.
"""

import hashlib

import jax
import jax.numpy as jnp

from gan_jax.types import Array, PRNGKey


def per_example(key: PRNGKey, count: int, offset: int | Array = 0) -> PRNGKey:
    """Keys `[count]` for the examples at positions `offset`, `offset + 1`, ... of a batch."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, offset + jnp.arange(count))


def fold_in(keys: PRNGKey, purpose: str | int | Array) -> PRNGKey:
    """Keys of the same shape for one purpose, independent of those for any other.

    A name's constant is the first 32 bits of its SHA-256.
    """
    if isinstance(purpose, str):
        purpose = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "big")
    fold = lambda key: jax.random.fold_in(key, purpose)
    for _ in keys.shape:
        fold = jax.vmap(fold)
    return fold(keys)


def normal(keys: PRNGKey, shape: tuple[int, ...]) -> Array:
    """Standard normal noise `[B, *shape]`, float32."""
    return jax.vmap(lambda key: jax.random.normal(key, shape))(keys)


def uniform(keys: PRNGKey, shape: tuple[int, ...]) -> Array:
    """Noise `[B, *shape]` uniform on [0, 1), float32."""
    return jax.vmap(lambda key: jax.random.uniform(key, shape))(keys)
