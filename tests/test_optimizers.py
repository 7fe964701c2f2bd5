import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.optimizers import Adam, at_first, clip_weights, cosine, freeze, near_orthogonal
from gan_jax.types import UserError

RATE = 0.3


@pytest.mark.parametrize(
    ("decay", "rates"),
    [
        ("constant", {0: RATE, 50: RATE, 100: RATE}),
        ("linear", {0: RATE, 50: 0.6 * RATE, 100: 0.2 * RATE, 150: 0.2 * RATE}),
        ("cosine", {0: RATE, 50: 0.6 * RATE, 100: 0.2 * RATE, 150: 0.2 * RATE}),
    ],
)
def test_learning_rate_falls_from_its_highest_to_its_final_scale(decay, rates):
    schedule = Adam(RATE, decay=decay, final_scale=0.2).schedule(100)
    for update, rate in rates.items():
        np.testing.assert_allclose(schedule(update), rate, rtol=1e-5, err_msg=str(update))


def test_cosine_and_linear_differ_between_their_ends():
    quarter = {d: Adam(1.0, decay=d).schedule(100)(25) for d in ("linear", "cosine")}
    np.testing.assert_allclose(quarter["linear"], 0.75, rtol=1e-5)
    np.testing.assert_allclose(quarter["cosine"], 0.5 * (1 + np.cos(np.pi / 4)), rtol=1e-5)


def test_a_decay_sets_in_after_its_share_of_the_updates():
    schedule = Adam(RATE, decay="linear", decay_start=0.5).schedule(100)
    rates = [schedule(update) for update in (0, 50, 75, 100)]
    np.testing.assert_allclose(rates, [RATE, RATE, RATE / 2, 0], atol=1e-7)
    warm = Adam(RATE, decay="linear", decay_start=0.5, warmup_steps=20).schedule(120)
    rates = [warm(update) for update in (10, 20, 70, 95, 120)]
    np.testing.assert_allclose(rates, [RATE / 2, RATE, RATE, RATE / 2, 0], atol=1e-7)


@pytest.mark.parametrize("decay", ["constant", "linear", "cosine"])
def test_warm_up_rises_linearly_to_the_highest_rate_before_the_decay(decay):
    schedule = Adam(RATE, warmup_steps=20, decay=decay).schedule(100)
    np.testing.assert_allclose([schedule(u) for u in (0, 5, 20)], [0, RATE / 4, RATE], rtol=1e-5)
    end = RATE if decay == "constant" else 0.0
    np.testing.assert_allclose(schedule(100), end, atol=1e-7)


def test_a_run_no_longer_than_its_warm_up_has_a_schedule():
    schedule = Adam(RATE, warmup_steps=20, decay="linear").schedule(10)
    np.testing.assert_allclose(schedule(10), RATE / 2, rtol=1e-5)


def test_unknown_decay_is_refused_with_those_known():
    with pytest.raises(UserError, match=r"'step' is none of constant, linear, cosine"):
        Adam(decay="step").build(10)


def update(optimizer, params, *gradients):
    state = optimizer.init(params)
    for gradient in gradients:
        change, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, change)
    return params


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": -1e-4},
        {"learning_rate": float("nan")},
        {"beta1": 1.0},
        {"beta2": -0.1},
        {"epsilon": -1e-8},
        {"clip_norm": -1.0},
        {"final_scale": -0.5},
        {"warmup_steps": -1},
        {"warmup_steps": 2**31},
    ],
)
def test_numbers_out_of_their_range_are_refused_by_name(settings):
    with pytest.raises(UserError, match=f"^{next(iter(settings))} "):
        Adam(**settings)


def test_first_two_updates_are_adams_closed_form():
    b1, b2, epsilon = 0.5, 0.9, 0.1
    optimizer = Adam(RATE, b1, b2, epsilon).build(10)
    g1, g2 = np.array([3.0, -0.2]), np.array([-1.0, 0.5])
    first = -RATE * g1 / (np.abs(g1) + epsilon)
    mean = ((1 - b1) * (b1 * g1 + g2)) / (1 - b1**2)
    square = ((1 - b2) * (b2 * g1**2 + g2**2)) / (1 - b2**2)
    second = first - RATE * mean / (np.sqrt(square) + epsilon)
    params = jnp.zeros(2)
    np.testing.assert_allclose(update(optimizer, params, g1), first, rtol=1e-5)
    np.testing.assert_allclose(update(optimizer, params, g1, g2), second, rtol=1e-5)


