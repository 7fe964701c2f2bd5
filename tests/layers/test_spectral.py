import json
from functools import partial
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from gan_jax import algorithms, losses, nets, penalties, priors
from gan_jax.layers import Conv, SpectralNorm, largest_singular_value
from gan_jax.step import init_state, train_step

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "spectral.json").read_text())
KEY = jax.random.key(0)
LAYERS = {
    "convolution": (partial(Conv, 4, (3, 3)), (2, 5, 5, 3), (27, 4)),
    "to one channel": (partial(Conv, 1, (3, 3)), (2, 5, 5, 3), (27, 1)),
    "wide dense": (partial(nn.Dense, 7), (2, 3), (3, 7)),
    "tall dense": (partial(nn.Dense, 3), (2, 7), (7, 3)),
    "embedding": (partial(nn.Embed, 5, 4), (3,), (5, 4)),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def make(name):
    """The normalised layer, its variables (biases are not zero) and an input."""
    layer, shape, _ = LAYERS[name]
    x = jnp.arange(3) if name == "embedding" else jax.random.normal(KEY, shape)
    net = SpectralNorm(layer())
    variables = net.init(KEY, x, train=True)
    params = jax.tree.map(lambda leaf: leaf + 0.1, variables["params"])
    return net, {**variables, "params": params}, x


def kernel_of(variables):
    (kernel,) = [p for p in jax.tree.leaves(variables["params"]) if p.ndim > 1]
    return np.asarray(kernel, np.float64)


def with_kernel(params, kernel):
    return jax.tree.map(lambda p: jnp.asarray(kernel, p.dtype) if p.ndim > 1 else p, params)


def trained(net, variables, x, passes=200):
    """The variables after so many training passes, by a scan."""

    def step(spectral, _):
        _, new = net.apply({**variables, "spectral": spectral}, x, train=True, mutable=["spectral"])
        return new["spectral"], None

    spectral, _ = jax.jit(lambda s: lax.scan(step, s, length=passes))(variables["spectral"])
    return {**variables, "spectral": spectral}


def test_values_vectors_and_gradients_of_two_passes_are_pytorchs():
    array = lambda value: jnp.asarray(value, jnp.float32)
    net = SpectralNorm(Conv(4, (3, 3)))
    params = {"layer": {"kernel": array(GOLDEN["kernel"]), "bias": array(GOLDEN["bias"])}}
    spectral, weights = {"kernel": array(GOLDEN["u"])}, array(GOLDEN["weights"])
    for expected in GOLDEN["passes"]:

        def loss(params, x, spectral=spectral):
            variables = {"params": params, "spectral": spectral}
            y, new = net.apply(variables, x, train=True, mutable=["spectral"])
            return jnp.sum(weights * y), (y, new["spectral"])

        grad = jax.grad(loss, argnums=(0, 1), has_aux=True)
        (by_params, by_x), (y, spectral) = grad(params, array(GOLDEN["x"]))
        actual = (y, spectral["kernel"], by_params["layer"]["kernel"], by_x)
        names = ("y", "u", "kernel_gradient", "x_gradient")
        for name, value in zip(names, actual, strict=True):
            np.testing.assert_allclose(
                value, expected[name], rtol=2e-5, atol=2e-5, err_msg=name, strict=False
            )


@every_layer
def test_after_many_passes_the_norm_is_the_largest_singular_value(name):
    net, variables, x = make(name)
    matrix = kernel_of(variables).reshape(LAYERS[name][2])
    exact = np.linalg.svd(matrix, compute_uv=False)[0]
    ((_, u),) = jax.tree.leaves_with_path(trained(net, variables, x)["spectral"])
    sigma, _ = largest_singular_value(jnp.asarray(matrix, jnp.float32), u)
    np.testing.assert_allclose(sigma, exact, rtol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(u), 1, rtol=1e-6)


@every_layer
def test_the_output_is_that_of_the_layer_with_the_divided_kernel(name):
    net, variables, x = make(name)
    kernel = kernel_of(variables)
    divided = kernel / np.linalg.svd(kernel.reshape(LAYERS[name][2]), compute_uv=False)[0]
    plain = {"params": with_kernel(variables["params"], divided)["layer"]}
    expected = LAYERS[name][0]().apply(plain, x)
    actual = net.apply(trained(net, variables, x), x, train=False)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_every_estimate_is_at_most_the_singular_value_and_no_worse_than_the_last(seed):
    kernel = jax.random.normal(jax.random.key(seed), (3, 3, 2, 6))
    exact = np.linalg.svd(np.asarray(kernel).reshape(-1, 6), compute_uv=False)[0]
    u, estimates = jnp.ones(6) / np.sqrt(6), [0.0]
    for _ in range(10):
        sigma, u = largest_singular_value(kernel, u)
        estimates.append(float(sigma))
    assert np.all(np.diff(estimates) >= -1e-5)
    assert estimates[1] < estimates[-1] <= exact * (1 + 1e-6)


@every_layer
def test_gradient_is_that_of_the_division_by_the_singular_value(name):
    """Central differences of NumPy's, in float64."""
    net, variables, x = make(name)
    variables = trained(net, variables, x, passes=2000)
    shape, kernel = LAYERS[name][2], kernel_of(variables)
    weights = np.random.default_rng(0).normal(size=kernel.shape)

    def exact(kernel):
        return np.sum(weights * kernel) / np.linalg.svd(kernel.reshape(shape), compute_uv=False)[0]

    def ours(kernel):
        (u,) = jax.tree.leaves(variables["spectral"])
        return jnp.sum(weights * kernel) / largest_singular_value(kernel, u)[0]

    expected = np.empty(kernel.size)
    for i in range(kernel.size):
        step = np.zeros(kernel.size)
        step[i] = 1e-5
        step = step.reshape(kernel.shape)
        expected[i] = (exact(kernel + step) - exact(kernel - step)) / 2e-5
    actual = jax.grad(ours)(jnp.asarray(kernel, jnp.float32)).ravel()
    np.testing.assert_allclose(actual, expected, atol=1e-3 * np.abs(expected).max())


def test_away_from_convergence_the_vectors_are_constants_of_the_gradient():
    kernel, u = jax.random.normal(KEY, (6, 4)), jnp.array([0.0, 1.0, 0.0, 0.0])
    w = np.asarray(kernel, np.float64)
    v = w @ u / np.linalg.norm(w @ u)
    new = v @ w / np.linalg.norm(v @ w)
    gradient, after = jax.grad(largest_singular_value, has_aux=True)(kernel, u)
    np.testing.assert_allclose(gradient, np.outer(v, new), atol=1e-6)
    np.testing.assert_allclose(after, new, atol=1e-6)
    through_u = jax.grad(lambda w: largest_singular_value(w, u)[1].sum())(kernel)
    np.testing.assert_array_equal(through_u, np.zeros((6, 4)))


@every_layer
def test_only_a_training_pass_moves_the_vector_and_evaluation_gives_its_numbers(name):
    net, variables, x = make(name)
    kept = jax.tree.leaves(variables["spectral"])
    y, after = net.apply(variables, x, train=False, mutable=["spectral"])
    np.testing.assert_array_equal(jax.tree.leaves(after["spectral"])[0], kept[0])
    trained_y, after = net.apply(variables, x, train=True, mutable=["spectral"])
    np.testing.assert_array_equal(trained_y, y)
    if kept[0].size > 1:
        assert np.any(jax.tree.leaves(after["spectral"])[0] != kept[0])


def test_initialising_does_not_iterate():
    net, x = SpectralNorm(nn.Dense(5)), jnp.ones((2, 3))
    training, evaluating = (net.init(KEY, x, train=train)["spectral"] for train in (True, False))
    np.testing.assert_array_equal(training["kernel"], evaluating["kernel"])


def test_the_vector_depends_on_the_parameters_alone():
    net, variables, x = make("convolution")
    run = lambda x: net.apply(variables, x, train=True, mutable=["spectral"])[1]["spectral"]
    np.testing.assert_array_equal(run(x)["kernel"], run(100 * x[:1])["kernel"])


class Net(nn.Module):
    spectral: bool = True
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, label=None, *, train):
        run = lambda layer, x: SpectralNorm(layer)(x, train=train) if self.spectral else layer(x)
        x = nn.leaky_relu(run(nn.Dense(8, dtype=self.dtype), x))
        return run(nn.Dense(1, dtype=self.dtype), x)[:, 0].astype(jnp.float32)


