"""Inpainting: a context encoder fills a hole; what is known stays bit for bit.

Pathak et al., 2016, arXiv:1604.07379: L2 within the hole with weight 0.999 and an adversary with
weight 0.001, here 100 and 1 with a discriminator of patches that sees the image with its hole too
(Isola et al., 2016, arXiv:1611.07004). The source has one channel more: what is known. `hole` is
`centre` or `random`; random ones are drawn anew in each step, and in evaluation lie as an example's
place in its split says. `adversarial=0.` leaves L2 alone.

    python -m experiments.train --config=configs/translation/inpainting.py:flowers_128
"""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets, prng
from gan_jax.algorithms import targets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings
from gan_jax.types import Array, Batch, PRNGKey

VARIANTS = {"digits": 2_000, "mnist": 4_000, "flowers_128": 4_000, "orl_faces": 3_000}
TINY = {"data.resolution": 16, "net.width": 4, "net.discriminator_layers": 1}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant], batch_size=16, sample_every=500, evaluate_every=VARIANTS[variant]
    )
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "width": 24,
        "discriminator_layers": 2,
        "batch_norm": True,
        "sync_batch_norm": False,
    }
    config.hole = "centre"
    config.share = 0.5  # of the image's sides
    config.l2_weight = 100.0
    config.adversarial = 1.0
    return config


def corners(config: ConfigDict, room: int, count: int) -> np.ndarray:
    """The first rows and columns of an example's hole, [count, 2]."""
    if config.hole == "centre":
        return np.full((count, 2), room // 2)
    return np.random.default_rng(0).integers(0, room + 1, (count, 2))


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    images = data.materialise(data.Source(**config.data).load(split))
    x = images.columns["x"]
    size = round(config.share * x.shape[1])
    known = np.full((*x.shape[:3], 1), 255, np.uint8)
    for row, (top, left) in zip(known, corners(config, x.shape[1] - size, len(x)), strict=True):
        row[top : top + size, left : left + size] = 0
    source = np.concatenate([np.where(known > 0, x, 0), known], axis=-1)
    kinds = {**images.kinds, "source": images.kinds["x"]}
    return replace(images, columns={**images.columns, "source": source}, kinds=kinds)


def with_new_hole(keys: PRNGKey, batch: Batch, share: float) -> Batch:
    """Mirrors half of the images and hides a rectangle elsewhere."""
    x = augment.flip(prng.fold_in(keys, "flip"), batch["x"])
    holed, hidden = augment.mask(prng.fold_in(keys, "hole"), x, share)
    known: Array = 1 - 2 * hidden
    source = jnp.concatenate([jnp.where(known > 0, holed, -1.0), known], axis=-1)
    return {**batch, "x": x, "source": source}


def make_game(config: ConfigDict) -> Game:
    net, dtype, side = config.net, config.dtype, config.data.resolution
    translator = nets.unet.Translator(
        config.data.channels,
        net.width,
        batch_norm=net.batch_norm,
        depth=nets.unet.halvings(side),
        dropout=0.0,
        axis_name=AXIS if net.sync_batch_norm else None,
        dtype=dtype,
    )
    game = algorithms.pix2pix(
        translator,
        nets.patch.Discriminator(net.width, net.discriminator_layers, dtype=dtype),
        target=targets.HOLE,
        adversarial=config.adversarial,
        error=config.l2_weight,
    )
    if config.hole == "centre":
        return game
    return game._replace(transform=lambda keys, batch: with_new_hole(keys, batch, config.share))
