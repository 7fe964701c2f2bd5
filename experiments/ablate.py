"""The same experiment under many settings and seeds: `python -m experiments.ablate --sweep=FILE`.

A sweep is a file: `BASE`, a recipe; `SETTINGS`, dotted ones by name; `SEEDS`; and, where there are
such, `OVERRIDES`, settings of all, and `EVALUATE`, flags of `experiments.evaluate`. Every member is
a run by `experiments.train` in a folder of its own under `--workdir`, scored by that script. The
table of means and standard deviations over seeds is printed and kept as `table.md`. The same
command again goes on where it was; a member that fails is counted and does not stop the rest.
"""

import runpy
from pathlib import Path

from absl import flags
from tqdm import tqdm

from experiments import app, sweeps
from gan_jax.files import write_whole
from gan_jax.types import UserError

_SWEEP = flags.DEFINE_string("sweep", "configs/sweeps/losses.py", "The file.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Of the runs; runs/SWEEP by default.")


def main() -> None:
    path = Path(_SWEEP.value)
    if not path.is_file():
        raise UserError(f"there is no sweep at {path}")
    sweep = runpy.run_path(str(path))
    folder = Path(_WORKDIR.value or f"runs/{path.stem}")
    members = sweeps.members_of(sweep, folder)
    found: dict[str, list[dict[str, float] | None]] = {name: [] for name in sweep["SETTINGS"]}
    with tqdm(members, desc=path.stem, disable=None) as bar:
        for member in bar:
            bar.set_postfix_str(f"{member.setting}, seed {member.seed}")
            found[member.setting].append(sweeps.score(sweep, member))
    text = sweeps.table(found)
    write_whole(folder / "table.md", text)
    print(text, end="")
    if not any(score for scores in found.values() for score in scores):
        raise UserError("no member of the sweep succeeded")


if __name__ == "__main__":
    app.run(main)