def test_parameters_have_the_names_and_values_of_the_net_without_it(assert_trees_match):
    with_, without = (Net(spectral).init(KEY, jnp.ones((2, 3)), train=True) for spectral in (1, 0))
    assert_trees_match(with_["params"], without["params"], rtol=0)
    assert set(without) == {"params"}
    assert jax.tree.map(jnp.shape, with_["spectral"]) == {
        "SpectralNorm_0": {"kernel": (8,)},
        "SpectralNorm_1": {"kernel": (1,)},
    }


def test_under_bfloat16_parameters_vectors_and_the_iteration_are_float32():
    x = jnp.ones((2, 3))
    variables = Net(dtype=jnp.bfloat16).init(KEY, x, train=True)
    run = lambda dtype: Net(dtype=dtype).apply(variables, x, train=True, mutable=["spectral"])
    (y, low), (exact_y, exact) = run(jnp.bfloat16), run(jnp.float32)
    assert {leaf.dtype for leaf in jax.tree.leaves((variables, low))} == {jnp.dtype("float32")}
    jax.tree.map(np.testing.assert_array_equal, low, exact)
    assert np.any(y != exact_y)
    np.testing.assert_allclose(y, exact_y, atol=0.03)


@pytest.mark.parametrize("scale", [0.0, 1e-25, 1e-8, 1e8])
def test_a_kernel_of_any_size_gives_finite_numbers_and_keeps_a_direction(scale):
    net, variables, x = make("tall dense")
    params = with_kernel(variables["params"], scale * kernel_of(variables))

    def loss(params):
        variables_ = {**variables, "params": params}
        y, new = net.apply(variables_, x, train=True, mutable=["spectral"])
        return jnp.sum(y**2), new["spectral"]["kernel"]

    grads, u = jax.grad(loss, has_aux=True)(params)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(grads))
    np.testing.assert_allclose(np.linalg.norm(u), 1, rtol=1e-5)


