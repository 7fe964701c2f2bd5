"""AC-GAN: the discriminator names the class of data and samples, and does not see the label.

Odena et al., 2017, arXiv:1610.09585: the generator is given the label beside its latent;
`auxiliary` weighs the cross-entropy of the class. R1 as in `image/dcgan.py`.

    python -m experiments.train --config=configs/image/acgan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
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
    adam = Adam(learning_rate=5e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.auxiliary = 1.0
    config.r1 = 1.0
    return config


def make_game(config: ConfigDict) -> Game:
    width, classes = config.net.width, config.data.num_classes
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        num_classes=classes,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    heads = {"class": classes}
    return algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, heads=heads, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        terms=[terms.auxiliary_classifier(config.auxiliary, config.auxiliary)],
        penalties=[R1(config.r1)],
        conditional=True,
    )
