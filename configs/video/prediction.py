"""The next frames of a film: a convolutional LSTM, also against a discriminator of films.

As in Mathieu et al., 2016, arXiv:1511.05440, the frames foretold are compared by their squared
error and by the differences of their gradients, and a discriminator sees them after the frames that
they follow; the net is that of Shi et al., 2015, arXiv:1506.04214, and the discriminator's
convolutions are over time too. `adversarial=0.` leaves it out, with `gradient_difference=0.` L2 is
left alone.

- `moving_mnist`: two digits that bounce off the walls; papers have 10 frames after 10 at 64 pixels,
  `data.resolution=64 data.length=20 past=10 future=10`;
- `shapes`: a coloured shape that moves as it began;
- `davis`: films of a file, `data.name=clips.npz`, uint8 `x` [N, T, H, W, C]; of their `label`, such
  as the sequence that a clip is cut from, every fifth is held out, or else every fifth film.

    python -m experiments.train --config=configs/video/prediction.py
    python -m experiments.prediction --workdir=runs/video_prediction
"""

import numpy as np
from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, losses, nets
from gan_jax.algorithms import targets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

FILE = data.Source("", test_split="test", resolution=64, channels=3, kinds={"x": "video"})
VARIANTS = {
    "moving_mnist": data.SOURCES["moving_mnist"],
    "shapes": data.SOURCES["moving_shapes"],
    "davis": FILE,
}
TINY = {
    "data.name": "moving_digits",
    "data.resolution": 16,
    "data.length": 5,
    "past": 3,
    "future": 2,
    "net.width": 4,
    "net.layers": 1,
    "net.discriminator_width": 2,
}


def get_config(variant: str = "moving_mnist") -> ConfigDict:
    plan = Plan(
        steps=2_400, batch_size=16, sample_every=400, evaluate_every=1_200, evaluate_count=500
    )
    adam = Adam(learning_rate=1e-3, beta1=0.9)
    judge = Adam(learning_rate=2e-4, beta1=0.5)
    source = VARIANTS[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=judge))
    config.past = config.future = 8
    config.net = {"width": 32, "layers": 2, "halvings": 2, "discriminator_width": 16}
    config.l2_weight = 1.0
    config.gradient_difference = 1.0
    config.adversarial = 0.01
    config.flip = variant == "davis"
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    source = data.Source(**config.data)
    of_file = source.name.endswith(".npz")
    films = source.load("train" if of_file else split)
    if of_file:
        films = part(data.materialise(films), split, source.test_split)
    return data.past_and_future(films, config.past, config.future)


def part(films: data.ArrayDataset, split: str, test_split: str) -> data.ArrayDataset:
    """The films of every fifth label, or every fifth film, are the test split; the others train."""
    of = films.columns.get("label", np.arange(len(films)))
    chosen = (of % 5 == 4) == (split == test_split)
    columns = {name: column[chosen] for name, column in films.columns.items()}
    return data.ArrayDataset(films.name, split, columns, films.kinds)


def make_game(config: ConfigDict) -> Game:
    net, sharp = config.net, config.gradient_difference
    predictor = nets.convlstm.Predictor(
        config.future, net.width, net.layers, net.halvings, dtype=config.dtype
    )
    edges = algorithms.Comparison(
        "gradient_difference", lambda view, a, b: sharp * losses.gradient_difference(a, b)
    )
    game = algorithms.pix2pix(
        predictor,
        nets.mocogan.FilmDiscriminator(net.discriminator_width, dtype=config.dtype),
        target=targets.L2,
        adversarial=config.adversarial,
        error=config.l2_weight,
        comparisons=[edges] if sharp else [],
        beside=1,
    )
    flip = augment.alike(augment.flip, "x", "source")
    return game._replace(transform=flip) if config.flip else game
