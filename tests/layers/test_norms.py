import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.layers import BatchNorm, InstanceNorm

KEY = jax.random.key(0)
SHAPE = (8, 3, 3, 4)
X = 3 + 2 * jax.random.normal(KEY, SHAPE)
WEIGHT = jax.random.normal(jax.random.key(1), SHAPE)


class FlaxNorm(nn.Module):
    """Flax's layer under our calling convention and our layer's name."""

    @nn.compact
    def __call__(self, x, *, train):
        return nn.BatchNorm(not train, momentum=0.9, epsilon=1e-5, name="norm")(x)


class Norm(nn.Module):
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x, *, train):
        return BatchNorm(axis_name=self.axis_name, name="norm")(x, train=train)


def variables():
    random = np.random.default_rng(0)
    draw = lambda: jnp.asarray(random.uniform(0.5, 2, size=4), jnp.float32)
    return {
        "params": {"norm": {"scale": draw(), "bias": draw()}},
        "batch_stats": {"norm": {"mean": draw(), "var": draw()}},
    }


def evaluate(net, variables, x, weight, *, train):
    """Output, running statistics after it, gradients by parameters and input."""

    def loss(params, x):
        y, new = net.apply({**variables, "params": params}, x, train=train, mutable=["batch_stats"])
        return jnp.sum(weight * y), (y, new)

    (_, (y, new)), grads = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(
        variables["params"], x
    )
    return {"y": y, "stats": new, "grads": grads}


def test_has_flaxs_collections_names_and_initial_values(assert_trees_match):
    ours, flaxs = (net.init(KEY, X, train=True) for net in (Norm(), FlaxNorm()))
    assert_trees_match(ours, flaxs, rtol=0)


@pytest.mark.parametrize("train", [False, True])
def test_values_statistics_and_gradients_are_flaxs(train, assert_trees_match):
    ours, flaxs = (
        evaluate(net, variables(), X, WEIGHT, train=train) for net in (Norm(), FlaxNorm())
    )
    assert_trees_match(ours, flaxs, rtol=2e-5)


@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize("mean", [0.0, 1e3, 1e4])
@pytest.mark.parametrize("devices", [1, 2])
def test_the_variance_keeps_its_digits_however_far_the_mean(mean, devices):
    x = mean + jax.random.normal(KEY, (devices, 256, 4))
    norm = BatchNorm(axis_name="batch")

    def run(x):
        def again(stats, _):
            y, new = norm.apply({**state, **stats}, x, train=True, mutable=["batch_stats"])
            return new, y

        return jax.lax.scan(again, {"batch_stats": state["batch_stats"]}, length=200)

    state = norm.init(KEY, x[0], train=True)
    new, y = jax.pmap(run, "batch")(x)
    exact = np.asarray(x, np.float64).reshape(-1, 4)
    stats = jax.tree.map(lambda leaf: leaf[0], new["batch_stats"])
    np.testing.assert_allclose(stats["mean"], exact.mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(stats["var"], exact.var(axis=0), rtol=2e-4)
    last = np.asarray(y[:, -1], np.float64).reshape(-1, 4)
    np.testing.assert_allclose(last.std(axis=0), 1, rtol=2e-3)


def test_synchronised_over_two_devices_it_is_that_of_the_whole_batch(assert_trees_match):
    whole = evaluate(Norm(), variables(), X, WEIGHT, train=True)
    halves = lambda leaf: leaf.reshape(2, 4, *leaf.shape[1:])

    def on_device(x, weight):
        return evaluate(Norm("batch"), variables(), x, weight, train=True)

    parts = jax.pmap(on_device, "batch")(halves(X), halves(WEIGHT))
    (grads, grad_x) = parts["grads"]
    joined = {
        "y": parts["y"].reshape(SHAPE),
        "stats": jax.tree.map(lambda leaf: leaf[0], parts["stats"]),
        "grads": (jax.tree.map(lambda leaf: leaf.sum(axis=0), grads), grad_x.reshape(SHAPE)),
    }
    assert_trees_match(joined, whole, rtol=2e-5)


def test_unsynchronised_each_device_normalises_its_own_part(assert_trees_match):
    parts = jax.pmap(lambda x: Norm().apply(variables(), x, train=True, mutable=["batch_stats"])[0])
    y = parts(X.reshape(2, 4, *SHAPE[1:]))
    alone = evaluate(Norm(), variables(), X[:4], WEIGHT[:4], train=True)["y"]
    assert_trees_match(y[0], alone, rtol=1e-5)


def test_statistics_stay_float32_under_bfloat16():
    x = X.astype(jnp.bfloat16)
    norm = BatchNorm()
    state = norm.init(KEY, x, train=True)
    y, new = norm.apply(state, x, train=True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(new)} == {jnp.dtype("float32")}
    exact = np.float32(x).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(new["batch_stats"]["mean"], 0.1 * exact, rtol=1e-5)


def test_output_takes_the_dtype_asked_for():
    norm = BatchNorm(dtype=jnp.bfloat16)
    y = norm.apply(norm.init(KEY, X, train=True), X, train=False)
    assert y.dtype == jnp.bfloat16


def test_a_constant_channel_of_any_size_gives_finite_output_and_gradient():
    out = evaluate(Norm(), variables(), jnp.full(SHAPE, 1234.5678), WEIGHT, train=True)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(out))


def test_instance_norm_and_its_gradient_are_flaxs():
    ours, theirs = InstanceNorm(), nn.InstanceNorm(epsilon=1e-5)
    bias = jnp.arange(4.0)
    found = jax.vjp(lambda x, b: ours.apply({"params": {"bias": b}}, x), X, bias)
    scale = jnp.ones(4)
    flaxs = jax.vjp(lambda x, b: theirs.apply({"params": {"bias": b, "scale": scale}}, x), X, bias)
    np.testing.assert_allclose(found[0], flaxs[0], rtol=1e-5, atol=1e-5)
    for mine, flax in zip(found[1](WEIGHT), flaxs[1](WEIGHT), strict=True):
        np.testing.assert_allclose(mine, flax, rtol=1e-4, atol=1e-5)


def test_instance_norm_keeps_its_digits_far_from_zero():
    layer = InstanceNorm()
    near = layer.init_with_output(KEY, X)[0]
    np.testing.assert_allclose(layer.init_with_output(KEY, X + 1e4)[0], near, atol=2e-2)


def test_instance_norm_gives_the_dtype_that_is_asked_for():
    assert InstanceNorm(dtype=jnp.bfloat16).init_with_output(KEY, X)[0].dtype == jnp.bfloat16