def game():
    return algorithms.gan(
        nets.mlp.Generator((3,), (8,), final=None),
        Net(),
        prior=priors.normal(2),
        loss=losses.HINGE,
        penalties=[penalties.R1(1.0), penalties.GradientPenalty(1.0)],
        discriminator_repeats=2,
    )


def test_in_a_game_with_penalties_the_vectors_follow_the_discriminators_turns_alone():
    """Two updates a step, in a scan over steps; the generator's turn leaves them as they were."""
    played = game()
    batch = {"x": jax.random.normal(KEY, (2, 6, 3))}
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(0.0))
    state = init_state(played, optimizers, KEY, {"x": batch["x"][0]})

    def step(state, _):
        return train_step(played, state, batch)

    after, metrics = jax.jit(lambda state: lax.scan(step, state, length=3))(state)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(metrics))
    assert np.all(metrics["discriminator/penalty"] > 0)
    discriminator = state.players["discriminator"]
    for layer in (0, 1):
        kernel = discriminator.params[f"Dense_{layer}"]["kernel"]
        u = discriminator.stats["spectral"][f"SpectralNorm_{layer}"]["kernel"]
        for _ in range(6):
            _, u = largest_singular_value(kernel, u)
        got = after.players["discriminator"].stats["spectral"][f"SpectralNorm_{layer}"]["kernel"]
        np.testing.assert_allclose(got, u, atol=1e-5)


def test_a_discriminator_of_normalised_layers_moves_its_logit_at_most_as_its_input():
    """Layers of norm one and leaky ReLUs between them: 1-Lipschitz, as the paper's section 2.1."""
    net, x = Net(), 3 * jax.random.normal(KEY, (64, 3))
    variables = trained(net, net.init(KEY, x, train=True), x)
    slope = jax.vmap(jax.grad(lambda x: net.apply(variables, x[None], train=False)[0]))(x)
    norms = np.linalg.norm(slope, axis=1)
    assert 0.05 < norms.max() <= 1 + 1e-4
