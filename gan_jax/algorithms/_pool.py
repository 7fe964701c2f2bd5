"""A pool of past samples that a discriminator is shown among fresh ones.

Learning from Simulated and Unsupervised Images through Adversarial Training, Shrivastava et al.,
2017, arXiv:1612.07828, section 2.3, as CycleGAN uses it: while the pool fills, a sample is shown as
it is and kept; then by half it is exchanged for one of the pool, whose place it takes.

The pool is a player's memory: its choices are made from the pool before the step, by an example's
own key, and its changes from the whole batch in order, so that it is the same on any number of
devices.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax import prng
from gan_jax.types import Array, PRNGKey


class Pool(NamedTuple):
    """Past samples.

    Attributes:
      samples: `[size, ...]`.
      filled: int32, how many of them are there.
    """

    samples: Array
    filled: Array


class Choice(NamedTuple):
    """What became of a sample, each `[B, ...]`.

    Attributes:
      sample: the fresh one.
      place: in the pool.
      exchanged: whether the pool's was shown in its stead.
    """

    sample: Array
    place: Array
    exchanged: Array


def empty(size: int, like: Array) -> Pool:
    """A pool for samples of the shape and dtype of `like` [B, ...]."""
    return Pool(jnp.zeros((size, *like.shape[1:]), like.dtype), jnp.zeros((), jnp.int32))


def exchange(pool: Pool, fresh: Array, keys: PRNGKey) -> tuple[Array, Choice]:
    """What to show in place of fresh samples [B, ...], with a key each, and what `keep` is told."""
    size = len(pool.samples)
    place = jax.vmap(lambda key: jax.random.randint(key, (), 0, size))(prng.fold_in(keys, "place"))
    exchanged = (prng.uniform(prng.fold_in(keys, "exchange"), ()) < 0.5) & (pool.filled == size)
    choose = jax.vmap(lambda yes, past, fresh: jnp.where(yes, past, fresh))
    return choose(exchanged, pool.samples[place], fresh), Choice(fresh, place, exchanged)


def keep(pool: Pool, choices: Choice) -> Pool:
    """The pool after a batch, whose examples come in order."""
    full = pool.filled == len(pool.samples)

    def put(pool: Pool, choice: Choice) -> tuple[Pool, None]:
        fills = ~full & (pool.filled < len(pool.samples))
        place = jnp.where(full, choice.place, jnp.minimum(pool.filled, len(pool.samples) - 1))
        stays = ~(fills | choice.exchanged)
        new = jnp.where(stays, pool.samples[place], choice.sample)
        return Pool(pool.samples.at[place].set(new), pool.filled + fills), None

    return lax.scan(put, pool, choices)[0]