@pytest.mark.parametrize(("size", "scale"), [(10.0, 0.2), (1.0, 1.0)])
def test_gradients_above_the_norm_are_scaled_down_to_it_and_others_kept(size, scale):
    gradient = {"a": jnp.array([0.6 * size]), "b": jnp.array([-0.8 * size])}
    # With so large an epsilon Adam's first update is proportional to the gradient.
    build = lambda clip: Adam(1e6, epsilon=1e6, clip_norm=clip).build(1)
    zeros = jax.tree.map(jnp.zeros_like, gradient)
    clipped, free = (update(build(clip), zeros, gradient) for clip in (2.0, 0.0))
    for name in gradient:
        np.testing.assert_allclose(clipped[name], scale * free[name], rtol=1e-4)


@pytest.mark.parametrize(("start", "end"), [(2.0, 0.5), (0.0, 0.55)])
def test_a_cosine_goes_from_start_to_end_and_stays(start, end):
    schedule = cosine(start, end, 100)
    half = 0.5 * (start + end)
    quarter = end + (start - end) * 0.5 * (1 + np.cos(np.pi / 4))
    for step, value in {0: start, 25: quarter, 50: half, 100: end, 130: end}.items():
        np.testing.assert_allclose(schedule(step), value, rtol=1e-5, atol=1e-7)


def test_clipped_weights_stay_within_their_limit_and_move_as_they_would_inside_it():
    params = {"w": jnp.array([0.0, 0.09, -0.1, 0.05])}
    optimizer = optax.chain(optax.sgd(1.0), clip_weights(0.1))
    grads = {"w": jnp.array([-0.02, -0.5, 0.5, 0.06])}
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    after = optax.apply_updates(params, updates)
    np.testing.assert_allclose(after["w"], [0.02, 0.1, -0.1, -0.01], rtol=1e-5)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_of_weights_that_cannot_be_is_refused(limit):
    with pytest.raises(UserError, match="limit"):
        clip_weights(limit)


def test_frozen_layers_stay_and_the_others_move():
    layer = {"kernel": jnp.ones(2), "bias": jnp.ones(1)}
    params = {"a": {"kernel": jnp.ones(2)}, "a1": {"kernel": jnp.ones(2)}, "b": layer}
    optimizer = optax.chain(optax.sgd(0.5), freeze("a", "b/bias"))
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    after = optax.apply_updates(params, updates)
    assert jax.tree.map(lambda leaf: float(leaf[0]), after) == {
        "a": {"kernel": 1.0}, "a1": {"kernel": 0.5}, "b": {"kernel": 0.5, "bias": 1.0}
    }  # fmt: skip
    with pytest.raises(UserError, match="no parameter 'c' to freeze"):
        freeze("c").init(params)


def test_near_orthogonal_draws_singular_values_towards_1():
    draw = near_orthogonal(0.1)
    w = {"w": np.diag([0.5, 1.0, 1.2]).astype(np.float32)}
    update, _ = draw.update({"w": np.zeros((3, 3), np.float32)}, draw.init(w), w)
    values = np.array([0.5, 1.0, 1.2])
    expected = np.diag(1.1 * values - 0.1 * values**3)
    np.testing.assert_allclose(w["w"] + update["w"], expected, atol=1e-6)
    with pytest.raises(UserError, match="beta 2"):
        near_orthogonal(2)


def test_the_first_updates_have_a_rate_of_their_own():
    optimizer = at_first(optax.sgd(1.0), factor=10.0, updates=2)
    grads, state, found = jnp.ones(1), optimizer.init(jnp.zeros(1)), []
    for _ in range(4):
        updates, state = optimizer.update(grads, state)
        found.append(float(updates[0]))
    assert found == [-10.0, -10.0, -1.0, -1.0]
