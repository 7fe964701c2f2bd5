"""BigGAN: wide residual nets with attention, in which latent and class speak to every block.

Brock et al., 2019, arXiv:1809.11096: a shared embedding of the class, a chunk of the latent for
every block, orthogonal initial values, the hinge loss, two discriminator steps a generator step.
The paper's nets are 96 wide at 128×128 and see batches of 2048 on a TPU pod; their rates are 5e-5
and 2e-4, their averages of decay 0.9999.

    python -m experiments.train --config=configs/image/biggan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 4_000, "mnist": 6_000, "fashion_mnist": 6_000, "cifar10": 12_000}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=1_000)
    adam = Adam(learning_rate=2e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "chunk": 20,  # numbers of the latent for each block, and for the smallest map
        "width": 32,
        "attention": source.resolution // 2,
        "sync_batch_norm": False,
    }
    config.discriminator_repeats = 2
    return config


def make_game(config: ConfigDict) -> Game:
    width, classes, attention = config.net.width, config.data.num_classes, config.net.attention
    generator = nets.biggan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        num_classes=classes,
        attention=attention,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    _, stages = nets.stages.base_and_stages(config.data.resolution)
    return algorithms.gan(
        generator,
        nets.biggan.Discriminator(width, classes, attention, dtype=config.dtype),
        prior=priors.normal(config.net.chunk * (stages + 1)),
        loss=losses.HINGE,
        conditional=True,
        discriminator_repeats=config.discriminator_repeats,
    )
