"""Faces of known people, drawn to train their identification: a conditional GAN on ORL.

The AT&T (ORL) database, Samaria & Harter, 1994: 40 people, 10 photographs of each, of which five
drawn at random train and five test; `partition` numbers the draw. Nets are those of
`configs/image/cgan.py`: DCGAN's, labels beside the latent (Mirza & Osindero, 2014, arXiv:1411.1784)
and by projection (Miyato & Koyama, 2018, arXiv:1802.05637), R1 in the discriminator.
`experiments.faces` tells who is who, from these photographs and with samples beside them.

    python -m experiments.train --config=configs/faces/identification.py --workdir=runs/faces
    python -m experiments.faces --workdir=runs/faces
"""

import numpy as np
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings
from gan_jax.types import UserError

VARIANTS = ("orl_faces",)
TINY = {"net.width": 4, "data.resolution": 16}
TRAINED_ON = 5  # photographs of each person


def get_config(variant: str = "orl_faces") -> ConfigDict:
    plan = Plan(steps=3_000, batch_size=40, sample_every=500)
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.Source(variant, test_split="test", resolution=32, channels=1, num_classes=40)
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.partition = 0
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.r1 = 1.0
    return config


def make_data(config: ConfigDict, split: str) -> data.ArrayDataset:
    """Five photographs a person, `train`, or the others, `test`."""
    if split not in ("train", "test"):
        raise UserError(f"{config.data.name} has no split {split!r}: there are train and test")
    everybody = data.materialise(data.Source(**config.data).load("train+test"))
    random, label = np.random.default_rng(config.partition), everybody.columns["label"]
    parts = []
    for person in range(config.data.num_classes):
        rows = random.permutation(np.flatnonzero(label == person))
        parts.append(rows[:TRAINED_ON] if split == "train" else rows[TRAINED_ON:])
    columns = {name: column[np.concatenate(parts)] for name, column in everybody.columns.items()}
    return data.ArrayDataset(everybody.name, split, columns, everybody.kinds)


def make_game(config: ConfigDict) -> Game:
    width, people, dtype = config.net.width, config.data.num_classes, config.dtype
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        num_classes=people,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=dtype,
    )
    return algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, num_classes=people, dtype=dtype),
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
        conditional=True,
    )
