"""Translations of words by a run of MUSE: `python -m experiments.words --workdir=runs/en_de`.

P@1 and P@5 on the words that the run's dictionary has, by nearest neighbours and by CSLS: of the
trained mapping, of the mapping refined by Procrustes on pairs that are each other's best, and of
supervised Procrustes, fitted to two thirds of the dictionary's words and told on the rest alone.
`--sentence` is glossed word by word by the refined mapping. The folder's recipe is executed.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags

from experiments import app, recipes
from experiments.run_folder import load_run, parse_step
from gan_jax import data, metrics
from gan_jax.types import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder.", required=True)
_SENTENCE = flags.DEFINE_string("sentence", "", "Words to translate one by one.")
_STEP = flags.DEFINE_string("step", "best", "Which checkpoint: a step, or 'best'.")
_ROUNDS = flags.DEFINE_integer("rounds", 20, "Of refinement.", lower_bound=0)
_EMA = flags.DEFINE_bool("ema", True, "Use averaged weights.")
_TRUST = flags.DEFINE_bool("trust", False, "Execute the folder's recipe.py though another's.")


def main() -> None:
    run = load_run(_WORKDIR.value, parse_step(_STEP.value), trust=_TRUST.value)
    if not hasattr(run.recipe, "make_words"):
        raise UserError(f"{run.record['recipe']} has no words to translate")
    source, target, pairs = recipes.call(run.recipe, "make_words", run.config)
    players = run.state.variables(ema=_EMA.value)
    trained = metrics.nearest_rotation(players["generator"]["params"]["w"])
    refined = metrics.refine(source.vectors, target.vectors, trained, _ROUNDS.value)
    told, rest = split(pairs)
    ends = [v.vectors[told[:, i]] for i, v in enumerate((source, target))]
    rows = {
        "adversarial": (trained, pairs),
        "refined": (refined, pairs),
        "adversarial, held-out words": (trained, rest),
        "refined, held-out words": (refined, rest),
        "supervised, held-out words": (metrics.procrustes(*ends), rest),
    }
    print("| mapping | P@1 | P@5 | CSLS P@1 | CSLS P@5 | mean cosine |\n|---|" + "---:|" * 5)
    for name, (mapping, asked) in rows.items():
        mapped = source.vectors @ mapping
        cells = []
        for score in (metrics.cosines, metrics.csls):
            found = metrics.precision_at(score(mapped, target.vectors), asked)
            cells += [f"{100 * value:.1f}" for value in found.values()]
        cosine = metrics.mean_csls_cosine(mapped, target.vectors)
        print(f"| {name} | {' | '.join(cells)} | {cosine:.4f} |")
    words, (asked, _) = len(source.words), np.unique(pairs[:, 0], return_counts=True)
    print(f"{words:,} words to {len(target.words):,}; the dictionary has {len(asked):,} of them")
    if _SENTENCE.value:
        print(" ".join(gloss(_SENTENCE.value.split(), source, target, refined)))


def split(pairs: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of two thirds of the source words, and those of the others."""
    words = np.unique(pairs[:, 0])
    held_out = np.random.default_rng(seed).permutation(words)[: max(len(words) // 3, 1)]
    apart = np.isin(pairs[:, 0], held_out)
    return pairs[~apart], pairs[apart]


def gloss(
    sentence: Sequence[str], source: data.Vocabulary, target: data.Vocabulary, mapping: np.ndarray
) -> list[str]:
    """The nearest word by CSLS of each word; one that is unknown stands in brackets."""
    best = np.argmax(metrics.csls(source.vectors @ mapping, target.vectors), axis=1)
    places = {word: place for place, word in enumerate(source.words)}
    return [target.words[best[places[w]]] if w in places else f"[{w}]" for w in sentence]


if __name__ == "__main__":
    app.run(main)
