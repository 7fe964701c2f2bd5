"""Semantic segmentation: photographs to maps of classes, cross-entropy and an adversary.

Luc et al., 2016, arXiv:1611.08408: the discriminator sees the photograph beside probabilities or
the true map, and judges patches (Isola et al., 2016, arXiv:1611.07004). The net is CycleGAN's (Zhu
et al., 2017, arXiv:1703.10593): pix2pix's U-Net learns slowly here. `adversarial=0.` leaves the
cross-entropy alone. `shapes` are scenes drawn on the fly.

    python -m experiments.train --config=configs/translation/segmentation.py:camvid
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets
from gan_jax.algorithms import targets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = {"shapes": 5_000, "camvid": 3_000}
CLASSES = {"shapes": len(data.SHAPES), "camvid": len(data.CAMVID)}
TINY = {
    "data.resolution": 16,
    "net.width": 4,
    "net.blocks": 1,
    "net.kernel": 3,
    "net.discriminator_layers": 1,
}


def get_config(variant: str = "shapes") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant], batch_size=16, sample_every=500, evaluate_every=VARIANTS[variant]
    )
    adam = Adam(learning_rate=1e-3, beta1=0.5, decay="cosine")
    judge = Adam(learning_rate=5e-4, beta1=0.5, decay="cosine")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=judge))
    if variant == "camvid":
        config.data.resolution = 96
    config.net = {"width": 16, "halvings": 2, "blocks": 4, "kernel": 5, "discriminator_layers": 2}
    config.classes = CLASSES[variant]
    config.cross_entropy = 100.0
    config.adversarial = 1.0
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    scenes = data.Source(**config.data).load(split)
    return data.renamed(scenes, x="source", source="x")


def make_game(config: ConfigDict) -> Game:
    net, dtype = config.net, config.dtype
    translator = nets.residual.Translator(
        config.classes, net.width, net.halvings, net.blocks, net.kernel, final=None, dtype=dtype
    )
    game = algorithms.pix2pix(
        translator,
        nets.patch.Discriminator(net.width, net.discriminator_layers, dtype=dtype),
        target=targets.labels(config.classes),
        adversarial=config.adversarial,
        error=config.cross_entropy,
    )
    return game._replace(transform=augment.alike(augment.flip, "x", "source"))
