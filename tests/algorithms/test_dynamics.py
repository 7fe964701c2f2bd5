"""Players who look ahead, on games whose steps are known."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, priors
from gan_jax.algorithms import consensus, gan, private, unrolled
from gan_jax.game import Aux, Game, Turn
from gan_jax.optimizers import extragradient
from gan_jax.step import init_state, train_step
from gan_jax.types import UserError

KEY = jax.random.key(0)
RATE = 0.1


class At(nn.Module):
    """Every sample at θ."""

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        return jnp.ones((len(latent), 1)) * self.param("theta", nn.initializers.constant(0.7), ())


class Slope(nn.Module):
    """The logit ψ x."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x[:, 0] * self.param("psi", nn.initializers.constant(-0.4), ())


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_generator_foresees_a_linear_critics_steps(steps):
    plain = gan(At(), Slope(), prior=priors.normal(1), loss=losses.WASSERSTEIN)
    game = unrolled(plain, steps=steps, optimizer=optax.sgd(RATE))
    batch = {"x": jnp.zeros((4, 1))}
    state = init_state(
        game, dict.fromkeys(("generator", "discriminator"), optax.sgd(1.0)), KEY, batch
    )
    only = game._replace(turns=game.turns[1:])
    state, metrics = jax.jit(partial(train_step, only))(state, {"x": batch["x"][None]})
    # D descends ψ θ to ψ - k r θ; G descends -(ψ - k r θ) θ, whose slope is -ψ + 2 k r θ.
    theta, psi = 0.7, -0.4
    value, slope = -(psi - steps * RATE * theta) * theta, -psi + 2 * steps * RATE * theta
    np.testing.assert_allclose(metrics["generator/loss"], value, rtol=1e-5)
    after = state.players["generator"].params["theta"]
    np.testing.assert_allclose(after, theta - slope, rtol=1e-5, atol=1e-6)


def test_the_foreseen_opponent_takes_its_ordinary_turn():
    plain = gan(At(), Slope(), prior=priors.normal(1), loss=losses.WASSERSTEIN)
    assert unrolled(plain, steps=3, optimizer=optax.sgd(RATE)).turns[0] is plain.turns[0]


class Idle(Slope):
    """The logit ψ x, with a parameter whose slope is 0."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        idle = 0.0 * self.param("idle", nn.initializers.zeros, ())
        return x[:, 0] * self.param("psi", nn.initializers.constant(-0.4), ()) + idle


def test_adam_is_foreseen_where_a_slope_is_nothing():
    plain = gan(At(), Idle(), prior=priors.normal(1), loss=losses.WASSERSTEIN)
    game = unrolled(plain, steps=2, optimizer=optax.adam(RATE, eps_root=1e-16))
    batch = {"x": jnp.zeros((4, 1))}
    state = init_state(
        game, dict.fromkeys(("generator", "discriminator"), optax.sgd(1.0)), KEY, batch
    )
    _, metrics = jax.jit(partial(train_step, game))(state, {"x": batch["x"][None]})
    # Adam's step is of its rate, whatever the slope: D moves -2 RATE, G's slope is -ψ + 2 RATE.
    psi = -0.4 - 0.7  # after D's own turn
    assert metrics["generator/gradient_norm"] == pytest.approx(-psi + 2 * RATE, rel=1e-4)


def test_a_private_games_player_is_not_looked_through():
    game = private(gan(At(), Slope(), prior=priors.normal(1)), clip=1.0)
    for make in (
        lambda: unrolled(game, steps=1, optimizer=optax.sgd(RATE)),
        lambda: consensus(game, weight=1.0),
    ):
        with pytest.raises(UserError, match="have no noise"):
            make()


def bilinear():
    """min over x, max over y of x y."""
    value = lambda players: players["min"]["params"]["x"] * players["max"]["params"]["y"]
    return Game(
        init=lambda key, batch: {
            "min": {"params": {"x": jnp.float32(1.0)}},
            "max": {"params": {"y": jnp.float32(2.0)}},
        },
        turns=(
            Turn("max", lambda view: (-value(view.players), Aux({}))),
            Turn("min", lambda view: (value(view.players), Aux({}))),
        ),
        inputs=lambda keys, batch: {},
        sample=lambda players, inputs: None,
        sampler="min",
    )


def visited(game, optimizer, count):
    """(x, y) before each of so many steps of players who move at once, and after the last."""
    batch = {"x": jnp.zeros((1, 2, 1))}
    state = init_state(game, dict.fromkeys(("min", "max"), optimizer), KEY, {"x": batch["x"][0]})
    where = lambda state: jnp.stack(
        [state.players["min"].params["x"], state.players["max"].params["y"]]
    )

    def play(state, _):
        return train_step(game, state, batch, simultaneous=True)[0], where(state)

    last, points = jax.jit(lambda state: jax.lax.scan(play, state, length=count))(state)
    return np.concatenate([points, where(last)[None]])


def test_plain_descent_circles_outwards():
    points = visited(bilinear(), optax.sgd(RATE), 20)
    radius = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(radius[1:] / radius[:-1], np.sqrt(1 + RATE**2), rtol=1e-5)


def test_consensus_draws_the_circle_in_as_its_matrix_says():
    points = visited(consensus(bilinear(), weight=0.5), optax.sgd(RATE), 20)
    # l = x y + γ/2 (x² + y²) for x, -x y + γ/2 (x² + y²) for y.
    step = np.eye(2) - RATE * np.array([[0.5, 1], [-1, 0.5]])
    np.testing.assert_allclose(points[1:], points[:-1] @ step.T, rtol=1e-5, atol=1e-6)
    assert np.linalg.norm(points[-1]) < 0.5 * np.linalg.norm(points[0])


def test_consensus_is_of_players_who_move_once():
    game = bilinear()
    again = game.turns[0]._replace(name="again")
    for turns in ((*game.turns, again), (game.turns[0]._replace(repeats=2), game.turns[1])):
        with pytest.raises(UserError, match="all move once"):
            consensus(game._replace(turns=turns), weight=1.0)


def test_two_extragradient_steps_are_one_of_the_method():
    points = visited(bilinear(), extragradient(optax.sgd(RATE)), 40)
    field = np.array([[0, 1], [-1, 0]])
    ahead, there = points[1::2], points[2::2]
    np.testing.assert_allclose(ahead, points[:-1:2] @ (np.eye(2) - RATE * field).T, rtol=1e-5)
    whole = np.eye(2) - RATE * field @ (np.eye(2) - RATE * field)
    np.testing.assert_allclose(there, points[:-1:2] @ whole.T, rtol=1e-4)
    assert np.linalg.norm(points[-1]) < np.linalg.norm(points[0])


def test_optimistic_descent_draws_the_circle_in():
    points = visited(bilinear(), optax.optimistic_gradient_descent(RATE), 200)
    assert np.linalg.norm(points[-1]) < 0.9 * np.linalg.norm(points[0])
