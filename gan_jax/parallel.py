"""Spreading a game over devices and processes: the only file that names pmap.

A step is written for one device, with an axis name; here it is mapped over all, in the same way on
one device, on many, and on those of many processes. The state carries a leading axis over this
process's devices and is donated; every process starts from the same state and keeps it so.
"""

import contextlib
import operator
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import multihost_utils

from gan_jax import rendezvous
from gan_jax.step import GameState
from gan_jax.types import Batch, Metrics, UserError

AXIS = "batch"
"""The mapped axis, over which gradients and, where a net asks, batch statistics are averaged."""

TrainSteps = Callable[[GameState, Any, Any], tuple[GameState, Metrics]]
"""`(state, resident, items) -> (state, metrics)`; see `compile_steps`."""


@contextlib.contextmanager
def joined(coordinator: str, processes: int, process: int) -> Iterator[None]:
    """Joins the processes of a run; enter it before anything that asks for devices.

    A process that is lost ends the others, as `rendezvous.together` has it.

    Args:
      coordinator: `host:port` of process 0, which listens there alone; "auto" where the cluster
        tells (TPU pods, Slurm, ...), and JAX alone watches.
      processes: how many there are; ignored for "auto".
      process: which one this is, from 0; ignored for "auto".

    Raises:
      UserError: the coordinator is no address, the process none of the run's, or they do not meet.
    """
    # Read by the CPU backend alone, which has no collectives over processes of its own.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    if hasattr(jax.config, "jax_enable_preemption_service"):
        jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    if coordinator == "auto":
        jax.distributed.initialize()
        yield
        return
    host, _, port = coordinator.rpartition(":")
    if not (host and port.isdigit() and 0 < int(port) < 2**16):
        raise UserError(f"--coordinator={coordinator}: expected HOST:PORT, or 'auto'")
    if not 0 <= process < processes:
        raise UserError(f"--process={process} is not in 0..{processes - 1}")
    with rendezvous.together(host.strip("[]"), int(port), processes, process):
        jax.distributed.initialize(
            coordinator, processes, process, coordinator_bind_address=coordinator
        )
        yield
        jax.distributed.shutdown()  # which waits for the others, while they are watched


