"""Conditional DCGAN: the digit asked for is the digit drawn.

Labels are one-hot beside the generator's latent (Mirza & Osindero, 2014, arXiv:1411.1784) and enter
the discriminator by projection (Miyato & Koyama, 2018, arXiv:1802.05637); R1 (Mescheder et al.,
2018, arXiv:1801.04406) in place of batch normalisation in the discriminator. With `mismatch`
above 0 data under labels of other examples are refused as well (Reed et al., 2016,
arXiv:1605.05396), by so much: labels are obeyed better, at some cost in variety. Where data are few
`policy`, such as `("affine",)`, alters all images that the discriminator sees (DiffAugment:
Zhao et al., 2020, arXiv:2006.10738).

    python -m experiments.train --config=configs/image/cgan.py --workdir=runs/cgan
    python -m experiments.sample --workdir=runs/cgan --label=7
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets, priors
from gan_jax.algorithms import terms
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 6_000, "mnist": 12_000, "fashion_mnist": 12_000, "cifar10": 20_000}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.r1 = 1.0
    config.mismatch = 0.0
    config.policy = ()
    return config


def make_game(config: ConfigDict) -> Game:
    width, classes, dtype = config.net.width, config.data.num_classes, config.dtype
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        num_classes=classes,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=dtype,
    )
    altered = augment.compose(*augment.policy(config.policy))
    return algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, num_classes=classes, dtype=dtype),
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
        terms=[terms.matching_aware(config.mismatch, "label")] if config.mismatch else [],
        conditional=True,
        augment=lambda keys, x, view: altered(keys, x),
    )
