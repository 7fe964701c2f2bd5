"""f-GAN's bounds: the conjugates by definition, and the true divergence of two Gaussians."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from gan_jax.losses import f_divergences

# f and its derivative, in float64.
F = {
    "KL": (lambda u: u * np.log(u), lambda u: np.log(u) + 1),
    "REVERSE_KL": (lambda u: -np.log(u), lambda u: -1 / u),
    "PEARSON": (lambda u: (u - 1) ** 2, lambda u: 2 * (u - 1)),
    "SQUARED_HELLINGER": (lambda u: (np.sqrt(u) - 1) ** 2, lambda u: 1 - u**-0.5),
    "JENSEN_SHANNON": (
        lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
        lambda u: np.log(2 * u / (u + 1)),
    ),
    "GAN": (
        lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
        lambda u: np.log(u / (u + 1)),
    ),
    "TOTAL_VARIATION": (lambda u: 0.5 * np.abs(u - 1), lambda u: 0.5 * np.sign(u - 1)),
}
every_divergence = pytest.mark.parametrize("name", F)
P, Q = scipy.stats.norm(0.4, 0.8), scipy.stats.norm(0.0, 1.0)


def of(name):
    return getattr(f_divergences, name)


@every_divergence
def test_the_conjugate_is_that_of_f(name):
    logits = np.linspace(-1.9, 3, 25)  # below -2 Pearson's u would be negative
    t = np.float64(of(name).activation(jnp.float32(logits)))
    u = np.exp(np.linspace(-12, 12, 200_001))
    expected = np.array([np.max(u * one - F[name][0](u)) for one in t])
    if name == "TOTAL_VARIATION":  # whose largest value is at u = 0 or u = 1
        expected = np.maximum(expected, -0.5)
    np.testing.assert_allclose(of(name).conjugate(jnp.float32(logits)), expected, atol=2e-5)


@every_divergence
def test_activations_rise_into_the_domain_of_the_conjugate(name):
    below = {"REVERSE_KL": 0, "SQUARED_HELLINGER": 1, "JENSEN_SHANNON": np.log(2), "GAN": 0}
    t = np.asarray(of(name).activation(jnp.linspace(-8.0, 8.0, 99)))
    assert (np.diff(t) >= 0).all()
    assert t[-1] > t[0]
    assert (t < below.get(name, np.inf)).all()
    if name == "TOTAL_VARIATION":
        assert (np.abs(t) <= 0.5).all()


@every_divergence
def test_a_trained_discriminator_reaches_the_divergence_within_two_percent(name):
    """By logits of a polynomial, on quadrature points."""
    nodes = np.linspace(-6, 6, 801)
    p, q = (jnp.float32(d.pdf(nodes) / d.pdf(nodes).sum()) for d in (P, Q))
    features = jnp.float32(np.stack([nodes**k for k in range(5)]))

    def loss(w):
        logits = w @ features
        return -jnp.sum(p * of(name).activation(logits) - q * of(name).conjugate(logits))

    w = jnp.zeros(5)
    solver = optax.lbfgs()

    @jax.jit
    def descend(carry, _):
        w, state = carry
        value, gradient = optax.value_and_grad_from_state(loss)(w, state=state)
        updates, state = solver.update(
            gradient, state, w, value=value, grad=gradient, value_fn=loss
        )
        return (optax.apply_updates(w, updates), state), None

    (w, _), _ = jax.lax.scan(descend, (w, solver.init(w)), length=200)
    expected = np.sum(np.asarray(q) * F[name][0](np.asarray(p) / np.asarray(q)))
    np.testing.assert_allclose(-float(loss(w)), expected, rtol=0.02)


@every_divergence
def test_losses_are_the_bound_and_its_parts(name):
    real, fake = jnp.float32(np.random.default_rng(0).normal(size=(2, 7)))
    divergence = of(name)
    loss, saturating = divergence.loss(), divergence.loss(saturating=True)
    np.testing.assert_array_equal(loss.discriminator(real, fake), -divergence.bound(real, fake))
    np.testing.assert_array_equal(loss.generator(fake, real), -divergence.activation(fake))
    np.testing.assert_array_equal(saturating.generator(fake, real), -divergence.conjugate(fake))


@every_divergence
def test_gradients_are_those_of_differences(name):
    logits = np.linspace(-2, 2, 9)
    for function in (of(name).activation, of(name).conjugate):
        slope = jax.grad(lambda v, f=function: jnp.sum(f(v)))(jnp.float32(logits))
        with jax.enable_x64(True):
            above, below = (np.asarray(function(jnp.asarray(logits + d))) for d in (1e-6, -1e-6))
        np.testing.assert_allclose(slope, (above - below) / 2e-6, rtol=1e-5, atol=1e-6)
