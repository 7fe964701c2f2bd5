"""Algorithms: one module per kind of game, each a function that returns a `game.Game`."""

from gan_jax.algorithms.cyclegan import cyclegan
from gan_jax.algorithms.gan import gan
from gan_jax.algorithms.vae import BERNOULLI, Likelihood, gaussian, log_importance_weights, vae

__all__ = [
    "BERNOULLI",
    "Likelihood",
    "cyclegan",
    "gan",
    "gaussian",
    "log_importance_weights",
    "vae",
]
