"""pix2pix: translation from pairs, such as edges to photographs of shoes and handbags.

Isola et al., 2016, arXiv:1611.07004: a U-Net whose dropout is its noise, against a discriminator of
patches that sees the source too; L1 with weight 100; Adam 2e-4 with moments (0.5, 0.999). The U-Net
is normalised by the batch, at the paper's batch size of 1 each image by itself, as the
discriminator always is. `adversarial=0.` leaves L1 alone, `l1_weight=0.` the adversary.

- `edges2shoes_handbags`: edges to photographs;
- `camvid`: maps of classes to photographs of streets; back it is `translation/segmentation.py`;
- `folder`: `data.name` holds folders `trainA` and `trainB` (or `A` and `B`) of equal names, or
  images that show source and target side by side; the paper's size. `data.features.x=A
  data.features.source=B` is the other way.

    python -m experiments.train --config=configs/translation/pix2pix.py
"""

from functools import partial

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets
from gan_jax.algorithms import targets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings

PAPER = data.Source(
    "", test_split="test", resolution=256, channels=3, features={"x": "B", "source": "A"}
)
VARIANTS = {"edges2shoes_handbags": 4_000, "camvid": 4_000, "folder": 80_000}
SMALL = {"width": 24, "discriminator_layers": 2, "batch_norm": True}
LARGE = {"width": 64, "discriminator_layers": 3, "batch_norm": False}
TINY = {"data.resolution": 16, "net.width": 4, "net.discriminator_layers": 1}


def get_config(variant: str = "edges2shoes_handbags") -> ConfigDict:
    steps, folder = VARIANTS[variant], variant == "folder"
    plan = Plan(
        steps=steps,
        batch_size=1 if folder else 16,
        sample_every=steps // 8,
        evaluate_every=steps // 4,
    )
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = PAPER if folder else data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.pairs = variant
    config.net = {**(LARGE if folder else SMALL), "dropout": 0.5, "sync_batch_norm": False}
    config.l1_weight = 100.0
    config.adversarial = 1.0
    return config


def make_game(config: ConfigDict) -> Game:
    net, side = config.net, config.data.resolution
    classes = len(data.CAMVID) if config.pairs == "camvid" else 0
    translator = nets.unet.Translator(
        config.data.channels,
        net.width,
        batch_norm=net.batch_norm,
        depth=nets.unet.halvings(side),
        dropout=net.dropout,
        axis_name=AXIS if net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    game = algorithms.pix2pix(
        translator,
        nets.patch.Discriminator(net.width, net.discriminator_layers, dtype=config.dtype),
        adversarial=config.adversarial,
        error=config.l1_weight,
        encode=partial(targets.one_hot, classes=classes) if classes else lambda source: source,
    )
    return game._replace(transform=augment.alike(augment.flip, "x", "source"))
