import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from scipy.special import expit

from gan_jax.losses import (
    absolute_error,
    bernoulli_nll,
    gaussian_kl,
    gaussian_nll,
    gradient_difference,
    pixel_cross_entropy,
    squared_error,
)

random = np.random.default_rng(0)


def gradients(loss, a, b):
    return jax.grad(lambda a, b: jnp.sum(loss(a, b)), argnums=(0, 1))(
        jnp.float32(a), jnp.float32(b)
    )


def test_gaussian_kl_is_the_expected_log_ratio_of_the_densities():
    mean, log_variance = random.normal(size=(2, 4, 3))
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)  # exact for this quadratic integrand
    std = np.exp(0.5 * log_variance)[..., None]
    z = mean[..., None] + std * nodes
    ratio = scipy.stats.norm.logpdf(z, mean[..., None], std) - scipy.stats.norm.logpdf(z)
    expected = (ratio @ weights / weights.sum()).sum(axis=-1)
    kl = gaussian_kl(jnp.float32(mean), jnp.float32(log_variance))
    np.testing.assert_allclose(kl, expected, rtol=1e-5)


def test_gaussian_kl_has_gradients_of_closed_form():
    mean, log_variance = random.normal(size=(2, 4, 3))
    d_mean, d_log_variance = gradients(gaussian_kl, mean, log_variance)
    np.testing.assert_allclose(d_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(
        d_log_variance, 0.5 * (np.exp(log_variance) - 1), rtol=1e-5, atol=1e-7
    )


def test_gaussian_kl_keeps_its_digits_near_the_prior():
    log_variance = np.full((1, 1), 1e-3)
    expected = 0.5 * (np.expm1(1e-3) - 1e-3)
    kl = gaussian_kl(jnp.zeros((1, 1)), jnp.float32(log_variance))
    np.testing.assert_allclose(kl, [expected], rtol=1e-3)


def test_bernoulli_nll_of_a_coin_is_minus_its_log_mass():
    logits = random.normal(size=(4, 2, 3), scale=3)
    target = random.integers(2, size=logits.shape)
    expected = -scipy.stats.bernoulli.logpmf(target, expit(logits)).sum(axis=(1, 2))
    nll = bernoulli_nll(jnp.float32(logits), jnp.float32(target))
    np.testing.assert_allclose(nll, expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [1, 50])
def test_bernoulli_nll_has_gradients_of_closed_form_at_any_logit(scale):
    logits, target = scale * random.uniform(-1, 1, size=(5, 4)), random.uniform(size=(5, 4))
    d_logits, d_target = gradients(bernoulli_nll, logits, target)
    np.testing.assert_allclose(d_logits, expit(logits) - target, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(d_target, -logits, rtol=1e-6)


@pytest.mark.parametrize("std", [0.1, 1.0, 3.0])
def test_gaussian_nll_is_minus_the_log_density(std):
    mean, target = random.normal(size=(2, 4, 2, 3))
    expected = -scipy.stats.norm.logpdf(target, mean, std).sum(axis=(1, 2))
    nll = gaussian_nll(jnp.float32(mean), jnp.float32(target), std=std)
    np.testing.assert_allclose(nll, expected, rtol=1e-5)


def test_gaussian_nll_has_gradients_of_closed_form():
    mean, target = random.normal(size=(2, 4, 3))
    d_mean, d_target = gradients(lambda m, t: gaussian_nll(m, t, std=0.5), mean, target)
    np.testing.assert_allclose(d_mean, (mean - target) / 0.25, rtol=1e-5)
    np.testing.assert_allclose(d_target, (target - mean) / 0.25, rtol=1e-5)


def test_absolute_error_is_the_mean_over_an_example():
    prediction = jnp.array([[[1.0, 2.0]], [[-3.0, 0.0]]])
    target = jnp.array([[[0.0, 4.0]], [[-3.0, 1.0]]])
    np.testing.assert_allclose(absolute_error(prediction, target), [1.5, 0.5])


@pytest.mark.parametrize(
    "loss", [absolute_error, bernoulli_nll, gaussian_kl, gaussian_nll, squared_error]
)
def test_loss_refuses_arguments_that_would_broadcast(loss):
    with pytest.raises(AssertionError, match="shape"):
        loss(jnp.zeros((4, 1)), jnp.zeros((1, 4)))


def test_squared_error_is_the_mean_over_an_example_with_its_gradient():
    prediction, target = random.normal(size=(2, 4, 3))
    value = squared_error(jnp.float32(prediction), jnp.float32(target))
    np.testing.assert_allclose(value, ((prediction - target) ** 2).mean(axis=1), rtol=1e-5)
    slope, _ = gradients(squared_error, prediction, target)
    np.testing.assert_allclose(slope, 2 * (prediction - target) / 3, rtol=1e-5)


def test_pixel_cross_entropy_is_the_mean_of_minus_the_log_probability():
    logits, label = 5 * random.normal(size=(2, 3, 4, 5)), random.integers(5, size=(2, 3, 4))
    probabilities = scipy.special.softmax(logits, axis=-1)
    right = np.take_along_axis(probabilities, label[..., None], axis=-1)
    loss = lambda logits: pixel_cross_entropy(logits, label)
    np.testing.assert_allclose(
        loss(jnp.float32(logits)), -np.log(right).mean(axis=(1, 2, 3)), rtol=1e-5
    )
    slope = jax.grad(lambda x: jnp.sum(loss(x)))(jnp.float32(logits))
    np.testing.assert_allclose(slope, (probabilities - np.eye(5)[label]) / 12, rtol=1e-4, atol=1e-6)


def test_gradient_difference_compares_the_sizes_of_steps_down_and_across():
    target = np.zeros((2, 2, 3, 1))
    target[0, :, 2] = 2.0  # a step of 2 across, in one of two places
    target[1, 1] = -3.0  # a step of 3 down, everywhere
    blurred = target.copy()
    blurred[0, :, 1] = 1.0  # two steps of 1
    found = gradient_difference(jnp.float32(blurred), jnp.float32(target))
    np.testing.assert_allclose(found, [1, 0], rtol=1e-6)
    found = gradient_difference(jnp.zeros((2, 2, 3, 1)), jnp.float32(target))
    np.testing.assert_allclose(found, [1, 3], rtol=1e-6)
    films = jnp.float32(np.stack([blurred, target], axis=1))  # of two frames
    np.testing.assert_allclose(gradient_difference(films, films[:, ::-1]), [1, 0], rtol=1e-6)
