"""Translations of words by a run of MUSE: `python -m experiments.words --workdir=runs/en_de`.

P@1 and P@5 on the words that the run's dictionary has, by nearest neighbours and by CSLS: of the
trained mapping, of the mapping refined by Procrustes on pairs that are each other's best, and of
supervised Procrustes, fitted to two thirds of the dictionary's words and told on the rest alone.
What is told is written to `words.json` too. `--sentence` is glossed word by word by the refined
mapping. The folder's recipe is executed.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags

from experiments import app, recipes, trained
from experiments.figures import keep
from gan_jax import data, metrics
from gan_jax.evaluation import Figure
from gan_jax.types import UserError

_RUN = trained.define(ema=True, out="words.json", step="best")
_SENTENCE = flags.DEFINE_string("sentence", "", "Words to translate one by one.")
_ROUNDS = flags.DEFINE_integer("rounds", 20, "Of refinement.", lower_bound=0)


def main() -> None:
    run = _RUN.load()
    if not hasattr(run.recipe, "make_words"):
        raise UserError(f"{run.record['recipe']} has no words to translate")
    source, target, pairs = recipes.call(run.recipe, "make_words", run.config)
    players = _RUN.players(run)
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
    figures = {}
    for name, (mapping, asked) in rows.items():
        mapped = source.vectors @ mapping
        cells, how = [], f"of {len(np.unique(asked[:, 0])):,} words of the dictionary"
        for by, score in {"nearest": metrics.cosines, "CSLS": metrics.csls}.items():
            found = metrics.precision_at(score(mapped, target.vectors), asked)
            cells += [f"{100 * value:.1f}" for value in found.values()]
            for place, value in found.items():
                figures[f"{name}, {by}, P@{place}"] = Figure(value, None, "higher", how)
        cosine = metrics.mean_csls_cosine(mapped, target.vectors)
        figures[f"{name}, mean cosine"] = Figure(cosine, None, "higher", "needs no dictionary")
        print(f"| {name} | {' | '.join(cells)} | {cosine:.4f} |")
    words, (asked, _) = len(source.words), np.unique(pairs[:, 0], return_counts=True)
    print(f"{words:,} words to {len(target.words):,}; the dictionary has {len(asked):,} of them")
    if _SENTENCE.value:
        print(" ".join(gloss(_SENTENCE.value.split(), source, target, refined)))
    protocol = {**_RUN.about(run), "words": run.config.words.to_dict(), "rounds": _ROUNDS.value}
    keep(_RUN.out(run), protocol, figures)


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
