"""IWAE: a VAE trained on the bound of fifty samples.

Burda, Grosse & Salakhutdinov, 2016, arXiv:1509.00519: the net of one stochastic layer, 50 latents
and two layers of 200 tanh units on either side, Adam with ε = 1e-4, whose rate falls to a tenth (in
the paper by steps, over ten million updates of 20 examples). Pixels are coins: a grey value is the
probability of a 1. In training they are thrown anew at each visit, as in the paper, or with
`coins="once"` stay as they fell; held-out pixels were thrown once. The paper has 84.78 nats on
MNIST's test set at K = 50, 86.76 at K = 1, by bounds of 5,000 samples; `held_out/bound` is of K
samples alone. The encoder is shown black as 0 and pixels are dark at first: with grey as 0, 3,000
updates of K = 1 end at 188 nats in place of 127. `doubly_reparameterised=True` gives the
encoder a gradient of less noise (DReG: Tucker et al., 2019, arXiv:1810.04152).

    python -m experiments.train --config=configs/image/iwae.py:mnist --config.samples=5
"""

from collections.abc import Mapping
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, prng
from gan_jax.game import Game, Players
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings
from gan_jax.types import Array, Batch, PRNGKey, UserError

VARIANTS = {"digits": 6_000, "mnist": 60_000, "fashion_mnist": 60_000, "cifar10": 60_000}
TINY = {"net.hidden": (16,), "samples": 3}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant],
        batch_size=20,
        sample_every=1_000,
        evaluate_every=1_000,
        best="held_out/bound",
    )
    adam = Adam(learning_rate=1e-3, beta1=0.9, epsilon=1e-4, decay="cosine", final_scale=0.1)
    config = ConfigDict(settings(plan, data.SOURCES[variant], vae=adam))
    config.net = {"latent_dim": 50, "hidden": (200, 200)}
    config.samples = 50
    config.doubly_reparameterised = False
    config.coins = "anew"
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    """Pixels of 0 and 255, a function of an example's place in the split alone; or grey ones."""
    if config.coins not in ("anew", "once"):
        raise UserError(f"coins is {config.coins!r}: give 'anew' or 'once'")
    grey = data.materialise(data.Source(**config.data).load(split))
    if split == config.data.split and config.coins == "anew":
        return grey  # which the game throws
    x = grey.columns["x"]
    coins = np.random.default_rng(0).random(x.shape, np.float32)
    return replace(grey, columns={**grey.columns, "x": 255 * (255 * coins < x).astype(np.uint8)})


def make_game(config: ConfigDict) -> Game:
    side, latent_dim, hidden = config.data.resolution, config.net.latent_dim, config.net.hidden
    shape = (side, side, config.data.channels)
    game = algorithms.iwae(
        nets.mlp.Encoder(2 * latent_dim, hidden, nn.tanh, dtype=config.dtype, centre=-1.0),
        nets.mlp.Generator(shape, hidden, nn.tanh, None, dtype=config.dtype, bias=-2.0),
        latent_dim=latent_dim,
        samples=config.samples,
        doubly_reparameterised=config.doubly_reparameterised,
    )
    if config.coins != "anew":
        return game

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> Mapping[str, Array]:
        assert game.metrics is not None
        return game.metrics(players, throw(prng.fold_in(keys, "coins"), batch), keys)

    return game._replace(transform=throw, metrics=metrics)


def throw(keys: PRNGKey, batch: Batch) -> Batch:
    """Pixels of -1 and 1 at which grey ones are in expectation; those of -1 and 1 stay."""
    coins = prng.uniform(keys, batch["x"].shape[1:])
    return {**batch, "x": jnp.where(2 * coins - 1 < batch["x"], 1.0, -1.0)}
