"""CycleGAN: translation between two domains without pairs.

Zhu et al., 2017, arXiv:1703.10593: least squares, cycles with weight 10, the pool of 50 past fakes,
rates that fall to zero over the second half, patches of the discriminators.

- `digits`: handwritten digits and inverted, thickened ones, half of the data for each domain;
- `mnist`: white digits, and digits of any colour before a light ground, likewise;
- `shoes_handbags`: photographs of the one and of the other;
- `horse2zebra`: TFDS's, in the paper's size: nine residual blocks at 256×256, batches of one;
- `folder`: `data.name` holds `trainA` and `trainB`, or folders `A` and `B`; the paper's size.

Of digits the score is how many translated held-out ones keep their class, read by a classifier of
the target domain; of the rest how many are read as of that domain, by one that tells the two apart.

    python -m experiments.train --config=configs/translation/cyclegan.py:mnist
"""

from dataclasses import replace

import numpy as np
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

PAPER = data.Source("", test_split="test", resolution=256, channels=3)
PHOTOS = {"x": "image", "label": "label"}
VARIANTS = {
    "digits": (data.SOURCES["digits"], 2_000, 32),
    "mnist": (data.SOURCES["mnist"], 6_000, 16),
    "shoes_handbags": (
        replace(data.SOURCES["edges2shoes_handbags"], features=PHOTOS),
        6_000,
        8,
    ),
    "horse2zebra": (
        replace(PAPER, name="cycle_gan/horse2zebra", features={"x": "image"}),
        240_000,
        1,
    ),
    "folder": (PAPER, 240_000, 1),
}
SMALL = {"width": 16, "halvings": 1, "blocks": 2, "kernel": 5, "discriminator_layers": 2}
MEDIUM = {"width": 32, "halvings": 2, "blocks": 6, "kernel": 7, "discriminator_layers": 2}
LARGE = {"width": 64, "halvings": 2, "blocks": 9, "kernel": 7, "discriminator_layers": 3}
TINY = {
    "net.width": 4,
    "net.halvings": 0,
    "net.blocks": 1,
    "net.discriminator_layers": 1,
    "net.kernel": 3,
    "pool_size": 10,
}


def get_config(variant: str = "digits") -> ConfigDict:
    source, steps, batch_size = VARIANTS[variant]
    often = steps // 8
    plan = Plan(steps=steps, batch_size=batch_size, sample_every=often, evaluate_every=2 * often)
    adam = Adam(learning_rate=2e-4, beta1=0.5, decay="linear", decay_start=0.5)
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    large = source.resolution == PAPER.resolution
    config.domains = variant
    config.net = LARGE if large else MEDIUM if variant == "shoes_handbags" else SMALL
    config.cycle_weight = 10.0
    config.identity_weight = 5.0 if large else 0.0
    config.pool_size = 50
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    source = data.Source(**config.data)
    if config.domains == "folder":
        return data.image_domains(
            source.name, split=split, resolution=source.resolution, channels=source.channels
        )
    if config.domains == "horse2zebra":
        return data.unpaired(a=source.load(f"{split}A"), b=source.load(f"{split}B"))
    whole = data.materialise(source.load(split))
    if config.domains == "shoes_handbags":
        x, label = whole.columns["x"], whole.columns["label"]
        shoes, handbags = (
            data.ArrayDataset(whole.name, split, {"x": x[label == k]}) for k in (0, 1)
        )
        return data.unpaired(a=shoes, b=handbags)
    a, b = ({n: c[i::2] for n, c in whole.columns.items()} for i in range(2))
    if config.domains == "mnist":
        colours = np.random.default_rng(0).integers(0, 256, (len(b["x"]), 3)).astype(np.uint8)
        a["x"] = data.set_channels(a["x"], 3)
        b["x"] = data.invert(data.tint(b["x"], colours))
        changed = "coloured"
    else:
        b["x"] = data.invert(data.thicken(b["x"]))
        changed = "inverted, thickened"
    return data.unpaired(
        a=replace(whole, columns=a), b=replace(whole, name=f"{changed} digits", columns=b)
    )


def make_game(config: ConfigDict) -> Game:
    net = config.net
    channels = 3 if config.domains == "mnist" else config.data.channels
    translator = nets.residual.Translator(
        channels, net.width, net.halvings, net.blocks, kernel=net.kernel, dtype=config.dtype
    )
    return algorithms.cyclegan(
        translator,
        nets.patch.Discriminator(net.width, net.discriminator_layers, dtype=config.dtype),
        cycle_weight=config.cycle_weight,
        identity_weight=config.identity_weight,
        pool_size=config.pool_size,
    )
