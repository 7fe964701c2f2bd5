"""A recipe ahead of its run: the slice of a TPU that it is compiled for, and what it takes there.

No TPU is needed, and mostly no data: shapes are all there is.
"""

import importlib.util
import math
import os
import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments import recipes
from experiments.compile.tpu_program import Operation
from gan_jax import data, loop, parallel
from gan_jax.train import Plan
from gan_jax.types import UserError

GIB = 2**30


class Chip(NamedTuple):
    """What the maker publishes of a chip, and what follows from it.

    Attributes:
      memory: bytes of HBM.
      peak: bfloat16 FLOP/s of the matrix units.
      flops_per_cycle: of the matrix units; the clock is what makes this the peak.
      dimensions: of a slice.
      cores: how the compiler is to see the chip, where that is not its default.
    """

    memory: int
    peak: float
    flops_per_cycle: int
    dimensions: int
    cores: str = "default"

    @property
    def clock(self) -> float:
        """Cycles a second."""
        return self.peak / self.flops_per_cycle


# Memory and peak: "System architecture" of each chip, https://docs.cloud.google.com/tpu/docs/v4,
# /v5e, /v5p and /v6e. A matrix unit of 128x128 does 2^15 FLOPs a cycle; v4 and v5p have eight,
# v5e four. The clocks that follow are 1.05 GHz for v4, as published (arXiv:2304.01433), 1.5 for
# v5e, 1.75 for v5p. For v6e it is what the compiler reckons with for large products: 2^19.
CHIPS = {
    "v4": Chip(32 * GIB, 275e12, 2**18, 3, "megacore"),
    "v5e": Chip(16 * GIB, 197e12, 2**17, 2),
    "v5p": Chip(95 * GIB, 459e12, 2**18, 3),
    "v6e": Chip(32 * GIB, 918e12, 2**19, 2),
}

REMEDY = "lower batch_size, raise accumulate, or take a larger slice"


def slice_of(topology: str) -> tuple[Chip, Sequence[jax.Device]]:
    """The chip and the devices, one a chip, of a slice that need not exist.

    Args:
      topology: chip and extent, as in `v5e:4x4`.

    Raises:
      UserError: for a chip or an extent that there is none of, or where the compiler is missing.
    """
    name, _, extent = topology.partition(":")
    if name not in CHIPS:
        raise UserError(f"--topology={topology}: the chip is one of {', '.join(CHIPS)}")
    chip = CHIPS[name]
    if not re.fullmatch(r"[1-9]\d*" + r"x[1-9]\d*" * (chip.dimensions - 1), extent):
        good = f"{name}:{'x'.join('2' * chip.dimensions)}"
        raise UserError(
            f"--topology={topology}: {name} has {chip.dimensions} extents, as in {good}"
        )
    if importlib.util.find_spec("libtpu") is None:
        raise UserError(
            "the TPU's compiler is not installed: pip install -c constraints.txt -e '.[tpu]'"
        )
    # Read when the compiler is loaded; without them it looks for a TPU and complains of none.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-16")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    from jax.experimental import topologies

    sizes = [int(size) for size in extent.split("x")]
    host = (min(sizes[0], 2), min(sizes[1], 2), 1)
    try:
        description = topologies.get_topology_desc(
            topology, "tpu", chips_per_host_bounds=host, chip_config_name=chip.cores
        )
    except jax.errors.JaxRuntimeError as error:
        raise UserError(f"--topology={topology}: {one_line(error)}") from None
    assert len(description.devices) == math.prod(sizes)
    return chip, description.devices


