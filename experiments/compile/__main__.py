"""Compiles a recipe's step for a TPU that is not there, and says what it would take.

    python -m experiments.compile --config=configs/image/dcgan.py:mnist --topology=v5e:4x4

It is the program that training runs, compiled by the TPU's own compiler (the extra `tpu`) on any
Linux machine: memory and work of a chip, the compiler's estimate of the time, the costliest
operations. The estimate adds up operations as if one followed another, and a turn that is not taken
in every step as if it were; what chips exchange is not in it. The exit code is 1 where the step
does not fit. `--platform=cuda` only checks that the step lowers for a GPU. Data are read only where
the recipe's `data` settings do not tell their shape.
"""

import re
from pathlib import Path

import jax
import jax.export
from absl import flags
from ml_collections import config_flags

from experiments import app, recipes
from experiments.compile import ahead_of_time
from experiments.compile.tpu_program import operations
from gan_jax.types import UserError

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, f"The recipe, {recipes.DEFAULT} by default; --config.KEY=VALUE sets KEY."
)
_TOPOLOGY = flags.DEFINE_string("topology", "v5e:4x4", "The slice: v5e:4x4, v4:2x2x2, v6e:2x4, ...")
_PLATFORM = flags.DEFINE_enum("platform", "tpu", ["tpu", "cuda"], "What to compile for.")
_EXAMPLES = flags.DEFINE_integer(
    "examples", 60_000, "How many examples made-up data are taken to be.", lower_bound=1
)


def main() -> None:
    name = config_flags.get_config_filename(flags.FLAGS["config"])
    path, colon, variant = name.partition(":")
    title = Path(path).stem + colon + variant
    jax.config.update("jax_platforms", "cpu")  # shapes are all that is computed here
    recipe = recipes.load_recipe(path)
    config = recipes.completed(recipe, _CONFIG.value)
    if _PLATFORM.value == "cuda":
        plan, here = recipes.make_plan(config, "gpu"), jax.local_devices()[:1]
        steps, arguments = ahead_of_time.make_steps(recipe, config, plan, _EXAMPLES.value, here)
        exported = jax.export.export(jax.jit(steps), platforms=["cuda"])(*arguments)
        count = len(re.findall(r"= (stablehlo|chlo)\.", exported.mlir_module()))
        print(f"{title} lowers for CUDA, {count:,} distinct operations; nothing was compiled")
        return
    chip, devices = ahead_of_time.slice_of(_TOPOLOGY.value)
    plan = recipes.make_plan(config, "tpu")
    steps, arguments = ahead_of_time.make_steps(recipe, config, plan, _EXAMPLES.value, devices)
    try:
        compiled = steps.lower(*arguments).compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        said = ahead_of_time.one_line(error)
        raise UserError(
            f"{name} does not fit {_TOPOLOGY.value}: {said}; {ahead_of_time.REMEDY}"
        ) from None
    examples = plan.batch_size * recipes.make_game(recipe, config).repeats
    print(
        f"{title} on {_TOPOLOGY.value}: {len(devices)} chips, "
        f"{plan.batch_size // len(devices)} of a batch of {plan.batch_size:,} on each, "
        f"{plan.steps_per_call} steps a call"
    )
    used = ahead_of_time.report_memory(compiled.memory_analysis(), chip)
    ahead_of_time.report_work(operations(compiled.as_text()), chip, plan.steps_per_call, examples)
    ahead_of_time.check_fits(used, chip, _TOPOLOGY.value)


if __name__ == "__main__":
    app.run(main, default_config=str(recipes.ROOT / recipes.DEFAULT))
