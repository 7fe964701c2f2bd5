"""Path length regularisation, on a generator whose Jacobian is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_games import Styled

from gan_jax import nets, priors, prng
from gan_jax.algorithms import gan, path_regularised
from gan_jax.game import MEMORY
from gan_jax.penalties import path_length
from gan_jax.step import init_state, train_step
from gan_jax.types import UserError

KEY = jax.random.key(0)
KEYS = jax.random.split(KEY, 5)
STYLED = Styled((4, 4, 1))
SLOPES = STYLED.slopes()  # of an image of 4×4 in two styles of three


def lengths(scale):
    """Of the linear map, one of its random images after the other."""
    found = []
    for key in KEYS:
        image = np.asarray(prng.normal(key[None], (4, 4, 1))[0]) / 4
        slopes = [
            scale * float(np.sum(np.asarray(row) * image)) for row in SLOPES.reshape(6, 4, 4, 1)
        ]
        found.append(np.sqrt(np.sum(np.square(slopes)) / 2))
    return np.array(found)


def test_the_length_is_that_of_the_jacobians_product_with_an_image():
    styles = jax.random.normal(KEY, (5, 2, 3))
    found = path_length(lambda s: jnp.tensordot(s, 0.5 * SLOPES, 2), styles, KEYS)
    np.testing.assert_allclose(found, lengths(0.5), rtol=1e-5)


def test_its_gradient_is_the_length_over_the_scale():
    styles = jnp.ones((5, 2, 3))
    total = lambda scale: jnp.sum(
        path_length(lambda s: jnp.tensordot(s, scale * SLOPES, 2), styles, KEYS)
    )
    np.testing.assert_allclose(jax.grad(total)(0.5), np.sum(lengths(1.0)), rtol=1e-5)


def test_a_constant_image_has_length_and_gradient_zero():
    scaled = lambda scale: jnp.sum(
        path_length(lambda s: scale * s[..., None, None] * 0, styles, KEYS)
    )
    styles = jnp.ones((5, 2, 3))
    assert scaled(1.0) == jax.grad(scaled)(1.0) == 0


def played(steps, **settings):
    """The metrics of every step, and the state after them, of a generator at rate 0."""
    plain = gan(STYLED, nets.mlp.Discriminator((3,)), prior=priors.normal(3))
    game = path_regularised(plain, STYLED, **settings)
    batch = {"x": jnp.zeros((5, 4, 4, 1))}
    players = ("generator", "discriminator")
    state = init_state(game, dict.fromkeys(players, optax.sgd(0.0)), KEY, batch)
    step, found = jax.jit(partial(train_step, game)), []
    for _ in range(steps):
        state, metrics = step(state, {"x": batch["x"][None]})
        found.append(metrics)
    return found, state


def test_the_average_follows_the_lengths_and_the_loss_is_the_distance_from_it():
    metrics, state = played(3, weight=2.0, every=1, decay=0.5)
    average = 0.0
    for step in metrics:
        length = float(step["generator/path_length/length"])
        assert step["generator/path_length/loss"] >= 2 * (length - average) ** 2 * (1 - 1e-5)
        average += 0.5 * (length - average)
    memory = state.variables()["generator"][MEMORY]["path_length"]
    np.testing.assert_allclose(memory, average, rtol=1e-6)


def test_it_is_lazy():
    metrics, _ = played(5, every=4)
    assert [int(step["generator/path_length/taken"]) for step in metrics] == [1, 0, 0, 0, 1]


def test_a_weight_of_nothing_leaves_the_game_as_it_is():
    game = gan(STYLED, nets.mlp.Discriminator((3,)), prior=priors.normal(3))
    assert path_regularised(game, STYLED, weight=0.0) is game


def test_a_weight_below_nothing_is_refused():
    game = gan(STYLED, nets.mlp.Discriminator((3,)), prior=priors.normal(3))
    with pytest.raises(UserError, match="path length with weight -1"):
        path_regularised(game, STYLED, weight=-1.0)
