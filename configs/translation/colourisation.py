"""Colourisation: grey images to coloured ones, by pix2pix.

Isola et al., 2016, arXiv:1611.07004: the U-Net and the discriminator of patches that sees the grey
image too, L1 with weight 100. `adversarial=0.` leaves L1 alone, `l1_weight=0.` the adversary.

    python -m experiments.train --config=configs/translation/colourisation.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings

VARIANTS = {"flowers_128": 4_000, "cifar10": 20_000}
TINY = {"data.resolution": 16, "net.width": 4, "net.discriminator_layers": 1}


def get_config(variant: str = "flowers_128") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant], batch_size=16, sample_every=500, evaluate_every=VARIANTS[variant]
    )
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "width": 24,
        "discriminator_layers": 2,
        "dropout": 0.0,
        "batch_norm": True,
        "sync_batch_norm": False,
    }
    config.l1_weight = 100.0
    config.adversarial = 1.0
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    images = data.Source(**config.data).load(split)
    return data.transformed(images, "source", lambda x: data.set_channels(x, 1), of="x")


def make_game(config: ConfigDict) -> Game:
    net, dtype, side = config.net, config.dtype, config.data.resolution
    translator = nets.unet.Translator(
        3,
        net.width,
        batch_norm=net.batch_norm,
        depth=nets.unet.halvings(side),
        dropout=net.dropout,
        axis_name=AXIS if net.sync_batch_norm else None,
        dtype=dtype,
    )
    game = algorithms.pix2pix(
        translator,
        nets.patch.Discriminator(net.width, net.discriminator_layers, dtype=dtype),
        adversarial=config.adversarial,
        error=config.l1_weight,
    )
    return game._replace(transform=augment.alike(augment.flip, "x", "source"))
