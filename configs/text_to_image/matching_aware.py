"""Text to image: a GAN whose discriminator also refuses images under the captions of others.

GAN-INT-CLS, Reed et al., 2016, arXiv:1605.05396, with an encoder of texts in each net that is
trained with it, and R1 (Mescheder et al., 2018, arXiv:1801.04406) in place of batch normalisation
in the discriminator. `scenes` are drawn here: coloured shapes whose captions say what stands where,
and three combinations of colour and shape that training lacks. `attributes/seen` and
`attributes/unseen` are the shares of colours, shapes and relations that are read back right from
samples; `whole` those of samples that are right in all. `noto_emoji` takes its captions by words.

    python -m experiments.train --config=configs/text_to_image/matching_aware.py --workdir=runs/text
    python -m experiments.sample --workdir=runs/text --text="a red circle left of a blue square"
"""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import softplus
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, metrics, nets, priors, prng, sampling
from gan_jax.algorithms import terms
from gan_jax.data.tfds import TfdsDataset
from gan_jax.evaluation import Evaluator
from gan_jax.game import Game, Players
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings
from gan_jax.types import Array

SCENES = data.Source("scenes", test_split="test", resolution=32, channels=3)
EMOJI = data.Source(
    "noto_emoji", split="train[:3300]", test_split="train[3300:]", resolution=64, channels=3
)
VARIANTS = {"scenes": 10_000, "noto_emoji": 20_000}
COUNTS = {"train": 20_000, "test": 1_000, "unseen": 1_000}
TINY = {"data.resolution": 8, "net.width": 4, "net.text": 4, "asked": 4}


def get_config(variant: str = "scenes") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant],
        sample_every=1_000,
        evaluate_every=2_000,
        evaluate_count=0,
        checkpoint_every=1_000,
    )
    adam = Adam(learning_rate=5e-4, beta1=0.0, beta2=0.99)
    source = SCENES if variant == "scenes" else EMOJI
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 32, "width": 32, "text": 64, "sync_batch_norm": False}
    config.caption = {"words": 1_000, "length": 12}
    config.mismatch = 0.5
    config.interpolated = 0.5
    config.r1 = {"weight": 1.0, "every": 4}
    config.asked = 500
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    source = data.Source(**config.data)
    if source.name == "scenes":
        count = source.count or COUNTS.get(split, 0)
        return data.captioned(count, side=source.resolution, split=split)
    counts = Counter(
        word for text in texts_of(source.name, source.split) for word in text.lower().split()
    )
    words = sorted(word for word, _ in counts.most_common(config.caption.words - 1))
    words += [f"<{i}>" for i in range(config.caption.words - 1 - len(words))]
    captions, kind = data.worded(texts_of(source.name, split), words, config.caption.length)
    x = data.materialise(source.load(split)).columns["x"]
    return data.ArrayDataset(source.name, split, {"x": x, "caption": captions}, {"caption": kind})


def texts_of(name: str, split: str) -> list[str]:
    dataset = data.tfds_dataset(name, split=split)
    assert isinstance(dataset, TfdsDataset)  # images are not held in memory
    return dataset.texts("caption")


def make_game(config: ConfigDict) -> Game:
    net, source = config.net, config.data
    scenes = source.name == "scenes"
    vocabulary = len(data.WORDS.vocabulary) if scenes else config.caption.words
    added = [terms.matching_aware(config.mismatch)]
    if config.interpolated:
        added.append(terms.interpolated_captions(vocabulary, config.interpolated))
    return algorithms.gan(
        nets.captions.Generator(
            source.resolution,
            vocabulary,
            source.channels,
            net.width,
            net.text,
            axis_name=AXIS if net.sync_batch_norm else None,
            dtype=config.dtype,
        ),
        nets.captions.Discriminator(vocabulary, net.width, net.text, dtype=config.dtype),
        prior=priors.normal(net.latent_dim),
        loss=losses.AdversarialLoss(halved, losses.non_saturating_generator_loss),
        penalties=[R1(config.r1.weight, every=config.r1.every)],
        terms=added,
        conditional="caption",
    )


def halved(real_logits: Array, fake_logits: Array) -> Array:
    """D's loss, in which samples share their side with data under wrong captions."""
    return softplus(-real_logits) + 0.5 * softplus(fake_logits)


def make_evaluators(
    config: ConfigDict, game: Game, real: data.Dataset, held_out: data.Dataset | None
) -> list[Evaluator]:
    """What of their captions samples show, for combinations seen in training and others."""
    del real, held_out
    if config.data.name != "scenes":
        return []
    draw, asked = sampling.sampler(game), {}
    for name, split in {"seen": "test", "unseen": "unseen"}.items():
        captions = data.first(make_data(config, split), config.asked)["caption"]
        keys = prng.per_example(prng.fold_in(jax.random.key(config.seed), name), len(captions))
        told = [data.things_of(data.WORDS.text(row)) for row in captions]
        asked[name] = game.inputs(keys, {"caption": jnp.asarray(captions)}), told

    def evaluate(players: Players) -> dict[str, float]:
        figures = {}
        for name, (inputs, told) in asked.items():
            images = data.Image().to_stored(draw(players, inputs))
            right = [
                metrics.attributes_right(
                    data.read_scene(image), things, data.RELATIONS.get(relation, (0, 0))
                )
                for image, (things, relation) in zip(images, told, strict=True)
            ]
            figures[f"attributes/{name}"] = float(np.mean(np.concatenate(right)))
            figures[f"attributes/{name}_whole"] = float(np.mean([one.all() for one in right]))
        return figures

    return [evaluate]
