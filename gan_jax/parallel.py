"""Spreading a game over devices: the only file that names pmap.

A step is written for one device, with an axis name; here it is mapped over all local ones, in the
same way on one as on many. The state carries a leading device axis and is donated.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from gan_jax.game import GameState
from gan_jax.types import Batch, Metrics, UserError

AXIS = "batch"
"""The mapped axis, over which gradients and, where a net asks, batch statistics are averaged."""

Play = Callable[[GameState, Any, Any], tuple[GameState, Metrics]]


def check_batch_size(batch_size: int, accumulate: int, device_count: int) -> None:
    """Raises a UserError where a batch cannot be dealt out evenly."""
    if batch_size % (device_count * accumulate):
        parts = f"{device_count} device{'s' * (device_count != 1)}"
        if accumulate > 1:
            parts += f" x {accumulate} micro-batches"
        good = max(batch_size // (device_count * accumulate), 1) * device_count * accumulate
        raise UserError(
            f"batch_size {batch_size} cannot be dealt out evenly to {parts}: try {good}"
        )


def replicate(tree: Any, devices: Sequence[jax.Device]) -> Any:
    """A copy for every device, leaves `[devices, ...]`, laid out as `compile_play` returns them."""
    copy = jax.pmap(lambda _, tree: tree, AXIS, in_axes=(0, None), devices=devices)
    return copy(np.arange(len(devices)), tree)


def unreplicate(tree: Any) -> Any:
    """The first device's copy."""
    return jax.tree.map(lambda leaf: leaf[0], tree)


def shard(items: Any, device_count: int) -> Any:
    """Deals a call's batches out: leaves `[steps, repeats, B, ...]` to `[devices, steps, ...]`.

    Device `d` gets the `d`-th of equal, consecutive parts of each batch.
    """

    def deal(leaf: Any) -> Any:
        steps, repeats, size, *rest = leaf.shape
        parts = leaf.reshape(steps, repeats, device_count, size // device_count, *rest)
        return parts.transpose(2, 0, 1, 3, *range(4, parts.ndim))

    return jax.tree.map(deal, items)


def compile_play(
    step: Callable[[GameState, Batch], tuple[GameState, Metrics]],
    fetch: Callable[[Any, Any], Batch],
    devices: Sequence[jax.Device],
) -> Play:
    """One dispatch for several steps on several devices.

    Args:
      step: `(state, batch) -> (state, metrics)` on one device, with axis name `AXIS`; batch leaves
        `[repeats, B, ...]`.
      fetch: `(resident, item) -> batch`, run on the device; see `data.Loader`.
      devices: to map over.

    Returns:
      `(state, resident, items) -> (state, metrics)`, state and resident replicated, items as
      `shard` deals them, metrics `[devices, steps]`. The state passed in is given up.
    """

    def advance(state: GameState, resident: Any, item: Any) -> tuple[GameState, Metrics]:
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), item)
        repeats = jax.tree.leaves(item)[0].shape[0]
        batch = fetch(resident, flat)
        batch = jax.tree.map(lambda leaf: leaf.reshape(repeats, -1, *leaf.shape[1:]), batch)
        return step(state, batch)

    def play(state: GameState, resident: Any, items: Any) -> tuple[GameState, Metrics]:
        if jax.tree.leaves(items)[0].shape[0] == 1:
            state, metrics = advance(state, resident, unreplicate(items))
            return state, jax.tree.map(lambda value: value[None], metrics)
        return lax.scan(lambda state, item: advance(state, resident, item), state, items)

    return jax.pmap(play, axis_name=AXIS, devices=devices, donate_argnums=0)
