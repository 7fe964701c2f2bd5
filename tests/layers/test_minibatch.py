"""Minibatch discrimination against its definition, written in loops."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from net_checks import KEY, dead_parameters, random_variables, slope, touched

from gan_jax import algorithms, nets, penalties, priors
from gan_jax.layers import MinibatchDiscrimination
from gan_jax.step import init_state, train_step

B, C, D = 3, 2, 4
X = np.random.default_rng(0).normal(size=(6, D))
TENSOR = np.random.default_rng(1).normal(size=(D, B * C))
VARIABLES = {"params": {"tensor": {"kernel": jnp.asarray(TENSOR, jnp.float32)}}}


def written_out(x, tensor, group):
    rows = []
    for i in range(len(x)):
        first = i // group * group
        m = [(x[j] @ tensor).reshape(B, C) for j in range(first, first + group)]
        own = m[i - first]
        near = [sum(np.exp(-np.abs(own[b] - other[b]).sum()) for other in m) for b in range(B)]
        rows.append(np.concatenate([x[i], near]))
    return np.stack(rows)


@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_values_and_gradients_are_those_of_the_definition(group):
    layer = MinibatchDiscrimination(B, C, group)
    weights = np.random.default_rng(2).normal(size=(6, D + B))

    def total(x, tensor):
        y = layer.apply({"params": {"tensor": {"kernel": tensor}}}, x, True)
        return jnp.sum(weights * y), y

    inputs = [X, TENSOR]
    single = [jnp.asarray(a, jnp.float32) for a in inputs]
    grads, y = jax.grad(total, argnums=(0, 1), has_aux=True)(*single)
    np.testing.assert_allclose(y, written_out(X, TENSOR, group), rtol=1e-4, atol=1e-5)
    for i, grad in enumerate(grads):
        way = np.random.default_rng(3).normal(size=inputs[i].shape)
        directions = [way if i == j else np.zeros_like(a) for j, a in enumerate(inputs)]
        expected = slope(
            lambda x, t: np.sum(weights * written_out(x, t, group)), inputs, directions
        )
        np.testing.assert_allclose(np.sum(grad * way), expected, rtol=2e-3, atol=2e-3)


def test_the_sums_go_from_the_example_alone_to_the_whole_group():
    layer = MinibatchDiscrimination(B, C, 3)
    apart = layer.apply(VARIABLES, 1e4 * jnp.asarray(X, jnp.float32), True)[:, D:]
    np.testing.assert_array_equal(apart, 1)
    same = jnp.broadcast_to(jnp.asarray(X[:1], jnp.float32), X.shape)
    np.testing.assert_array_equal(layer.apply(VARIABLES, same, True)[:, D:], 3)


def test_gradients_are_finite_where_examples_are_the_same():
    same = jnp.ones((4, D))
    layer = MinibatchDiscrimination(B, C, 4)
    grad = jax.grad(lambda x: jnp.sum(layer.apply(VARIABLES, x, True)[:, D:]))(same)
    np.testing.assert_array_equal(grad, 0)


def test_training_is_refused_broken_groups_and_evaluation_takes_what_divides_both():
    layer, x = MinibatchDiscrimination(B, C, 4), jnp.asarray(X, jnp.float32)
    with pytest.raises(ValueError, match="batch of 6 examples is not of groups of 4"):
        layer.apply(VARIABLES, x, True)
    expected = written_out(X, TENSOR, 2)
    np.testing.assert_allclose(layer.apply(VARIABLES, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dimensions", [1, 4, 16])
def test_features_of_unit_variance_lie_about_one_apart_at_first(dimensions):
    """The mean of |a - b| for two normal numbers is 2/√π of their deviation."""
    layer, x = MinibatchDiscrimination(200, dimensions, 2), jax.random.normal(KEY, (2, 300))
    tensor = layer.init(KEY, x)["params"]["tensor"]["kernel"]
    m = (x @ tensor).reshape(2, 200, dimensions)
    np.testing.assert_allclose(np.mean(np.sum(np.abs(m[0] - m[1]), -1)), 1.128, rtol=0.15)


def test_bfloat16_keeps_its_dtype_and_is_near():
    layer, x = MinibatchDiscrimination(B, C, 3), jnp.asarray(X, jnp.float32)
    low = layer.apply(VARIABLES, x.astype(jnp.bfloat16), True)
    assert low.dtype == jnp.bfloat16
    exact = layer.apply(VARIABLES, x, True)
    np.testing.assert_allclose(low.astype(jnp.float32), exact, atol=0.1)


POINTS, IMAGES = jax.random.normal(KEY, (4, 2)), jax.random.normal(KEY, (4, 8, 8, 1))
NEAR = MinibatchDiscrimination(B, C, 2)
NETS = {
    "mlp": (nets.mlp.Discriminator((5,), minibatch=NEAR), POINTS),
    "dcgan": (nets.dcgan.Discriminator(2, batch_norm=False, minibatch=NEAR), IMAGES),
}


@pytest.mark.parametrize("name", NETS)
def test_a_net_with_it_looks_at_groups_and_uses_all_its_parameters(name):
    net, x = NETS[name]
    variables = random_variables(net, x)
    run = jax.jit(lambda x: net.apply(variables, x, None, True))
    assert touched(run, [x], [2 * x]) == [True, True, False, False]
    assert dead_parameters(net, variables, x) == []


def test_plays_a_penalised_game_on_groups():
    game = algorithms.gan(
        nets.mlp.Generator((2,), (4,)),
        NETS["mlp"][0],
        prior=priors.normal(3),
        penalties=[penalties.R1(1.0)],
        group=NEAR.group,
    )
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.adam(1e-2))
    state = init_state(game, optimizers, KEY, {"x": POINTS})
    after, metrics = jax.jit(partial(train_step, game))(state, {"x": POINTS[None]})
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((after.players, metrics)))
    tensors = (s.players["discriminator"].params["minibatch"] for s in (state, after))
    moved = jax.tree.map(lambda a, b: np.all(a != b), *tensors)
    assert all(jax.tree.leaves(moved))
