"""ADA: augmentation that grows while the discriminator is too sure of the data, for small data.

Karras et al., 2020, arXiv:2006.06676: the probability of an augmentation follows the mean sign of
the logits of data. The augmentations of `policy` are DiffAugment's (Zhao et al., 2020,
arXiv:2006.10738), each drawn by itself; `data.split="train[:10%]"` makes data small. R1 as in
`image/dcgan.py`. The probability may rise from 0 to 1 within `augmentation.examples`, 100,000 here
for short runs, the paper's 500,000; a target of -1 makes it rise always: DiffAugment.

    python -m experiments.train --config=configs/image/ada.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets, priors, prng
from gan_jax.algorithms import terms
from gan_jax.game import Game, View
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings
from gan_jax.types import Array, PRNGKey

VARIANTS = {"digits": 6_000, "mnist": 12_000, "fashion_mnist": 12_000, "cifar10": 20_000}
TINY = {"data.resolution": 8, "net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.r1 = 1.0
    config.policy = ("translation", "cutout", "colour")
    config.augmentation = {"target": 0.6, "examples": 100_000}
    return config


def make_game(config: ConfigDict) -> Game:
    some = augment.policy(config.policy)

    def augmented(keys: PRNGKey, x: Array, view: View) -> Array:
        p = terms.augmentation_probability(view)
        for i, transform in enumerate(some):
            x = augment.with_probability(prng.fold_in(keys, i), x, transform, p)
        return x

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
        penalties=[R1(config.r1)],
        terms=[terms.adaptive_augmentation(**config.augmentation)],
        augment=augmented,
    )
