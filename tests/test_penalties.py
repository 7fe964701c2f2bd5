import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import penalties, prng

GOLDEN = json.loads((Path(__file__).parent / "golden" / "penalties.json").read_text())
KEYS = prng.per_example(jax.random.key(7), 5)
INPUTS = {name: jnp.array(value) for name, value in GOLDEN["inputs"].items()}
PARAMS = {name: jnp.array(value) for name, value in GOLDEN["params"].items()}

mirrored = lambda keys, x: 0.5 * jnp.flip(x, axis=1)

# Of one signature, `(critic, real, fake, keys) -> [B]`.
PENALTIES = {
    "r1": lambda critic, real, fake, keys: penalties.r1(critic, real),
    "r2": lambda critic, real, fake, keys: penalties.r2(critic, fake),
    "gradient_penalty": penalties.gradient_penalty,
    "one_sided": partial(penalties.gradient_penalty, one_sided=True),
    "dragan": lambda critic, real, fake, keys: penalties.dragan(critic, real, keys, std=0.8),
    "consistency": lambda critic, real, fake, keys: penalties.consistency(
        critic, real, keys, mirrored
    ),
    "balanced": lambda critic, real, fake, keys: sum(
        penalties.consistency(critic, x, keys, mirrored) for x in (real, fake)
    ),
}
every_penalty = pytest.mark.parametrize("name", PENALTIES)


def mlp(params, x):
    return jnp.tanh(x @ params["W"] + params["b"][None]) @ params["v"] + params["c"]


def evaluate(name, params=PARAMS, **changes):
    inputs = INPUTS | changes
    critic = lambda x: mlp(params, x)
    return PENALTIES[name](critic, inputs["real"], inputs["fake"], KEYS)


def test_uniform_noise_is_that_which_the_golden_values_were_made_with():
    np.testing.assert_array_equal(prng.uniform(KEYS, ()), np.float32(GOLDEN["epsilon"]))
    np.testing.assert_array_equal(prng.uniform(KEYS, (3,)), np.float32(GOLDEN["noise"]))
    alpha = prng.uniform(prng.fold_in(KEYS, "alpha"), ())
    np.testing.assert_array_equal(alpha, np.float32(GOLDEN["alpha"]))


@every_penalty
def test_value_per_example_matches_pytorch(name):
    np.testing.assert_allclose(evaluate(name), GOLDEN[name]["value"], rtol=1e-5, atol=1e-8)


@every_penalty
def test_gradient_by_the_critics_parameters_matches_pytorch(name):
    weighted = lambda params: jnp.sum(INPUTS["weights"] * evaluate(name, params))
    gradient = jax.grad(weighted)(PARAMS)
    for leaf, expected in GOLDEN[name]["gradient"].items():
        np.testing.assert_allclose(gradient[leaf], expected, rtol=2e-5, atol=1e-5, err_msg=leaf)


@pytest.mark.parametrize(("name", "seen"), [("r1", "real"), ("r2", "fake")])
@pytest.mark.parametrize("shape", [(6, 7), (6, 2, 3, 4)])
def test_of_a_linear_critic_is_exactly_half_the_squared_weight(name, seen, shape):
    w = jnp.asarray(np.random.default_rng(1).integers(-3, 4, size=shape[1:]), jnp.float32)
    critic = lambda x: jnp.tensordot(x, w, axes=w.ndim)
    examples = {"real": jnp.full(shape, jnp.nan), "fake": jnp.full(shape, jnp.nan)}
    examples[seen] = jnp.ones(shape)
    penalty = PENALTIES[name](critic, examples["real"], examples["fake"], None)
    np.testing.assert_array_equal(penalty, np.full(6, 0.5 * float(jnp.sum(w**2))))


@pytest.mark.parametrize("name", sorted(PENALTIES.keys() - {"one_sided"}))
def test_changing_one_example_changes_its_own_penalty_alone(name):
    changes = {side: INPUTS[side].at[2].add(1.0) for side in ("real", "fake")}
    changed = evaluate(name) != evaluate(name, **changes)
    np.testing.assert_array_equal(changed, np.arange(5) == 2)


def test_gradient_penalty_of_a_flat_critic_is_one_with_a_finite_gradient():
    def total(w):
        critic = lambda x: jnp.sum(x * w[None] ** 2, axis=-1)
        return jnp.sum(penalties.gradient_penalty(critic, INPUTS["real"], INPUTS["fake"], KEYS))

    value, gradient = jax.value_and_grad(total)(jnp.zeros(3))
    assert value == 5
    np.testing.assert_array_equal(gradient, np.zeros(3))


