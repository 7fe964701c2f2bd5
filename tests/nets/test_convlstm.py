import jax
import jax.numpy as jnp
import numpy as np
import pytest
from net_checks import KEY, dead_parameters, drawn, random_variables

from gan_jax.nets import convlstm
from gan_jax.types import UserError

FILMS = jax.random.uniform(KEY, (2, 3, 8, 8, 1), minval=-1.0)


def net(frames):
    return convlstm.Predictor(frames, width=3, halvings=1)


def test_it_reads_its_own_frames_as_it_reads_the_past():
    variables = random_variables(net(2), FILMS)
    whole = net(2).apply(variables, FILMS, train=True)
    first = net(1).apply(variables, FILMS, train=True)
    np.testing.assert_allclose(whole[:, :1], first, atol=1e-6)
    second = net(1).apply(variables, jnp.concatenate([FILMS, first], axis=1), train=True)
    np.testing.assert_allclose(whole[:, 1:], second, atol=1e-6)
    assert np.abs(whole[:, 1] - whole[:, 0]).max() > 1e-4
    np.testing.assert_array_equal(net(2).apply(variables, FILMS), np.clip(whole, -1, 1))


def test_every_parameter_matters():
    assert dead_parameters(net(2), random_variables(net(2), FILMS), FILMS) == []


def test_a_cell_is_that_of_its_equations():
    cell, x = convlstm.Cell(2), FILMS[:, 0]
    state = tuple(jax.random.normal(jax.random.fold_in(KEY, i), (2, 8, 8, 2)) for i in range(2))
    variables = drawn(jax.eval_shape(cell.init, KEY, state, x))
    (c, h), shown = cell.apply(variables, state, x)
    w = variables["params"]["Conv_0"]
    joined = jnp.concatenate([x, state[1]], axis=-1)
    like = {"dimension_numbers": ("NHWC", "HWIO", "NHWC"), "precision": "highest"}
    gates = jax.lax.conv_general_dilated(joined, w["kernel"], (1, 1), "SAME", **like)
    i, f, o, g = np.split(np.float64(gates) + np.float64(w["bias"]), 4, axis=-1)
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    expected = sigmoid(f + 1) * np.float64(state[0]) + sigmoid(i) * np.tanh(g)
    np.testing.assert_allclose(c, expected, atol=1e-5)
    np.testing.assert_allclose(h, sigmoid(o) * np.tanh(expected), atol=1e-5)
    np.testing.assert_array_equal(h, shown)


def test_sides_that_are_not_halved_are_refused():
    with pytest.raises(UserError, match="frames of 8×8 are not halved 4 times"):
        convlstm.Predictor(1, width=3, halvings=4).init(KEY, FILMS)
