"""pix2pix: edges to photographs of shoes and handbags, from pairs.

Isola et al., 2016, arXiv:1611.07004: a U-Net whose dropout is its noise, against a discriminator of
patches that sees the edges too; L1 with weight 100; Adam 2e-4 with moments (0.5, 0.999). Instances
are normalised, as the paper's are at its batch size of 1.

    python -m experiments.train --config=configs/translation/pix2pix.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = ("edges2shoes_handbags",)
TINY = {"data.resolution": 16, "net.width": 4, "net.discriminator_layers": 1}


def get_config(variant: str = "edges2shoes_handbags") -> ConfigDict:
    plan = Plan(steps=600, batch_size=16, sample_every=100, evaluate_every=200)
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"width": 24, "discriminator_layers": 2, "dropout": 0.5}
    config.l1_weight = 100.0
    return config


def make_game(config: ConfigDict) -> Game:
    net, side = config.net, config.data.resolution
    translator = nets.unet.Translator(
        config.data.channels,
        net.width,
        batch_norm=False,
        depth=nets.unet.halvings(side, side),
        dropout=net.dropout,
        dtype=config.dtype,
    )
    game = algorithms.pix2pix(
        translator,
        nets.patch.Discriminator(net.width, net.discriminator_layers, dtype=config.dtype),
        error=config.l1_weight,
    )
    return game._replace(transform=augment.alike(augment.flip, "x", "source"))
