"""RelGAN: the Gumbel-softmax relaxation lets gradients pass from words to the net that writes them.

Nie, Narodytska & Patel, 2019, openreview.net/forum?id=rJedV3R5tm: maximum likelihood at first, then
a relativistic loss, a sharpness that rises exponentially to `beta`, a discriminator of several
representations, Adam at 1e-4 after 1e-2. The paper's generator is a relational memory, here an LSTM
or a small Transformer (`net.kind`), and its discriminator moves five times a step, here once.
Variants as in `lstm.py`, from whose run it may begin.

    python -m experiments.train --config=configs/text/relgan.py
    python -m experiments.train --config=configs/text/relgan.py --config.pretrain=0 \
        --init.generator=runs/text_lstm
    python -m experiments.text --workdir=runs/text_relgan --temperatures=0.8,1.0,1.2
"""

import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam, at_first
from gan_jax.train import Plan, settings
from gan_jax.types import Array

VARIANTS = ("oracle", "lines")
TINY = {
    "data.length": 6,
    "net.width": 4,
    "critic.representations": 2,
    "critic.sizes": (1, 2),
    "critic.width": 4,
    "pretrain": 1,
}


def get_config(variant: str = "oracle") -> ConfigDict:
    plan = Plan(steps=2_500, batch_size=64, sample_every=500, evaluate_every=500, ema_decay=0.0)
    source = data.SOURCES[variant]
    adam = Adam(learning_rate=1e-4, beta1=0.9)
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"kind": "LSTM", "width": 32}
    config.critic = {"representations": 8, "embedding": 8, "sizes": (1, 2, 3, 4, 5), "width": 32}
    config.pretrain = 1_000
    config.pretrain_rate = 1e-2
    config.beta = 100.0
    config.temperature = 1.0
    return config


def complete(config: ConfigDict) -> ConfigDict:
    """With the size of the file's vocabulary."""
    config.data.vocabulary = config.data.vocabulary or data.vocabulary_size(config.data.name)
    return config


def make_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
    """The generator's rate is another one while it is trained by likelihood."""
    adam = Adam(**config.generator)
    factor = config.pretrain_rate / adam.learning_rate
    return {"generator": at_first(adam.build(config.steps), factor, config.pretrain)}


def make_game(config: ConfigDict) -> Game:
    vocabulary, critic = config.data.vocabulary, config.critic
    make_net = getattr(nets.sequences, config.net.kind)

    def sharpness(step: Array) -> Array:
        part = (step - config.pretrain) / max(config.steps - config.pretrain, 1)
        return config.beta ** jnp.clip(part, 0.0, 1.0)

    return algorithms.relgan(
        make_net(vocabulary, config.net.width, dtype=config.dtype),
        nets.sequences.Discriminator(
            vocabulary,
            critic.embedding,
            critic.representations,
            critic.sizes,
            critic.width,
            dtype=config.dtype,
        ),
        length=config.data.length,
        sharpness=sharpness,
        pretrain=config.pretrain,
        temperature=config.temperature,
        end=data.end_of(config.data.name),
    )
