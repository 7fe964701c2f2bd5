"""Games whose trajectories are known: the bilinear game and the Dirac-GAN."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import algorithms, dynamics, losses, penalties, priors
from gan_jax.game import Aux, Game, Turn
from gan_jax.step import init_state, train_step

STEP_SIZE = 0.1
SGD = optax.sgd(STEP_SIZE)


def run(game, batch, count, *, simultaneous=False, start=None):
    """The players' params before each of `count` steps and after the last, stacked."""
    state = init_state(
        game, dict.fromkeys(game.init(jax.random.key(0), batch), SGD), jax.random.key(0), batch
    )
    if start is not None:
        players = {n: p.replace(params=start[n]) for n, p in state.players.items()}
        state = state.replace(players=players)
    step = partial(train_step, game, simultaneous=simultaneous)
    params = lambda state: {name: player.params for name, player in state.players.items()}

    def record(state, _):
        return step(state, jax.tree.map(lambda leaf: leaf[None], batch))[0], params(state)

    last, visited = jax.jit(lambda state: jax.lax.scan(record, state, length=count))(state)
    return jax.tree.map(lambda v, leaf: jnp.concatenate([v, leaf[None]]), visited, params(last))


def bilinear(a):
    """min over x, max over y of xᵀ A y; y moves first."""
    value = lambda players: players["min"]["params"]["x"] @ a @ players["max"]["params"]["y"]
    return Game(
        init=lambda key, batch: {
            "min": {"params": {"x": jnp.arange(1.0, a.shape[0] + 1)}},
            "max": {"params": {"y": jnp.ones(a.shape[1])}},
        },
        turns=(
            Turn("max", lambda view: (-value(view.players), Aux({}))),
            Turn("min", lambda view: (value(view.players), Aux({}))),
        ),
        inputs=lambda keys, batch: {},
        sample=lambda players, inputs: None,
        sampler="min",
    )


@pytest.mark.parametrize("simultaneous", [False, True])
@pytest.mark.parametrize(
    "a", [np.array([[1.0]]), np.array([[1.0, -0.5, 0.3], [0.2, 0.8, -1.0]])], ids=["1x1", "2x3"]
)
def test_gradient_play_of_a_bilinear_game_is_a_power_of_its_matrix(a, simultaneous):
    rows, columns = a.shape
    upper, lower = -STEP_SIZE * a, STEP_SIZE * a.T
    if simultaneous:
        move = np.block([[np.eye(rows), upper], [lower, np.eye(columns)]])
    else:
        move_x = np.block([[np.eye(rows), upper], [np.zeros_like(lower), np.eye(columns)]])
        move_y = np.block([[np.eye(rows), np.zeros_like(upper)], [lower, np.eye(columns)]])
        move = move_x @ move_y
    visited = run(bilinear(jnp.asarray(a)), {"x": jnp.zeros((1, 1))}, 50, simultaneous=simultaneous)
    actual = np.concatenate([visited["min"]["x"], visited["max"]["y"]], axis=1)
    expected = [np.linalg.matrix_power(move, t) @ actual[0] for t in range(51)]
    np.testing.assert_allclose(actual, expected, atol=1e-5)


class DiracGenerator(nn.Module):
    """Puts every sample at θ."""

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        theta = self.param("theta", nn.initializers.ones, (1,))
        return jnp.tile(theta[None], (latent.shape[0], 1))


class DiracDiscriminator(nn.Module):
    """Gives x the logit ψ x."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x @ self.param("psi", nn.initializers.ones, (1,))


def dirac(gamma, loss=losses.NON_SATURATING):
    """The Dirac-GAN of Mescheder et al., 2018, arXiv:1801.04406, with R1 of weight `gamma`."""
    return algorithms.gan(
        DiracGenerator(),
        DiracDiscriminator(),
        prior=priors.normal(1),
        loss=loss,
        penalties=[penalties.R1(gamma)],
    )


AT_ZERO = {"x": jnp.zeros((2, 1))}


def place(psi, theta):
    return {"discriminator": {"psi": psi}, "generator": {"theta": theta}}


def distances(game, radius, simultaneous):
    """From the equilibrium, over 2000 steps."""
    start = place(jnp.array([radius]), jnp.zeros(1))
    visited = run(game, AT_ZERO, 2000, simultaneous=simultaneous, start=start)
    return np.hypot(visited["generator"]["theta"], visited["discriminator"]["psi"])[:, 0]


@pytest.mark.parametrize("simultaneous", [False, True])
@pytest.mark.parametrize("loss", [losses.MINIMAX, losses.NON_SATURATING], ids=["minimax", "ns"])
def test_dirac_gan_without_penalty_circles_the_equilibrium(loss, simultaneous):
    distance = distances(dirac(0.0, loss), 0.01, simultaneous)
    assert distance[-500:].mean() > 0.99 * distance[:500].mean()


@pytest.mark.parametrize("simultaneous", [False, True])
def test_dirac_gan_with_r1_converges(simultaneous):
    distance = distances(dirac(0.5), 1.0, simultaneous)
    assert distance[-1] < 1e-6


def as_map(game, tx, **settings):
    state = init_state(
        game, dict.fromkeys(("generator", "discriminator"), tx), jax.random.key(0), AT_ZERO
    )
    batch = jax.tree.map(lambda leaf: leaf[None], AT_ZERO)
    return dynamics.as_map(game, state, batch, **settings)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("simultaneous", [False, True])
def test_dirac_gan_has_the_papers_jacobian_at_the_equilibrium(gamma, simultaneous):
    move, start, at = as_map(dirac(gamma), SGD, simultaneous=simultaneous)
    assert at(start).players["generator"].params["theta"] == 1
    h = STEP_SIZE
    discriminator = np.array([[1 - h * gamma, -h / 2], [0, 1]])
    generator = np.array([[1, 0], [h / 2, 1]])
    together = discriminator + generator - np.eye(2)
    expected = together if simultaneous else generator @ discriminator
    np.testing.assert_allclose(jax.jacobian(move)(jnp.zeros(2)), expected, atol=1e-6)
    found = dynamics.multipliers(move, jnp.zeros(2))
    np.testing.assert_allclose(np.poly(found), np.poly(expected), atol=1e-6)


def test_momentum_is_part_of_the_map():
    m, h, field = 0.5, STEP_SIZE, np.array([[0, -0.5], [0.5, 0]])
    move, _, _ = as_map(dirac(0.0), optax.sgd(h, momentum=m), simultaneous=True)
    one = np.eye(2)
    expected = np.block([[one + h * field, -h * m * one], [-field, m * one]])
    found = dynamics.multipliers(move, jnp.zeros(4))
    np.testing.assert_allclose(np.poly(found), np.poly(expected), atol=1e-5)
    path = dynamics.trajectory(lambda x: 2 * x, jnp.ones(1), 3)
    np.testing.assert_array_equal(path[:, 0], [1, 2, 4, 8])
