"""WGAN-GP on characters: the critic sees one-hot vectors, the generator gives probabilities.

Gulrajani et al., 2017, arXiv:1704.00028, section 5.4: lines of 32 characters, residual blocks of
one-dimensional convolutions, penalty 10, Adam with moments (0.5, 0.9); here a narrow net, five
critic steps and 5e-4, five times the paper's rate. The score is the Jensen-Shannon divergence of
n-grams.

    python -m experiments.train --config=configs/text/wgan_gp.py
    python -m experiments.sample --workdir=runs/text_wgan_gp --out=lines.txt
"""

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import GradientPenalty
from gan_jax.train import Plan, settings

VARIANTS = ("tiny_shakespeare",)
TINY = {"data.length": 8, "net.width": 4, "net.blocks": 1, "discriminator_repeats": 2}


def get_config(variant: str = "tiny_shakespeare") -> ConfigDict:
    plan = Plan(steps=2_000, batch_size=64, sample_every=200, evaluate_every=500)
    adam = Adam(learning_rate=5e-4, beta1=0.5, beta2=0.9)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 128, "width": 64, "blocks": 5}
    config.gradient_penalty = 10.0
    config.discriminator_repeats = 5
    return config


def make_game(config: ConfigDict) -> Game:
    net = config.net
    return algorithms.gan(
        nets.text.Generator(
            config.data.length, config.data.vocabulary, net.width, net.blocks, dtype=config.dtype
        ),
        nets.text.Discriminator(net.width, net.blocks, dtype=config.dtype),
        prior=priors.normal(net.latent_dim),
        loss=losses.WASSERSTEIN,
        penalties=[GradientPenalty(config.gradient_penalty)],
        encode=lambda tokens: jax.nn.one_hot(tokens, config.data.vocabulary),
        decode=lambda probabilities: jnp.argmax(probabilities, axis=-1),
        discriminator_repeats=config.discriminator_repeats,
    )
