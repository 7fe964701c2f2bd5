"""MUSE: words of one language laid over those of another, without a dictionary.

Conneau et al., 2018, arXiv:1710.04087: a linear map, at first the identity and kept near the
orthogonal ones, against a discriminator with dropout of its input and smoothed labels, both by SGD.
The discriminator is narrower than the paper's 2048. β is 0.1, not 0.001, under which these vectors'
map loses dimensions, and figures are of the rotation nearest to the map. `words/mean_cosine`
chooses the best checkpoint without a dictionary; `words/p1` is nearest neighbours by CSLS, in
percent of the words that the dictionary has, which is for telling alone.

`rotation` is the control: the target is the source under a known rotation, of vectors drawn here
where no file is named, which `experiments.words` must find to 100 % once it has refined the
mapping. `en_de` takes two files, of vectors (`.vec`, as fastText writes them) or of sentences (any
other), from which vectors are counted: positive pointwise mutual information and its singular
vectors. Of two texts that are translations of each other line by line, vectors are of the even
lines of the one and the odd lines of the other, and their alignment is the dictionary where no file
of pairs is named.

    python -m experiments.train --config=configs/words/muse.py:rotation --workdir=runs/rotation
    python -m experiments.train --config=configs/words/muse.py:en_de --workdir=runs/en_de \
        --config.words.source=train.lc.norm.tok.en.gz --config.words.target=train.lc.norm.tok.de.gz
    python -m experiments.words --workdir=runs/en_de --sentence="a man is playing the guitar"
"""

import functools

import numpy as np
import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, metrics, nets, optimizers
from gan_jax.evaluation import Evaluator
from gan_jax.game import Game, Players
from gan_jax.train import Plan, settings
from gan_jax.types import UserError

VARIANTS = {"rotation": 12_000, "en_de": 20_000}
TINY = {"net.hidden": (8,), "words.count": 64, "words.dim": 8, "discriminator_repeats": 2}


def get_config(variant: str = "rotation") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant],
        batch_size=32,
        sample_every=VARIANTS[variant] // 2,
        evaluate_every=VARIANTS[variant] // 20,
        evaluate_count=0,
        checkpoint_every=VARIANTS[variant] // 20,
        best="words/mean_cosine",
    )
    config = ConfigDict(settings(plan, data.Source("words")))
    config.rotate = variant == "rotation"
    config.words = {
        "source": "",
        "target": "",
        "dictionary": "",
        "count": 2_000,
        "dim": 20 if config.rotate else 50,
        "window": 10,
        "least": 10,
    }
    config.net = {"hidden": (256, 256), "dropout": 0.1}
    config.learning_rate = {"generator": 0.1, "discriminator": 0.1}
    config.smoothing = 0.1
    config.beta = 0.1
    config.discriminator_repeats = 5
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    """Vectors of both languages, shuffled apart."""
    source, target, _ = make_words(config)
    parts = {"source": source, "x": target}
    kind = {"x": data.Real()}
    return data.unpaired(
        **{n: data.ArrayDataset(n, split, {"x": v.vectors}, kind) for n, v in parts.items()}
    )


def make_words(config: ConfigDict) -> tuple[data.Vocabulary, data.Vocabulary, np.ndarray]:
    """Both vocabularies, and the pairs [P, 2] of a dictionary."""
    return _words(config.rotate, **config.words.to_dict())


@functools.lru_cache(maxsize=2)
def _words(
    rotate: bool,
    source: str,
    target: str,
    dictionary: str,
    count: int,
    dim: int,
    window: int,
    least: int,
) -> tuple[data.Vocabulary, data.Vocabulary, np.ndarray]:
    def opened(path: str, part: int) -> tuple[data.Vocabulary, list | None]:
        if path.removesuffix(".gz").endswith(".vec"):
            found, sentences = data.read_vectors(path, count), None
        else:
            sentences = data.read_sentences(path)
            half = sentences if rotate else sentences[part::2]
            found = data.count_vectors(half, dim, window=window, least=least, most=count)
        return found._replace(vectors=scaled(found.vectors)), sentences

    random = np.random.default_rng(0)
    if rotate:
        if source:
            words, _ = opened(source, 0)
        else:
            skewed = random.exponential(size=(count, dim)) @ random.normal(size=(dim, dim))
            names = tuple(map(str, range(count)))
            words = data.Vocabulary(names, scaled(skewed))
        wide = words.vectors.shape[1]
        turn = np.linalg.qr(random.normal(size=(wide, wide)))[0]
        turned = words._replace(vectors=(words.vectors @ turn).astype(np.float32))
        return words, turned, np.stack([np.arange(len(words.words))] * 2, axis=1)
    if not (source and target):
        raise UserError("name two files: --config.words.source=FILE --config.words.target=FILE")
    (one, ours), (other, theirs) = opened(source, 0), opened(target, 1)
    if dictionary:
        places = [{word: i for i, word in enumerate(side)} for side in (one.words, other.words)]
        lines = [line for line in data.read_sentences(dictionary) if len(line) == 2]
        pairs = [
            (places[0][a], places[1][b]) for a, b in lines if a in places[0] and b in places[1]
        ]
        return one, other, np.array(pairs, int).reshape(-1, 2)
    if ours is None or theirs is None:
        raise UserError("vectors need a dictionary to be judged by: --config.words.dictionary=FILE")
    return one, other, data.align(ours, theirs, one.words, other.words)


def scaled(vectors: np.ndarray) -> np.ndarray:
    """Normalised, then of numbers that are about 1: D learns little from smaller ones by SGD."""
    return data.normalised(vectors) * np.float32(vectors.shape[1] ** 0.5)


def make_game(config: ConfigDict) -> Game:
    game = algorithms.pix2pix(
        nets.words.Mapping(),
        nets.words.Discriminator(tuple(config.net.hidden), config.net.dropout, dtype=config.dtype),
        loss=losses.label_smoothing(1 - config.smoothing, config.smoothing),
        error=0.0,
        conditional=False,
    )
    critic, mapping = game.turns
    turns = critic._replace(repeats=config.discriminator_repeats), mapping
    return game._replace(turns=turns, metrics=None, show=None)


def make_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
    rate = config.learning_rate
    kept = optimizers.near_orthogonal(config.beta)
    return {
        "generator": optax.chain(optax.sgd(rate.generator), kept),
        "discriminator": optax.sgd(rate.discriminator),
    }


def make_evaluators(
    config: ConfigDict, game: Game, real: data.Dataset, held_out: data.Dataset | None
) -> list[Evaluator]:
    """How near words come, and how many find their translations."""
    del game, real, held_out
    source, target, pairs = make_words(config)

    def evaluate(players: Players) -> dict[str, float]:
        mapped = source.vectors @ metrics.nearest_rotation(players["generator"]["params"]["w"])
        found = metrics.precision_at(metrics.csls(mapped, target.vectors), pairs)
        cosine = metrics.mean_csls_cosine(mapped, target.vectors)
        return {"words/mean_cosine": cosine} | {f"words/p{k}": 100 * v for k, v in found.items()}

    return [evaluate]
