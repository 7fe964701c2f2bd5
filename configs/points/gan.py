"""A GAN on a ring of eight Gaussians, or a grid of twenty-five: the classic tests of mode collapse.

The mixtures of PacGAN (Lin et al., 2018, arXiv:1712.04086): a mode is captured when a sample lies
within three standard deviations of its centre. R1 (Mescheder et al., 2018, arXiv:1801.04406) keeps
the modes; `--config.r1=0` shows what happens without. What else is said to help are settings:

- `loss`, `r1`, `r2`, `gradient_penalty`, `discriminator_repeats`, as in `image/dcgan.py`;
- `net.minibatch`, kernels of minibatch discrimination (Salimans et al., 2016, arXiv:1606.03498)
  over groups of 16;
- `top_share`, of a batch's samples, the most real of which alone the generator learns from (top-k,
  Sinha et al., 2020, arXiv:2002.06224);
- `unroll`, steps of the discriminator that the generator foresees (Metz et al., 2017,
  arXiv:1611.02163), of Adam at `unroll_rate`.

    python -m experiments.train --config=configs/points/gan.py:grid
"""

import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.layers import MinibatchDiscrimination
from gan_jax.optimizers import Adam
from gan_jax.penalties import R1, R2, GradientPenalty
from gan_jax.train import named, points_plan, settings

VARIANTS = {"ring": 1e-3, "grid": 2e-3}  # and rates at which they are learnt
TINY = {"net.hidden": (8,)}

_GROUP = 16


def get_config(variant: str = "ring") -> ConfigDict:
    plan = points_plan(20_000)
    adam = Adam(learning_rate=VARIANTS[variant], beta1=0.0, decay="cosine")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 2, "hidden": (128, 128), "minibatch": 0}
    config.loss = "NON_SATURATING"
    config.r1 = 0.1
    config.r2 = 0.0
    config.gradient_penalty = 0.0
    config.discriminator_repeats = 1
    config.top_share = 1.0
    config.unroll = 0
    config.unroll_rate = 1e-3
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, dtype, kernels = config.net.hidden, config.dtype, config.net.minibatch
    game = algorithms.gan(
        nets.mlp.Generator((2,), hidden, final=None, dtype=dtype),
        nets.mlp.Discriminator(
            hidden,
            minibatch=MinibatchDiscrimination(kernels, 3, _GROUP) if kernels else None,
            dtype=dtype,
        ),
        prior=priors.normal(config.net.latent_dim),
        loss=named(losses, config.loss, losses.AdversarialLoss),
        penalties=[R1(config.r1), R2(config.r2), GradientPenalty(config.gradient_penalty)],
        group=_GROUP if kernels else 1,
        discriminator_repeats=config.discriminator_repeats,
        top_share=config.top_share,
    )
    if not config.unroll:
        return game
    foreseen = optax.adam(config.unroll_rate, eps_root=1e-16)  # with a slope at 0
    return algorithms.unrolled(game, steps=config.unroll, optimizer=foreseen)
