from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import KEY, trained

from gan_jax import algorithms, prng, sampling
from gan_jax.algorithms._language_model import counted
from gan_jax.game import View
from gan_jax.nets.sequences import LSTM
from gan_jax.types import UserError

TOKENS = np.random.default_rng(0).integers(4, size=(64, 3)).astype(np.int32)
NET = LSTM(4, 4)


class Fond(nn.Module):
    """Takes for real what has many of token 2."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        scale = self.param("scale", nn.initializers.constant(2.0), ())
        weights = jax.nn.one_hot(x, 4) if jnp.issubdtype(x.dtype, jnp.integer) else x
        return scale * (jnp.sum(weights[..., 2], axis=1) - 1)


GAMES = {
    "seqgan": partial(algorithms.seqgan, rollouts=1),
    "relgan": partial(algorithms.relgan, sharpness=lambda step: 2.0),
}


@pytest.mark.parametrize("name", GAMES)
def test_a_generator_comes_to_write_what_a_discriminator_likes(name):
    game = GAMES[name](NET, Fond(), length=3)
    game = game._replace(turns=game.turns[-1:])
    states = trained(game, {"x": TOKENS}, steps=60, rate=0.05)
    inputs = sampling.draw_inputs(game, KEY, 200, {})
    before, after = (np.mean(game.sample(s.variables(ema=False), inputs) == 2) for s in states)
    assert before < 0.5
    assert after > 0.9


def test_players_move_in_their_stages():
    game = algorithms.seqgan(NET, Fond(), length=3, rollouts=1, pretrain=2, warm_up=1)
    moves = [[t.player for t in game.turns if t.when(step)] for step in range(4)]
    assert moves[:2] == [["generator"]] * 2
    assert moves[2:] == [["discriminator"], ["discriminator", "generator"]]


def test_a_sequence_counts_up_to_its_end():
    x = jnp.array([[1, 0, 0], [0, 1, 0], [1, 2, 3]])
    np.testing.assert_array_equal(counted(x, 0), [[1, 1, 0], [1, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(counted(x, None), 1)


def test_a_temperature_is_above_zero():
    with pytest.raises(UserError, match=r"temperature 0.0 is not above 0"):
        algorithms.language_model(NET, length=3, temperature=0.0)


def test_a_language_model_minimises_nats_a_token_that_counts():
    game = algorithms.language_model(NET, length=3, end=0)
    batch = {"x": jnp.array([[1, 0, 0], [1, 2, 3]])}
    players = game.init(KEY, batch)
    log_p = np.asarray(jax.nn.log_softmax(NET.apply(players["generator"], batch["x"])), np.float64)
    nats = -np.take_along_axis(log_p, np.asarray(batch["x"])[..., None], axis=-1)[..., 0]
    expected = (np.sum(nats[0, :2]) + np.sum(nats[1])) / 5
    view = View(players, batch, prng.per_example(KEY, 2))
    np.testing.assert_allclose(game.turns[0].loss(view)[0], expected, rtol=1e-5)
    np.testing.assert_allclose(game.metrics(players, batch, KEY)["nll"], expected, rtol=1e-5)
