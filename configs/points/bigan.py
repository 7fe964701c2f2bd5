"""ALI on a ring of eight Gaussians, or a grid of twenty-five: a GAN with an encoder.

Dumoulin et al., 2017, arXiv:1606.00704; with `stochastic=False` BiGAN (Donahue et al., 2017,
arXiv:1605.09782). VEEGAN's paper (Srivastava et al., 2017, arXiv:1705.07761) has it among those
that lose modes.

    python -m experiments.train --config=configs/points/bigan.py:grid
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import points_plan, settings

VARIANTS = ("ring", "grid")
TINY = {"net.hidden": (8,)}


def get_config(variant: str = "ring") -> ConfigDict:
    plan = points_plan(10_000)
    adam = Adam(learning_rate=2e-3, beta1=0.0, decay="cosine")
    players = dict.fromkeys(("encoder", "generator", "discriminator"), adam)
    config = ConfigDict(settings(plan, data.SOURCES[variant], **players))
    config.net = {"latent_dim": 2, "hidden": (128, 128)}
    config.stochastic = True
    return config


def make_game(config: ConfigDict) -> Game:
    hidden, latent_dim, dtype = config.net.hidden, config.net.latent_dim, config.dtype
    stochastic = config.stochastic
    return algorithms.bigan(
        nets.mlp.Encoder(2 * latent_dim if stochastic else latent_dim, hidden, dtype=dtype),
        nets.mlp.Generator((2,), hidden, final=None, dtype=dtype),
        nets.mlp.PairDiscriminator(hidden, dtype=dtype),
        prior=priors.normal(latent_dim),
        stochastic=stochastic,
    )
