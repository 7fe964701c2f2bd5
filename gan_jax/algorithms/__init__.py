"""Algorithms: one module per kind of game, each a function that returns a `game.Game`."""

from gan_jax.algorithms._began import began
from gan_jax.algorithms._classifier import classifier
from gan_jax.algorithms._cyclegan import cyclegan
from gan_jax.algorithms._gan import Term, gan, logits_of
from gan_jax.algorithms._infogan import infogan
from gan_jax.algorithms._pix2pix import pix2pix
from gan_jax.algorithms._vae import BERNOULLI, Likelihood, gaussian, log_importance_weights, vae

__all__ = [
    "BERNOULLI",
    "Likelihood",
    "Term",
    "began",
    "classifier",
    "cyclegan",
    "gan",
    "gaussian",
    "infogan",
    "log_importance_weights",
    "logits_of",
    "pix2pix",
    "vae",
]
