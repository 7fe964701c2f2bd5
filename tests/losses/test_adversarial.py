import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from gan_jax import losses

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "losses.json").read_text())
GRID = np.concatenate([np.linspace(-50, 50, 21), [-3.3, -0.7, 0.3, 0.9, 2.6]])
TINY = 1e-37  # the smallest normal float32 is 1.2e-38


def softplus(x):
    return np.logaddexp(0, x)


def half_square(x):
    return 0.5 * x**2


# Value, derivative with respect to the real logit r and to the fake logit f.
CLOSED_FORMS = {
    "minimax_discriminator_loss": (
        lambda r, f: softplus(-r) + softplus(f),
        lambda r, f: -expit(-r),
        lambda r, f: expit(f),
    ),
    "minimax_generator_loss": (
        lambda r, f: -softplus(f),
        lambda r, f: 0 * r,
        lambda r, f: -expit(f),
    ),
    "non_saturating_discriminator_loss": (
        lambda r, f: softplus(-r) + softplus(f),
        lambda r, f: -expit(-r),
        lambda r, f: expit(f),
    ),
    "non_saturating_generator_loss": (
        lambda r, f: softplus(-f),
        lambda r, f: 0 * r,
        lambda r, f: -expit(-f),
    ),
    "least_squares_discriminator_loss": (
        lambda r, f: half_square(r - 1) + half_square(f),
        lambda r, f: r - 1,
        lambda r, f: f,
    ),
    "least_squares_generator_loss": (
        lambda r, f: half_square(f - 1),
        lambda r, f: 0 * r,
        lambda r, f: f - 1,
    ),
    "hinge_discriminator_loss": (
        lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f),
        lambda r, f: -1.0 * (r < 1),
        lambda r, f: 1.0 * (f > -1),
    ),
    "hinge_generator_loss": (lambda r, f: -f, lambda r, f: 0 * r, lambda r, f: -1 + 0 * f),
    "wasserstein_discriminator_loss": (
        lambda r, f: f - r,
        lambda r, f: -1 + 0 * r,
        lambda r, f: 1 + 0 * f,
    ),
    "wasserstein_generator_loss": (lambda r, f: -f, lambda r, f: 0 * r, lambda r, f: -1 + 0 * f),
    "relativistic_discriminator_loss": (
        lambda r, f: softplus(f - r),
        lambda r, f: -expit(f - r),
        lambda r, f: expit(f - r),
    ),
    "relativistic_generator_loss": (
        lambda r, f: softplus(r - f),
        lambda r, f: expit(r - f),
        lambda r, f: -expit(r - f),
    ),
}
every_loss = pytest.mark.parametrize("name", CLOSED_FORMS)


def value_and_gradients(name, real, fake):
    """A side's loss and its derivatives by logit, as a function of (real, fake)."""
    loss = getattr(losses, name)
    ordered = (lambda real, fake: loss(fake, real)) if "generator" in name else loss
    real, fake = jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32)
    gradients = jax.grad(lambda *logits: jnp.sum(ordered(*logits)), argnums=(0, 1))
    return ordered(real, fake), *gradients(real, fake)


@every_loss
def test_value_and_gradients_match_the_closed_form(name):
    real, fake = (a.ravel().astype(np.float32) for a in np.meshgrid(GRID, GRID))
    actual = value_and_gradients(name, real, fake)
    for got, formula in zip(actual, CLOSED_FORMS[name], strict=True):
        expected = formula(np.float64(real), np.float64(fake))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=TINY)


@every_loss
def test_value_and_gradients_match_pytorch_autograd(name):
    actual = value_and_gradients(name, GOLDEN["real"], GOLDEN["fake"])
    for got, key in zip(actual, ("value", "d_real", "d_fake"), strict=True):
        np.testing.assert_allclose(got, GOLDEN[name][key], rtol=1e-5, atol=1e-15, err_msg=key)


@every_loss
def test_loss_is_elementwise_over_any_shape(name):
    real, fake = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    whole = value_and_gradients(name, real, fake)[0]
    assert whole.shape == (3, 4, 5)
    flat = value_and_gradients(name, real.ravel(), fake.ravel())[0]
    np.testing.assert_array_equal(whole.ravel(), flat)


@pytest.mark.parametrize("name", [name for name in CLOSED_FORMS if "discriminator" in name])
def test_discriminator_loss_refuses_logits_that_would_broadcast(name):
    with pytest.raises(AssertionError, match="shape"):
        getattr(losses, name)(jnp.zeros((4, 1)), jnp.zeros((1, 4)))


