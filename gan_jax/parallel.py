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

    def advance(state: GameState, resident: Any, item: Any) -> tuple[GameState, Metrics]:
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), item)
        repeats = jax.tree.leaves(item)[0].shape[0]
        batch = fetch(resident, flat)
        batch = jax.tree.map(lambda leaf: leaf.reshape(repeats, -1, *leaf.shape[1:]), batch)
        return step(state, batch)

    def steps(state: GameState, resident: Any, items: Any) -> tuple[GameState, Metrics]:
        if jax.tree.leaves(items)[0].shape[0] == 1:
            item = jax.tree.map(lambda leaf: leaf[0], items)
            state, metrics = advance(state, resident, item)
            return state, jax.tree.map(lambda value: value[None], metrics)
        return lax.scan(lambda state, item: advance(state, resident, item), state, items)

    return jax.pmap(steps, axis_name=AXIS, devices=devices, donate_argnums=0)
