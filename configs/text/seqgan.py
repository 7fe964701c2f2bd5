"""SeqGAN: the net that writes is rewarded for what the discriminator takes for real.

Yu, Zhang, Wang & Yu, 2017, arXiv:1609.05473: maximum likelihood at first, then the discriminator
alone, then policy gradient, whose values are means over sequences written to their ends; here from
a mean baseline, with fewer rollouts and kernels than the paper's, and a step of each player in
turn. Variants and nets as in `lstm.py`, from whose run it may begin.

    python -m experiments.train --config=configs/text/seqgan.py
    python -m experiments.train --config=configs/text/seqgan.py --config.pretrain=0 \
        --init.generator=runs/text_lstm
    python -m experiments.text --workdir=runs/text_seqgan --temperatures=0.8,1.0,1.2
"""

import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam, at_first
from gan_jax.train import Plan, settings

VARIANTS = ("oracle", "lines")
TINY = {
    "data.length": 4,
    "net.width": 4,
    "critic.embedding": 4,
    "critic.sizes": (1, 2),
    "critic.width": 4,
    "pretrain": 1,
    "warm_up": 0,
}


def get_config(variant: str = "oracle") -> ConfigDict:
    plan = Plan(steps=1_500, batch_size=64, sample_every=250, evaluate_every=250, ema_decay=0.0)
    source = data.SOURCES[variant]
    adam = Adam(learning_rate=1e-3, beta1=0.9)
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"kind": "LSTM", "width": 32}
    config.critic = {"embedding": 64, "sizes": (1, 2, 3, 4, 5), "width": 32, "dropout": 0.25}
    config.rollouts = 1
    config.pretrain = 1_000
    config.pretrain_rate = 1e-2
    config.warm_up = 200
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
    return algorithms.seqgan(
        make_net(vocabulary, config.net.width, dtype=config.dtype),
        nets.sequences.Discriminator(
            vocabulary,
            critic.embedding,
            1,
            critic.sizes,
            critic.width,
            critic.dropout,
            dtype=config.dtype,
        ),
        length=config.data.length,
        rollouts=config.rollouts,
        pretrain=config.pretrain,
        warm_up=config.warm_up,
        temperature=config.temperature,
        end=data.end_of(config.data.name),
    )