@pytest.mark.parametrize(
    "pair",
    ["MINIMAX", "NON_SATURATING", "LEAST_SQUARES", "HINGE", "WASSERSTEIN", "RELATIVISTIC"],
)
def test_a_pair_joins_the_two_losses_of_its_name(pair):
    joined = getattr(losses, pair)
    assert joined.discriminator is getattr(losses, f"{pair.lower()}_discriminator_loss")
    assert joined.generator is getattr(losses, f"{pair.lower()}_generator_loss")
    assert not joined.relative_to_mean


def test_minimax_discriminator_loss_is_binary_cross_entropy_of_probabilities():
    real, fake = np.random.default_rng(0).normal(size=(2, 50), scale=3)
    entropy = -np.log(expit(real)) - np.log(1 - expit(fake))
    loss = losses.minimax_discriminator_loss(jnp.float32(real), jnp.float32(fake))
    np.testing.assert_allclose(loss, entropy, rtol=1e-5)


def test_relativistic_generator_loss_refuses_to_go_without_real_logits():
    with pytest.raises(ValueError, match="real_logits"):
        losses.relativistic_generator_loss(jnp.zeros(3))


@pytest.mark.parametrize("pair", ["NON_SATURATING", "LEAST_SQUARES_SIGNED", "HINGE"])
def test_the_relativistic_average_form_is_the_discriminators_loss_with_sides_exchanged(pair):
    loss = losses.relativistic_average(getattr(losses, pair))
    assert loss.relative_to_mean
    real, fake = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    side = getattr(losses, pair).discriminator
    np.testing.assert_array_equal(loss.discriminator(real, fake), side(real, fake))
    np.testing.assert_array_equal(loss.generator(fake, real), side(fake, real))


# By name: the pair, the discriminator's value and derivatives by r and f, the generator's by f.
PAIRS = {
    "least squares, -1 1 0": (
        losses.LEAST_SQUARES_PEARSON,
        (lambda r, f: half_square(r - 1) + half_square(f + 1), lambda r: r - 1, lambda f: f + 1),
        (half_square, lambda f: f),
    ),
    "least squares, -1 1 1": (
        losses.LEAST_SQUARES_SIGNED,
        (lambda r, f: half_square(r - 1) + half_square(f + 1), lambda r: r - 1, lambda f: f + 1),
        (lambda f: half_square(f - 1), lambda f: f - 1),
    ),
    "smoothed on both sides": (
        losses.label_smoothing(0.8, 0.1),
        (
            lambda r, f: (
                0.8 * softplus(-r) + 0.2 * softplus(r) + 0.1 * softplus(-f) + 0.9 * softplus(f)
            ),
            lambda r: expit(r) - 0.8,
            lambda f: expit(f) - 0.1,
        ),
        (lambda f: softplus(-f), lambda f: -expit(-f)),
    ),
    "energy margin": (
        losses.energy_margin(3.0),
        (lambda r, f: -r + np.maximum(0, 3 + f), lambda r: -1 + 0 * r, lambda f: 1.0 * (f > -3)),
        (lambda f: -f, lambda f: -1 + 0 * f),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_match_the_closed_form_in_value_and_gradient(name):
    pair, discriminator, generator = PAIRS[name]
    real, fake = (a.ravel() for a in np.meshgrid(GRID, GRID))
    logits = jnp.float32(real), jnp.float32(fake)
    value, d_real, d_fake = discriminator
    by_real, by_fake = jax.grad(lambda r, f: jnp.sum(pair.discriminator(r, f)), (0, 1))(*logits)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=2e-7)
    close(pair.discriminator(*logits), value(real, fake))
    close(by_real, d_real(real))
    close(by_fake, d_fake(fake))
    value, slope = generator
    close(pair.generator(logits[1], logits[0]), value(fake))
    close(jax.grad(lambda f: jnp.sum(pair.generator(f, logits[0])))(logits[1]), slope(fake))


def test_one_sided_smoothing_of_nothing_is_the_non_saturating_loss():
    real, fake = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    plain = losses.non_saturating_discriminator_loss(real, fake)
    np.testing.assert_allclose(
        losses.label_smoothing(1.0).discriminator(real, fake), plain, rtol=1e-6
    )
    assert losses.label_flipping(losses.HINGE, 0.1) == losses.HINGE._replace(flipped=0.1)