def test_gradient_penalty_of_a_critic_of_slope_one_vanishes():
    critic = lambda x: x @ jnp.array([0.6, 0.0, -0.8])
    penalty = penalties.gradient_penalty(critic, INPUTS["real"], INPUTS["fake"], KEYS)
    np.testing.assert_allclose(penalty, np.zeros(5), atol=1e-12)


def test_gradient_penalty_looks_between_real_and_fake_at_one_point_an_example():
    critic = lambda x: 0.5 * jnp.sum(x**2, axis=(1, 2, 3))  # its gradient is the point itself
    shape = (5, 2, 2, 1)
    penalty = penalties.gradient_penalty(critic, jnp.zeros(shape), jnp.ones(shape), KEYS)
    norm = 2 * np.array(GOLDEN["epsilon"])
    np.testing.assert_allclose(penalty, (norm - 1) ** 2, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(PENALTIES.keys() - {"consistency", "balanced"}))
def test_of_a_critic_of_patches_sums_them(name):
    w = jnp.asarray(np.random.default_rng(2).normal(size=(3, 2, 4)), jnp.float32)
    patches = lambda x: jnp.tanh(jnp.einsum("bd,dhw->bhw", x, w))
    whole = lambda x: jnp.sum(patches(x), axis=(1, 2))
    inputs = INPUTS["real"], INPUTS["fake"], KEYS
    np.testing.assert_allclose(
        PENALTIES[name](patches, *inputs), PENALTIES[name](whole, *inputs), rtol=1e-5
    )


def test_gradient_penalty_refuses_batches_of_unlike_shape():
    with pytest.raises(AssertionError, match="shape"):
        penalties.gradient_penalty(lambda x: x[:, 0], jnp.zeros((5, 3)), jnp.zeros((1, 3)), KEYS)


VALUES = {
    "r1": penalties.R1,
    "r2": penalties.R2,
    "gradient_penalty": penalties.GradientPenalty,
    "one_sided": partial(penalties.GradientPenalty, one_sided=True),
    "dragan": partial(penalties.Dragan, std=0.8),
    "consistency": partial(penalties.Consistency, transform=mirrored),
    "balanced": partial(penalties.Consistency, transform=mirrored, balanced=True),
}


@pytest.mark.parametrize("every", [1, 4])
@every_penalty
def test_a_penalty_with_its_weight_is_as_many_times_the_function(name, every):
    critic = lambda x: mlp(PARAMS, x)
    inputs = INPUTS["real"], INPUTS["fake"], KEYS
    penalty = VALUES[name](2.5, every=every)
    named = {"one_sided": "gradient_penalty", "balanced": "consistency"}
    assert penalty.name == named.get(name, name)
    expected = 2.5 * every * evaluate(name)
    np.testing.assert_allclose(penalty(critic, *inputs), expected, rtol=1e-6)


def test_a_weight_may_be_a_schedule_of_the_step():
    penalty = penalties.R1(lambda step: 10.0 / (1 + step))
    critic = lambda x: mlp(PARAMS, x)
    for step in (0, 3):
        value = penalty(critic, INPUTS["real"], INPUTS["fake"], KEYS, jnp.int32(step))
        np.testing.assert_allclose(value, 10 / (1 + step) * evaluate("r1"), rtol=1e-6)


def test_consistency_of_a_critic_of_patches_is_their_mean():
    patches = lambda x: jnp.stack([x[:, :2], 3 * x[:, :2]], axis=2)
    value = penalties.consistency(patches, INPUTS["real"], KEYS, mirrored)
    square = np.square(INPUTS["real"][:, :2] - 0.5 * INPUTS["real"][:, :0:-1])
    np.testing.assert_allclose(value, 5 * np.mean(square, axis=1), rtol=1e-5)


def test_the_balanced_form_moves_data_and_samples_apart():
    moved = lambda keys, x: x + prng.uniform(keys, (1,))
    critic = lambda x: x[:, 0]
    penalty = penalties.Consistency(1.0, transform=moved, balanced=True)
    seen = penalty(critic, INPUTS["real"], INPUTS["fake"], KEYS)
    drawn = (prng.uniform(prng.fold_in(KEYS, name), ()) for name in ("real", "fake"))
    np.testing.assert_allclose(seen, sum(np.square(u) for u in drawn), rtol=1e-4)
