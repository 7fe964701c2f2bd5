"""R3GAN: the relativistic loss under R1 and R2, everything on a schedule, nets without norms.

Huang et al., 2024, arXiv:2501.05441: over a share of the run learning rate, γ, β2, the half-life of
the average and the strength of the augmentation go from start to end on half a cosine, all of them
in `schedule`: there are no `learning_rate` and `beta2` of a player, and `schedule.half_life` takes
the place of `ema_decay`. For CIFAR-10 the paper's nets are 768 wide, of cardinality 96 and two
blocks a stage, for labels.

    python -m experiments.train --config=configs/image/r3gan.py
"""

from collections.abc import Callable

import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, losses, nets, priors
from gan_jax.game import Game, View
from gan_jax.optimizers import cosine
from gan_jax.penalties import R1, R2
from gan_jax.train import Plan, settings
from gan_jax.types import Array, PRNGKey

VARIANTS = {"digits": 3_000, "mnist": 6_000, "fashion_mnist": 6_000, "cifar10": 12_000}
TINY = {"data.resolution": 8, "net.width": 4, "net.cardinality": 2}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=1_000)
    config = ConfigDict(settings(plan, data.SOURCES[variant]))
    config.net = {"latent_dim": 64, "width": 32, "cardinality": 8, "blocks": 1}
    config.schedule = {
        "share": 0.8,  # of the run, until the end values are reached
        "learning_rate": (5e-4, 1e-4),
        "gamma": (1.0, 0.1),
        "beta2": (0.9, 0.99),
        "half_life": (0.0, 50_000.0),  # of the average, in examples
        "augmentation": (0.0, 0.3),  # probability
    }
    return config


def schedule(config: ConfigDict, name: str) -> Callable[[Array], Array]:
    start, end = config.schedule[name]
    return cosine(start, end, round(config.schedule.share * config.steps))


def make_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
    adam = optax.inject_hyperparams(optax.adam)(
        schedule(config, "learning_rate"), b1=0.0, b2=schedule(config, "beta2")
    )
    return {"generator": adam, "discriminator": adam}


def make_ema_decay(config: ConfigDict) -> Callable[[Array], Array]:
    half_life = schedule(config, "half_life")
    return lambda step: 0.5 ** (config.batch_size / (half_life(step) + 1e-8))


def make_game(config: ConfigDict) -> Game:
    probability, gamma = schedule(config, "augmentation"), schedule(config, "gamma")

    def augmented(keys: PRNGKey, x: Array, view: View) -> Array:
        step = jnp.asarray(view.step)
        return augment.with_probability(keys, x, augment.translation, probability(step))

    net = config.net
    size = {"width": net.width, "cardinality": net.cardinality, "blocks": net.blocks}
    return algorithms.gan(
        nets.r3gan.Generator(
            config.data.resolution, config.data.channels, **size, dtype=config.dtype
        ),
        nets.r3gan.Discriminator(**size, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=losses.RELATIVISTIC,
        penalties=[R1(gamma), R2(gamma)],
        augment=augmented,
    )
