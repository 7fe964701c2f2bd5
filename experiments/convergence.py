"""Which games come to rest: `python -m experiments.convergence --workdir=runs/convergence`.

The Dirac-GAN of Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018,
arXiv:1801.04406): data at 0, a generator that puts every sample at θ, a discriminator with the
logit ψ x; and, with `--std`, both of them spread by a normal distribution, which is also what
instance noise does. At rest both numbers are 0.

Of every loss and penalty under plain descent, and of every way of descending without a penalty, it
tells the eigenvalues of the vector field's Jacobian at rest; the largest modulus of those of a
step, below 1 where rest attracts what is near; and how far from rest so many steps end that begin
at (1, 0). What is told is `table.md`; `fields.png` and `rules.png` show the fields and the ways
taken. A gradient penalty has no Jacobian at rest: what is told of it is that without.
"""

from functools import partial
from pathlib import Path

from absl import flags
from tqdm import tqdm

from experiments import app, dirac
from gan_jax import pictures
from gan_jax.files import write_whole

_WORKDIR = flags.DEFINE_string("workdir", "runs/convergence", "Where tables and pictures go.")
_RATE = flags.DEFINE_float("learning_rate", 0.1, "Of every descent.", lower_bound=0.0)
_STD = flags.DEFINE_float("std", 0.0, "Of data and of samples about their places.", lower_bound=0.0)
_STEPS = flags.DEFINE_integer("steps", 500, "Of a game.", lower_bound=1)


def main() -> None:
    folder = Path(_WORKDIR.value)
    find = partial(dirac.study, rate=_RATE.value, std=_STD.value, steps=_STEPS.value)
    by_loss, by_rule = {}, {}
    with tqdm(
        total=len(dirac.LOSSES) * len(dirac.PENALTIES) + len(dirac.RULES),
        desc="games",
        disable=None,
    ) as bar:
        for loss in dirac.LOSSES:
            for penalty in dirac.PENALTIES:
                by_loss[loss, penalty] = find(loss, penalty, dirac.RULES["in turn"])
                bar.update()
        for name, rule in dirac.RULES.items():
            by_rule[name] = find("NON_SATURATING", "none", rule)
            bar.update()
    games = {f"{loss}, {penalty}": told for (loss, penalty), told in by_loss.items()}
    heads = {"loss and penalty, in turn": games, "way of descending": by_rule}
    text = "\n".join(dirac.table(head, found) for head, found in heads.items())
    write_whole(folder / "table.md", text)
    for name, found, columns in (("fields", games, len(dirac.PENALTIES)), ("rules", by_rule, 3)):
        lines = lambda title: title.replace(", ", "\n", 1)
        panels = [(lines(title), told.arrows, told.path) for title, told in found.items()]
        pictures.save_png(folder / f"{name}.png", pictures.phases(panels, columns))
    print(text, end="")
    print(f"table.md, fields.png and rules.png are in {folder}")


if __name__ == "__main__":
    app.run(main)
