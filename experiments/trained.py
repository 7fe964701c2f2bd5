"""The flags of a script that looks at trained runs, and what they lead to.

    _RUN = trained.define(seed="Of the latents.", ema=True, out="cas.json")

A run's folder holds its recipe, which is executed.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from experiments import recipes
from experiments.run_folder import Run, load_run, parse_step
from gan_jax.game import Players
from gan_jax.types import PRNGKey, UserError

flags.disclaim_key_flags()  # for `--help` they are the script's


@dataclasses.dataclass(frozen=True)
class Flags:
    """Of one script.

    Attributes:
      holders: absl's, by name.
      name: of the file that the script writes into the run's folder.
      required: whether a run must be named.
    """

    holders: Mapping[str, Any]
    name: str
    required: bool

    @property
    def workdir(self) -> Any:
        """The folder that is named, or the list of them."""
        if self.required and not self.holders["workdir"].value:
            raise UserError("name a run's folder: --workdir=DIR")
        return self.holders["workdir"].value

    @property
    def seed(self) -> int:
        """Of what is drawn."""
        return self.holders["seed"].value

    @property
    def ema(self) -> bool:
        """Whether weights are averaged, as they are where the script does not ask."""
        return self.holders["ema"].value if "ema" in self.holders else True

    def load(self) -> Run:
        """The run, which draws samples as the flags say, where they do; see `load_run`."""
        run = self._load(self.workdir, self._value("reverse"))
        if passes := self._value("standing"):
            run = run.standing(passes, ema=self.ema)
        return run.rejecting(ema=self.ema) if self._value("reject") else run

    def load_each(self) -> list[Run]:
        """The runs, of a script that takes several."""
        return [self._load(workdir) for workdir in self.workdir]

    def _value(self, name: str) -> Any:
        return self.holders[name].value if name in self.holders else None

    def _load(self, workdir: str, reverse: bool | None = None) -> Run:
        step, trust = parse_step(self.holders["step"].value), self.holders["trust"].value
        return load_run(workdir, step, trust=trust, reverse=bool(reverse))

    def players(self, run: Run) -> Players:
        """The run's variables."""
        return run.state.variables(ema=self.ema)

    def key(self) -> PRNGKey:
        """Of the seed."""
        return recipes.samples_key(self.seed)

    def out(self, run: Run) -> Path:
        """The file to write."""
        return Path(self.holders["out"].value or run.workdir / self.name)

    def about(self, run: Run) -> dict[str, Any]:
        """The run, as a protocol tells of it."""
        about = {"source": str(run.workdir), "recipe": run.record["recipe"], "step": run.step}
        said = ("seed", "reverse", "standing", "reject")
        more = {name: self.holders[name].value for name in said if name in self.holders}
        return {**about, "ema": self.ema, **more}


def define(
    seed: str = "",
    *,
    ema: bool = False,
    reverse: bool = False,
    samples: bool = False,
    out: str = "",
    several: bool = False,
    required: bool = True,
    step: str | None = None,
) -> Flags:
    """Defines `--workdir`, `--step`, `--trust` and, where they are asked for, others.

    Args:
      seed: what `--seed` is of; "" for no such flag.
      ema: whether there is `--ema`.
      reverse: whether there is `--reverse`.
      samples: whether there are flags of how samples are drawn.
      out: the name that the JSON has where `--out` says none; "" for no such flag.
      several: whether `--workdir` may be given several times.
      required: whether it must be given.
      step: the checkpoint by default, None for the newest.
    """
    of_workdir = flags.DEFINE_multi_string if several else flags.DEFINE_string
    folder = "A run's folder, or several." if several else "The run's folder."
    checkpoint = "Which checkpoint: a step, or 'best'"
    holders = {
        "workdir": of_workdir("workdir", None, folder),
        "step": flags.DEFINE_string(
            "step", step, f"{checkpoint}." if step else f"{checkpoint}; else the newest."
        ),
        "trust": flags.DEFINE_bool(
            "trust", False, "Execute the folder's recipe.py though another's."
        ),
    }
    if seed:
        holders["seed"] = flags.DEFINE_integer("seed", 0, seed)
    if ema:
        holders["ema"] = flags.DEFINE_bool("ema", True, "Use averaged weights.")
    if reverse:
        holders["reverse"] = flags.DEFINE_bool(
            "reverse", False, "The other way, from b to a, of a CycleGAN."
        )
    if samples:
        holders["standing"] = flags.DEFINE_integer(
            "standing",
            0,
            "Batches whose statistics stand in place of running averages.",
            lower_bound=0,
        )
        holders["reject"] = flags.DEFINE_bool(
            "reject", False, "Draw anew what the discriminator can tell from data."
        )
    if out:
        where = "the first WORKDIR" if several else "WORKDIR"
        holders["out"] = flags.DEFINE_string("out", None, f"The JSON; {out} in {where} by default.")
    return Flags(holders, out, required)