def make_steps(
    recipe: ModuleType,
    config: ConfigDict,
    plan: Plan,
    examples: int,
    devices: Sequence[jax.Device],
) -> tuple[Any, tuple]:
    """What a run calls again and again, and the shapes it is called with.

    Args:
      recipe: as a module.
      config: its settings.
      plan: its plain numbers, resolved.
      examples: of the data set, where it is made up.
      devices: to map over.

    Raises:
      UserError: where the settings do not go together.
    """
    count = len(devices)
    game = recipes.make_game(recipe, config)
    plan.check(count, game.group)
    source = like_data(recipe, config, examples)
    batch = data.first(source, 2 * game.group)
    state = jax.eval_shape(lambda: recipes.make_state(recipe, config, game, batch))
    # An item has `batch_size` examples; here one a device, so that nothing large is made.
    loader = data.make_loader(
        source,
        batch_size=count,
        repeats=game.repeats,
        steps_per_call=plan.steps_per_call,
        seed=plan.seed,
    )
    item = parallel.shard(next(loader.items(0)), count)
    size = plan.batch_size // count

    def on_each(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((count, *leaf.shape), leaf.dtype)

    def of_full_size(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((*leaf.shape[:3], size, *leaf.shape[4:]), leaf.dtype)

    steps = loop.make_steps(
        game,
        loader.fetch,
        devices,
        **plan.of_step(recipes.make_ema_decay(recipe, config)),
    )
    return steps, (
        jax.tree.map(on_each, state),
        jax.tree.map(on_each, loader.resident),
        jax.tree.map(of_full_size, item),
    )


def like_data(recipe: ModuleType, config: ConfigDict, examples: int) -> data.Dataset:
    """Zeros of the kinds and shapes that the settings tell; what they do not tell is read."""
    if hasattr(recipe, "make_data"):
        return recipes.make_data(recipe, config, config.data.split)
    source = data.Source(**config.data)
    kinds = {name: data.make_kind(record) for name, record in source.kinds.items()}
    if source.resolution and source.channels:
        kinds = dict.fromkeys(source.features, data.Image()) | {"x": data.Image()} | kinds
    if source.num_classes and (not source.features or "label" in source.features):
        kinds["label"] = data.Category(tuple(map(str, range(source.num_classes))))
    shapes = {name: _shape(name, kind, source) for name, kind in kinds.items()}
    if not set(source.features) | {"x"} <= set(shapes) or None in shapes.values():
        return recipes.make_data(recipe, config, source.split)
    columns = {
        name: np.broadcast_to(_STORED[type(kinds[name])](0), (examples, *shape))
        for name, shape in shapes.items()
        if shape is not None
    }
    return data.ArrayDataset(source.name, source.split, columns, kinds)


_STORED: Mapping[type[data.Kind], type[np.generic]] = {
    data.Image: np.uint8,
    data.Audio: np.int16,
    data.Tokens: np.int32,
    data.Category: np.int32,
    data.Real: np.float32,
}


def _shape(name: str, kind: data.Kind, source: data.Source) -> tuple[int, ...] | None:
    """Of an example's column, or None where the settings do not tell it."""
    side, length = source.resolution, source.length
    match kind:
        case data.Category() if name.endswith("label"):
            return ()
        case data.Category():
            return (side, side) if side else ()
        case data.Audio():
            return (length, 1) if length else None
        case data.Tokens():
            return (length,) if length else None
        case data.Real() if kind.columns:
            return (len(kind.columns),)
        case data.Image() if side and source.channels:
            return (side, side, source.channels)
    return None


def report_memory(memory: Any, chip: Chip) -> int:
    """Prints what a chip's memory holds; returns how much, in bytes."""
    parts = {
        "arguments": memory.argument_size_in_bytes,
        "outputs beside them": memory.output_size_in_bytes - memory.alias_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "code": memory.generated_code_size_in_bytes,
    }
    used = sum(parts.values())
    print(f"memory       {used / GIB:.2f} of {chip.memory / GIB:.0f} GiB a chip: ", end="")
    print(", ".join(f"{name} {size / 2**20:,.1f} MiB" for name, size in parts.items()))
    return used


def check_fits(used: float, chip: Chip, topology: str) -> None:
    """Raises a UserError where a chip lacks the memory; mostly the compiler has done so before."""
    if used > chip.memory:
        raise UserError(
            f"the step does not fit {topology}: it takes {used / GIB:.2f} GiB a chip, which has "
            f"{chip.memory / GIB:.0f}; {REMEDY}"
        )


def report_work(work: Sequence[Operation], chip: Chip, steps: int, examples: int) -> None:
    """Prints a step's cost.

    Args:
      work: of a call.
      chip: that it runs on.
      steps: a call.
      examples: a step, on all chips together.
    """
    flops = sum(operation.flops for operation in work) / steps
    cycles = sum(operation.cycles for operation in work) / steps
    seconds = cycles / chip.clock
    print(f"work         {flops / 1e9:,.2f} GFLOP a chip and step, of convolutions and products")
    print(f"time         {cycles:,.0f} cycles a step, estimated", end="")
    print(f": {seconds * 1e3:.3f} ms at {chip.clock / 1e9:.2f} GHz")
    print(f"throughput   {examples / seconds:,.0f} examples a second, {examples:,} a step")
    print(f"utilisation  {flops / seconds / chip.peak:.1%} of the matrix units' ", end="")
    print(f"{chip.peak / 1e12:.0f} TFLOP/s")
    print("costliest operations, in cycles a step:")
    for operation in sorted(work, key=lambda operation: -operation.cycles)[:5]:
        share = operation.cycles / steps
        print(f"  {share:10,.0f}  {share / cycles:5.1%}  {operation.name}: {_source(operation)}")


def _source(operation: Operation) -> str:
    """The source's operation, less what every path begins with and nests in."""
    scaffold = (
        r"^jit\(_fun\)/shard_map/|while/body/|closed_call/|jit\(conv\w*\)/|cond/branch_\d+_fun/"
    )
    path = re.sub(scaffold, "", operation.source)
    return path if len(path) <= 100 else "..." + path[-97:]


def one_line(error: Exception) -> str:
    """The first line of what the compiler says, without its status code."""
    return re.sub(r"^[A-Z_]+: ", "", str(error).splitlines()[0]).rstrip(".")