def check_batch_size(batch_size: int, accumulate: int, device_count: int, group: int = 1) -> None:
    """Raises a UserError where a batch cannot be dealt out evenly, in whole groups."""
    share = device_count * accumulate * group
    if batch_size % share:
        parts = f"{device_count} device{'s' * (device_count != 1)}"
        if accumulate > 1:
            parts += f" x {accumulate} micro-batches"
        if group > 1:
            parts += f" in groups of {group}"
        good = max(batch_size // share, 1) * share
        raise UserError(
            f"batch_size {batch_size} cannot be dealt out evenly to {parts}: try {good}"
        )


def devices() -> list[jax.Device]:
    """All devices of all processes, those of a process next to one another.

    The order is the mapped axis's: process p holds the p-th of equal parts of a batch.
    """
    return sorted(jax.devices(), key=lambda device: (device.process_index, device.id))


def replicate(tree: Any, devices: Sequence[jax.Device]) -> Any:
    """A copy for every device, leaves `[devices, ...]`, as `compile_steps` takes them."""
    copy = jax.pmap(lambda _, tree: tree, AXIS, in_axes=(0, None), devices=devices)
    return copy(np.arange(local_count(devices)), tree)


def deal_members(tree: Any, devices: Sequence[jax.Device]) -> Any:
    """Leaves `[runs, ...]` as `compile_members` takes them, `[devices, runs, ...]`, in order."""
    count = len(devices)

    def share(place: jax.Array, tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.reshape(count, -1, *leaf.shape[1:])[place], tree)

    return jax.pmap(share, in_axes=(0, None), devices=devices)(np.arange(count), tree)


def member(tree: Any, index: int) -> Any:
    """What is of one run in what `compile_members` returns, leaves `[...]`."""

    def take(leaf: jax.Array) -> jax.Array:
        device, run = divmod(index, leaf.shape[1])
        return leaf.addressable_data(device)[0, run]

    return jax.tree.map(take, tree)


def read(leaf: jax.Array, device: int = 0) -> np.ndarray:
    """One device's part of what `compile_steps` or `compile_members` returns, on the host."""
    return np.asarray(leaf.addressable_data(device))[0]


def read_member(leaf: jax.Array, index: int) -> np.ndarray:
    """What is of one run in a leaf that `compile_members` returns, on the host."""
    device, run = divmod(index, leaf.shape[1])
    return read(leaf, device)[run]


def unreplicate(tree: Any) -> Any:
    """This process's first copy."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0)[0], tree)


def local_count(devices: Sequence[jax.Device]) -> int:
    """How many of the devices are this process's own."""
    return sum(device.process_index == jax.process_index() for device in devices)


def shard(items: Any, device_count: int) -> Any:
    """Deals a call's batches out: leaves `[steps, repeats, B, ...]` to `[devices, steps, ...]`.

    Device `d` of this process's gets the `d`-th of equal, consecutive parts of each batch.
    """

    def deal(leaf: Any) -> Any:
        steps, repeats, size, *rest = leaf.shape
        parts = leaf.reshape(steps, repeats, device_count, size // device_count, *rest)
        return parts.transpose(2, 0, 1, 3, *range(4, parts.ndim))

    return jax.tree.map(deal, items)


def map_batched(function: Callable[[Any, Any], Any], size: int) -> Callable[[Any, Any], Any]:
    """Maps a function of examples over this process's devices, compiled once.

    Args:
      function: `(variables, inputs [B, ...]) -> outputs [B, ...]`, an example at a time at heart.
      size: examples a call, over all devices together; rounded up to share evenly.

    Returns:
      `(variables, inputs [N, ...]) -> outputs [N, ...]` on the host, for any N; inputs and outputs
      are trees of arrays.
    """
    count = jax.local_device_count()
    share = -(-size // count)
    mapped = jax.pmap(function, in_axes=(None, 0), devices=jax.local_devices())

    def call(variables: Any, inputs: Any) -> Any:
        total = jax.tree.leaves(inputs)[0].shape[0]
        outputs = []
        for start in range(0, total, count * share):
            # The last call is filled up from the start again.
            rows = np.arange(start, start + count * share).reshape(count, share) % total
            output = mapped(variables, jax.tree.map(operator.itemgetter(rows), inputs))
            outputs.append(jax.tree.map(flatten, output))
        return jax.tree.map(lambda *parts: np.concatenate(parts)[:total], *outputs)

    def flatten(leaf: jax.Array) -> np.ndarray:
        return np.asarray(leaf).reshape(count * share, *leaf.shape[2:])

    return call


def check_agreement(text: str, what: str) -> None:
    """Waits for all processes and raises a UserError unless they bring the same text."""
    mine = np.uint32(zlib.crc32(text.encode()))
    if jax.process_count() > 1 and np.ptp(multihost_utils.process_allgather(mine)):
        raise UserError(f"the processes of this run differ in {what}: start all of them alike")


def any_process(flag: bool) -> bool:
    """Whether the flag is up in any process; all must ask."""
    return flag if jax.process_count() == 1 else bool(multihost_utils.process_allgather(flag).any())


def compile_steps(
    step: Callable[[GameState, Batch], tuple[GameState, Metrics]],
    fetch: Callable[[Any, Any], Batch],
    devices: Sequence[jax.Device],
) -> TrainSteps:
    """One dispatch for several steps on several devices.

    Args:
      step: `(state, batch) -> (state, metrics)` on one device, with axis name `AXIS`; batch leaves
        `[repeats, B, ...]`.
      fetch: `(resident, item) -> batch`, run on the device; see `data.Loader`.
      devices: to map over, of all processes, as `devices` orders them.

    Returns:
      `(state, resident, items) -> (state, metrics)`, state and resident replicated, items as
      `shard` deals them, metrics `[devices, steps]`. The state passed in is given up.
    """

    def steps(state: GameState, resident: Any, items: Any) -> tuple[GameState, Metrics]:
        advance = lambda state, item: step(state, _fetched(fetch, resident, item))
        return _one_after_the_other(advance, state, items)

    return jax.pmap(steps, axis_name=AXIS, devices=devices, donate_argnums=0)


def compile_members(
    step: Callable[[GameState, Batch, Any], tuple[GameState, Metrics]],
    fetch: Callable[[Any, Any], Batch],
    devices: Sequence[jax.Device],
) -> Callable[[GameState, Any, Any, Any], tuple[GameState, Metrics]]:
    """One dispatch for several steps of several runs, which have nothing to do with one another.

    A device takes its runs at once (`vmap`). A CPU takes them one after the other, since it is as
    busy with one, and one after the other is a third faster than at once.

    Args:
      step: `(state, batch, numbers) -> (state, metrics)` of a run, on a whole batch, leaves
        `[repeats, B, ...]`, with no axis name.
      fetch: `(resident, item) -> batch`, run on the device; see `data.Loader`.
      devices: to map over, of this process: each has as many runs as the others.

    Returns:
      `(states, resident, items, numbers) -> (states, metrics)`, resident replicated, all else
      `[devices, runs, ...]`, items `[devices, runs, steps, repeats, B, ...]`, metrics `[devices,
      runs, steps]`. The states, all after the same step, are given up.
    """
    together = _one_by_one if devices[0].platform == "cpu" else _at_once

    def steps(states: GameState, resident: Any, items: Any, numbers: Any) -> tuple:
        def alone(state: GameState, items: Any, numbers: Any) -> tuple[GameState, Metrics]:
            advance = lambda state, item: step(state, _fetched(fetch, resident, item), numbers)
            return _one_after_the_other(advance, state, items)

        return together(alone, states, items, numbers)

    return jax.pmap(steps, devices=devices, donate_argnums=0)


def _one_by_one(run: Callable, states: GameState, items: Any, numbers: Any) -> tuple:
    return lax.map(lambda arguments: run(*arguments), (states, items, numbers))


def _at_once(run: Callable, states: GameState, items: Any, numbers: Any) -> tuple:
    """The step's number is one for all, so that a turn that is not due costs nothing."""
    axes, taken = GameState(step=None, key=0, players=0), states.step
    mapped = jax.vmap(run, in_axes=(axes, 0, 0), out_axes=(axes, 0))
    states, metrics = mapped(states.replace(step=taken[0]), items, numbers)
    return states.replace(step=jnp.full_like(taken, states.step)), metrics


def _fetched(fetch: Callable[[Any, Any], Batch], resident: Any, item: Any) -> Batch:
    """The batch `[repeats, B, ...]` of an item of such leaves."""
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), item)
    repeats = jax.tree.leaves(item)[0].shape[0]
    batch = fetch(resident, flat)
    return jax.tree.map(lambda leaf: leaf.reshape(repeats, -1, *leaf.shape[1:]), batch)


def _one_after_the_other(
    advance: Callable[[GameState, Any], tuple[GameState, Metrics]], state: GameState, items: Any
) -> tuple[GameState, Metrics]:
    """The state after all items `[steps, ...]`, and metrics `[steps, ...]`; one makes no loop."""
    if jax.tree.leaves(items)[0].shape[0] == 1:
        state, metrics = advance(state, jax.tree.map(lambda leaf: leaf[0], items))
        return state, jax.tree.map(lambda value: value[None], metrics)
    return lax.scan(advance, state, items)
