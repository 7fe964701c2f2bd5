"""Text of a run at several temperatures: `python -m experiments.text --workdir=runs/text_lstm`.

At each temperature, by which the net's logits are divided:

- `nll_gen`: how unlikely held-out texts are to the net, nats a token; high where it leaves out what
  they are like;
- `distinct_share`: how many of so many samples are different;
- `nll_oracle`, of data of a known distribution: how unlikely samples are to it, nats a token; low
  where samples are good, and where they are few and good, so read the three together;
- `bleu_n` and `self_bleu_n`, of sentences: of samples against held-out sentences, or those of a
  file `--references`, and against one another. `_real` are those of the data themselves.

Language GANs Falling Short, Caccia et al., 2018, arXiv:1811.02549, who show why one temperature is
not enough. What is told is written to `text.json` too.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import app, recipes, trained
from experiments.figures import tell
from experiments.run_folder import Run
from gan_jax import data, metrics, prng, sampling
from gan_jax.data.text import words
from gan_jax.evaluation import Figure
from gan_jax.evaluation.figure import standard_error
from gan_jax.types import UserError

_RUN = trained.define("Of the samples.", ema=True, out="text.json")
_TEMPERATURES = flags.DEFINE_list("temperatures", ["1.0"], "Above 0, of which each is told.")
_COUNT = flags.DEFINE_integer("count", 2_000, "Samples, and held-out texts.", lower_bound=2)
_ORDERS = flags.DEFINE_list("orders", ["2", "3", "4", "5"], "n of BLEU-n.")
_REFERENCES = flags.DEFINE_string("references", None, "A file of sentences for BLEU, one a line.")
_SHOWN = flags.DEFINE_integer("shown", 5, "Samples printed at each temperature.", lower_bound=0)

_AT_ONCE = 250  # texts

Figures = dict[str, Figure]


def main() -> None:
    run = _RUN.load()
    held_out = data.materialise(run.shown())
    kind, real = held_out.kinds["x"], held_out.columns["x"][: _COUNT.value]
    if not isinstance(kind, data.Tokens) or "temperature" not in run.config:
        raise UserError(f"{run.workdir} is no run that writes text at a temperature")
    try:
        temperatures = [float(text) for text in _TEMPERATURES.value]
        orders = [int(text) for text in _ORDERS.value]
    except ValueError as error:
        raise UserError(f"--temperatures and --orders are numbers: {error}") from None
    references = None
    if kind.oracle is None:
        file = _REFERENCES.value
        references = sentences(file) if file else worded(kind, real)
    seen = data.materialise(run.open()).columns["x"][: _COUNT.value]
    figures = {f"{n}_real": f for n, f in of_texts(kind, seen, references, orders).items()}
    for temperature in temperatures:
        of_run = at(run, temperature)
        fake = drawn(of_run, _COUNT.value)
        for row in fake[: _SHOWN.value]:
            print(f"[{temperature:g}] {kind.text(row)}")
        found = {"nll_gen": likelihood(of_run, real)} | of_texts(kind, fake, references, orders)
        figures |= {f"{name}@{temperature:g}": figure for name, figure in found.items()}
    protocol = {
        **_RUN.about(run),
        "count": _COUNT.value,
        "data": {"source": held_out.name, "split": held_out.split, "count": len(real)},
        "references": _REFERENCES.value,
    }
    tell(_RUN.out(run), protocol, figures)


def at(run: Run, temperature: float) -> Run:
    """The run, whose net's logits are divided by a temperature."""
    config = run.config.copy_and_resolve_references()
    config.temperature = temperature
    return run._replace(game=recipes.make_game(run.recipe, config))


def drawn(run: Run, count: int) -> np.ndarray:
    """Texts, [count, L]."""
    draw, players = sampling.sampler(run.game), _RUN.players(run)
    key = _RUN.key()
    return np.asarray(draw(players, sampling.draw_inputs(run.game, key, count, {})))


def likelihood(run: Run, real: np.ndarray) -> Figure:
    """The net's figure `nll` on texts, whose error is that over parts of 250."""
    assert run.game.metrics is not None
    of_batch, players = jax.jit(run.game.metrics), _RUN.players(run)
    keys = prng.per_example(_RUN.key(), _AT_ONCE)
    size = min(_AT_ONCE, len(real))
    parts = [real[start : start + size] for start in range(0, len(real) - size + 1, size)]
    values = [float(of_batch(players, {"x": jnp.asarray(x)}, keys[:size])["nll"]) for x in parts]
    error = standard_error(values) if len(values) > 1 else None
    how = f"nats a token of {len(parts) * size:,} held-out texts"
    return Figure(float(np.mean(values)), error, "lower", how)


def of_texts(
    kind: data.Tokens,
    x: np.ndarray,
    references: list[list[str]] | None,
    orders: list[int],
) -> Figures:
    """What is told of texts [N, L] alone."""
    how = f"of {len(x):,} texts"
    found = {"distinct_share": Figure(metrics.distinct_share(x), None, "higher", how)}
    if kind.oracle is not None:
        nll = kind.oracle.nll(x).mean(axis=1, dtype=np.float64)
        how = f"nats a token, {how}"
        found["nll_oracle"] = Figure(float(nll.mean()), standard_error(nll), "lower", how)
    if references is not None:
        texts = worded(kind, x)
        for order in orders:
            against = f"{how}, against {len(references):,}"
            for name, scores, said, better in (
                ("bleu", metrics.bleu(texts, references, order), against, "higher"),
                ("self_bleu", metrics.self_bleu(texts, order), how, "lower"),
            ):
                figure = Figure(float(scores.mean()), standard_error(scores), better, said)
                found[f"{name}_{order}"] = figure
    return found


def worded(kind: data.Tokens, x: np.ndarray) -> list[list[str]]:
    """Texts as lists of their words, without what fills them up."""
    return [[word for token in row if (word := kind.vocabulary[token])] for row in x.tolist()]


def sentences(path: str) -> list[list[str]]:
    """Those of a file, as words."""
    try:
        lines = Path(path).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--references={path} cannot be read as text: {error}") from None
    return [found for line in lines if (found := words(line))]


if __name__ == "__main__":
    app.run(main)
