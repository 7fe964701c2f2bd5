"""f-GAN: a divergence of one's choice, by its convex conjugate.

Nowozin et al., 2016, arXiv:1606.00709: `divergence` names one of `gan_jax.losses.f_divergences`,
`KL`, `REVERSE_KL`, `PEARSON`, `SQUARED_HELLINGER`, `JENSEN_SHANNON`, `GAN` or `TOTAL_VARIATION`;
the generator's loss is that of algorithm 1. DCGAN's nets, and R1 in place of batch normalisation in
the discriminator: conjugates that grow like an exponential need it.

    python -m experiments.train --config=configs/image/fgan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.losses import FDivergence, f_divergences
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, named, settings

VARIANTS = {"digits": 6_000, "mnist": 12_000, "fashion_mnist": 12_000, "cifar10": 20_000}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=2e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.divergence = "SQUARED_HELLINGER"
    config.r1 = 1.0
    return config


def make_game(config: ConfigDict) -> Game:
    width = config.net.width
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    return algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=named(f_divergences, config.divergence, FDivergence).loss(),
        penalties=[R1(config.r1)],
    )
