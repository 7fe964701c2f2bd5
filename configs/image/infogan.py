"""InfoGAN: a class and two more codes, found without labels.

Chen et al., 2016, arXiv:1606.03657: a categorical code of ten and two uniform ones, whose λ
`information` holds; the discriminator's body also guesses them. R1 as in `image/dcgan.py`.
`held_out/class_purity` is the share of test images whose label is the commonest among those given
their code; the pictures show the same noise under each class.

    python -m experiments.train --config=configs/image/infogan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
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
    config.net = {
        "latent_dim": 62,
        "width": 32,
        "classes": 10,
        "styles": 2,
        "sync_batch_norm": False,
    }
    config.information = {"class": 1.0, "style": 0.1}
    config.r1 = 0.1
    return config


def make_game(config: ConfigDict) -> Game:
    width, classes, styles = config.net.width, config.net.classes, config.net.styles
    heads = (("class", classes), ("style", styles))
    return algorithms.infogan(
        nets.dcgan.Generator(
            config.data.resolution,
            config.data.channels,
            width,
            axis_name=AXIS if config.net.sync_batch_norm else None,
            dtype=config.dtype,
        ),
        nets.dcgan.Discriminator(width, batch_norm=False, heads=heads, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        classes=classes,
        codes={"style": priors.uniform(styles)},
        weight=config.information.to_dict(),
        penalties=[R1(config.r1)],
    )
