"""DCGAN: the default recipe, made for a laptop's CPU.

The generator and discriminator of Radford et al., 2015 (arXiv:1511.06434), trained with the
non-saturating loss and R1 (Mescheder et al., 2018, arXiv:1801.04406) in place of batch
normalisation in the discriminator. `loss` names any pair of `gan_jax.losses`; `r1`, `r2` and
`gradient_penalty` weigh penalties, and `r1_every=16` is lazy regularisation (Karras et al., 2020,
arXiv:1912.04958).

    python -m experiments.train --config=configs/image/dcgan.py:mnist
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1, R2, GradientPenalty
from gan_jax.train import Plan, named, settings

VARIANTS = {
    "digits": 8_000,
    "mnist": 12_000,
    "fashion_mnist": 12_000,
    "cifar10": 20_000,
    "stacked_mnist": 20_000,
}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.loss = "NON_SATURATING"
    config.r1 = 1.0
    config.r1_every = 1
    config.r2 = 0.0
    config.gradient_penalty = 0.0
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
        loss=named(losses, config.loss, losses.AdversarialLoss),
        penalties=[
            R1(config.r1, every=config.r1_every),
            R2(config.r2),
            GradientPenalty(config.gradient_penalty),
        ],
    )
