"""SRGAN: images of four times the sides, first by L2 alone, then against an adversary.

Ledig et al., 2017, arXiv:1609.04802: SRResNet trained on mean squared error; from step `begin` on
it is joined by the adversarial loss with weight 0.001 and the distance in maps of VGG-19 with
weight 0.1, where the paper's distance in maps takes the place of that of pixels. `begin` does not
follow `steps`: set both. `perceptual.weights` names torchvision's file of VGG-19; without one the
net is a narrow one that was never trained. Small images are Pillow's antialiased bicubic.
`adversarial=0.` and `perceptual.weight=0.` leave L2 alone.

    python -m experiments.train --config=configs/translation/srgan.py
"""

from collections.abc import Callable

import jax.numpy as jnp
from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, extractors, nets
from gan_jax.algorithms import targets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings
from gan_jax.types import Array

VARIANTS = {"flowers_128": 4_000, "orl_faces": 4_000, "cifar10": 20_000}
TINY = {
    "data.resolution": 16,
    "net.width": 4,
    "net.blocks": 1,
    "net.pairs": 1,
    "net.hidden": 8,
    "perceptual.width": 2,
    "perceptual.taps": ("conv1_2",),
    "begin": 1,
}


def get_config(variant: str = "flowers_128") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant], batch_size=16, sample_every=500, evaluate_every=VARIANTS[variant]
    )
    adam = Adam(learning_rate=2e-4, beta1=0.9)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "width": 32,
        "blocks": 6,
        "pairs": 3,
        "hidden": 256,
        "sync_batch_norm": False,
    }
    config.factor = 4
    config.begin = VARIANTS[variant] // 2
    config.adversarial = 1e-3
    config.l2_weight = 1.0
    config.perceptual = {"weight": 0.1, "taps": ("conv2_2",), "width": 16, "weights": ""}
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    images = data.Source(**config.data).load(split)
    side = config.data.resolution // config.factor
    small = lambda x: data.resize(x[None], side)[0]
    return data.transformed(images, "source", small, of="x")


def from_step(begin: int, weight: float) -> Callable[[Array], Array] | float:
    """A weight that is 0 before."""
    return (lambda step: jnp.where(step < begin, 0.0, weight)) if weight else 0.0


def comparisons(config: ConfigDict) -> list[algorithms.Comparison]:
    """The perceptual term, where it has a weight."""
    some, variables = config.perceptual, None
    if not some.weight:
        return []
    net = nets.vgg.VGG(some.taps, 64 if some.weights else some.width)
    if some.weights:
        state, _ = extractors.read_state_dict(some.weights)
        variables = nets.vgg.from_torch_state_dict(state, net.taps)
    weight = from_step(config.begin, some.weight)
    return [algorithms.perceptual(net, weight, variables=variables)]


def make_game(config: ConfigDict) -> Game:
    net, dtype = config.net, config.dtype
    norms = {"axis_name": AXIS if net.sync_batch_norm else None, "dtype": dtype}
    generator = nets.srgan.Generator(
        config.data.channels, net.width, net.blocks, config.factor, **norms
    )
    game = algorithms.pix2pix(
        generator,
        nets.srgan.Discriminator(net.width, net.pairs, net.hidden, **norms),
        target=targets.L2,
        adversarial=from_step(config.begin, config.adversarial),
        error=config.l2_weight,
        comparisons=comparisons(config),
        conditional=False,
    )
    return game._replace(transform=augment.alike(augment.flip, "x", "source"))
