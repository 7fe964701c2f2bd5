"""Algorithms: one module per kind of game, each a function that returns a `game.Game`."""

from gan_jax.algorithms import targets, terms
from gan_jax.algorithms._aae import aae
from gan_jax.algorithms._began import began
from gan_jax.algorithms._bigan import bigan
from gan_jax.algorithms._classifier import classifier
from gan_jax.algorithms._contrastive import contrastive
from gan_jax.algorithms._cyclegan import cyclegan
from gan_jax.algorithms._dynamics import consensus, unrolled
from gan_jax.algorithms._gain import gain
from gan_jax.algorithms._gan import Scene, Term, gan, logits_of
from gan_jax.algorithms._gman import gman
from gan_jax.algorithms._infogan import infogan
from gan_jax.algorithms._iwae import iwae, log_importance_weights
from gan_jax.algorithms._language_model import language_model
from gan_jax.algorithms._madgan import madgan
from gan_jax.algorithms._path_length import path_regularised
from gan_jax.algorithms._pix2pix import Comparison, perceptual, pix2pix
from gan_jax.algorithms._private import private
from gan_jax.algorithms._relgan import relgan
from gan_jax.algorithms._seqgan import seqgan
from gan_jax.algorithms._vae import BERNOULLI, Likelihood, gaussian, vae
from gan_jax.algorithms._vae_gan import vae_gan

__all__ = [
    "BERNOULLI",
    "Comparison",
    "Likelihood",
    "Scene",
    "Term",
    "aae",
    "began",
    "bigan",
    "classifier",
    "consensus",
    "contrastive",
    "cyclegan",
    "gain",
    "gan",
    "gaussian",
    "gman",
    "infogan",
    "iwae",
    "language_model",
    "log_importance_weights",
    "logits_of",
    "madgan",
    "path_regularised",
    "perceptual",
    "pix2pix",
    "private",
    "relgan",
    "seqgan",
    "targets",
    "terms",
    "unrolled",
    "vae",
    "vae_gan",
]
