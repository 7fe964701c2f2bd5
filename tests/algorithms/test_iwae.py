from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from scipy.special import logsumexp

from gan_jax import nets, prng
from gan_jax.algorithms import gaussian, iwae, log_importance_weights, vae
from gan_jax.game import View
from gan_jax.metrics import importance_weighted_bound
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 5)
BATCH = {"x": jnp.tanh(jax.random.normal(KEY, (5, 3)))}
LATENT, STD = 2, 0.3
NETS = nets.mlp.Encoder(2 * LATENT, ()), nets.mlp.Generator((3,), (), final=None)  # affine maps
LOG_WEIGHTS = log_importance_weights(*NETS, likelihood=gaussian(STD))


def make_game(samples, **settings):
    return iwae(*NETS, latent_dim=LATENT, samples=samples, likelihood=gaussian(STD), **settings)


def gradients(game, players, x, keys):
    loss = lambda params: game.turns[0].loss(View({"vae": {"params": params}}, {"x": x}, keys))[0]
    return jax.grad(loss)(players["vae"]["params"])


def linear_gaussian(widening):
    """Players whose posterior is the true one, its variance `widening` times too large, and log p.

    x = z W + b + 0.3 noise, so log p is Gaussian; the rows of W are orthogonal, so the posterior is
    diagonal, as an encoder has it.
    """
    kernel, bias = np.array([[0.6, 0, 0.8], [-0.4, 0, 0.3]]), np.array([0.1, -0.2, 0.3])
    variance = 1 / (1 + (kernel**2).sum(axis=1) / STD**2)
    gain = kernel.T * variance / STD**2
    encoder = {
        "kernel": np.concatenate([gain, np.zeros((3, LATENT))], axis=1),
        "bias": np.concatenate([-bias @ gain, np.log(widening * variance)]),
    }
    affine = {"encoder": encoder, "decoder": {"kernel": kernel, "bias": bias}}
    params = {name: {"MLP_0": {"Dense_0": of}} for name, of in affine.items()}
    marginal = scipy.stats.multivariate_normal(bias, kernel.T @ kernel + STD**2 * np.eye(3))
    return {"vae": {"params": jax.tree.map(jnp.float32, params)}}, marginal.logpdf(BATCH["x"])


def log_weights_by_hand(players, samples):
    """log p(z) + log p(x | z) - log q(z | x), [B, K], by SciPy in float64."""
    params = jax.tree.map(np.float64, players["vae"]["params"])
    layer = lambda name, x: (
        x @ params[name]["MLP_0"]["Dense_0"]["kernel"] + (params[name]["MLP_0"]["Dense_0"]["bias"])
    )
    x = np.float64(BATCH["x"])
    split = jax.vmap(lambda key: jax.random.split(key, samples))
    keys = split(prng.fold_in(KEYS, "posterior"))
    noise = np.float64(jax.vmap(lambda keys: prng.normal(keys, (LATENT,)))(keys))
    mean, log_variance = (part[:, None] for part in np.split(layer("encoder", x), 2, axis=1))
    latent = mean + np.exp(log_variance / 2) * noise
    log_pdf = lambda *of: scipy.stats.norm.logpdf(*of).sum(axis=-1)
    prior, posterior = log_pdf(latent), log_pdf(latent, mean, np.exp(log_variance / 2))
    return prior + log_pdf(x[:, None], layer("decoder", latent), STD) - posterior


@pytest.mark.parametrize("samples", [1, 4])
def test_loss_is_the_importance_weighted_bound_by_hand(samples):
    game, (players, _) = make_game(samples), linear_gaussian(widening=2)
    expected = np.mean(logsumexp(log_weights_by_hand(players, samples), axis=1) - np.log(samples))
    loss, _ = game.turns[0].loss(View(players, BATCH, KEYS))
    np.testing.assert_allclose(loss, -expected, rtol=1e-5)
    np.testing.assert_allclose(game.metrics(players, BATCH, KEYS)["bound"], expected, rtol=1e-5)


def test_gradients_of_both_nets_are_weighted_by_importance():
    """∇L = E Σ_k (w_k / Σ w) ∇log w_k: eq. 13 of the paper."""
    game, (players, _) = make_game(4), linear_gaussian(widening=2)
    weights = jax.nn.softmax(LOG_WEIGHTS(players, BATCH["x"], KEYS, 4), axis=0)

    def surrogate(params):
        log_weights = LOG_WEIGHTS({"vae": {"params": params}}, BATCH["x"], KEYS, 4)
        return -jnp.mean(jnp.sum(weights * log_weights, axis=0))

    actual = gradients(game, players, BATCH["x"], KEYS)
    expected = jax.grad(surrogate)(players["vae"]["params"])
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(expected))
    chex.assert_trees_all_close(actual, expected, rtol=1e-3, atol=1e-5)


def test_the_second_gradient_is_the_first_in_expectation_with_less_noise():
    players, _ = linear_gaussian(widening=2)
    many = 4_000
    of_one = lambda game: jax.jit(
        jax.vmap(lambda key: gradients(game, players, BATCH["x"][:1], key[None]))
    )(prng.per_example(KEY, many))
    first, second = (of_one(make_game(16, doubly_reparameterised=by)) for by in (False, True))
    chex.assert_trees_all_close(first["decoder"], second["decoder"], rtol=1e-3, atol=1e-4)
    pairs = zip(*(jax.tree.leaves(tree["encoder"]) for tree in (first, second)), strict=True)
    for one, other in pairs:
        error = np.std(one - other, axis=0) / many**0.5
        np.testing.assert_array_less(np.abs(np.mean(one - other, axis=0)), 5 * error)
        assert np.var(other, axis=0).sum() < np.var(one, axis=0).sum() / 3


def test_the_second_gradient_is_zero_at_the_true_posterior_whatever_is_drawn():
    players, _ = linear_gaussian(widening=1)
    first, second = (
        gradients(make_game(4, doubly_reparameterised=by), players, BATCH["x"], KEYS)["encoder"]
        for by in (False, True)
    )
    largest = lambda tree: max(np.abs(leaf).max() for leaf in jax.tree.leaves(tree))
    assert largest(first) > 0.1
    assert largest(second) < 1e-4


def test_a_single_sample_is_the_evidence_bound_in_expectation():
    players, _ = linear_gaussian(widening=3)
    many = 4096
    batch = {"x": jnp.repeat(BATCH["x"][:1], many, axis=0)}
    view = View(players, batch, prng.per_example(KEY, many))
    settings = {"latent_dim": LATENT, "likelihood": gaussian(STD)}
    losses = [game.turns[0].loss(view)[0] for game in (make_game(1), vae(*NETS, **settings))]
    np.testing.assert_allclose(*losses, atol=0.1)  # a standard error of 0.03
    assert losses[0] != losses[1]


def test_the_loss_falls_with_samples_to_minus_the_likelihood():
    players, log_p = linear_gaussian(widening=3)
    many = 32
    batch = {"x": jnp.repeat(BATCH["x"], many, axis=0)}
    view = View(players, batch, prng.per_example(KEY, 5 * many))
    bounds = [-float(make_game(k).turns[0].loss(view)[0]) for k in (1, 4, 16, 128)]
    assert bounds == sorted(bounds)
    kl = LATENT * (3 - 1 - np.log(3)) / 2
    np.testing.assert_allclose(bounds[0], log_p.mean() - kl, atol=0.2)
    np.testing.assert_allclose(bounds[-1], log_p.mean(), atol=0.05)
    assert bounds[-1] - bounds[0] > 0.7


def test_weights_under_the_true_posterior_are_the_likelihood_itself():
    players, log_p = linear_gaussian(widening=1)
    weights = LOG_WEIGHTS(players, BATCH["x"], KEYS, 4)
    np.testing.assert_allclose(weights, np.tile(log_p, (4, 1)), rtol=1e-4)


def test_the_bound_rises_with_samples_from_the_evidence_bound_to_the_likelihood():
    players, log_p = linear_gaussian(widening=3)
    weights = LOG_WEIGHTS(players, BATCH["x"], KEYS, 4096)
    evidence = np.mean(weights, axis=0)
    of_eight = np.reshape(importance_weighted_bound(weights.reshape(8, -1)), (-1, 5)).mean(axis=0)
    of_all = importance_weighted_bound(weights)
    kl = LATENT * (3 - 1 - np.log(3)) / 2
    np.testing.assert_allclose(evidence, log_p - kl, atol=0.1)
    assert (evidence + 0.5 < of_eight).all()
    assert (of_eight < of_all).all()
    np.testing.assert_allclose(of_all, log_p, atol=0.05)


def test_training_finds_the_likelihood_of_the_best_linear_model(optimised):
    """Data of one direction: probabilistic PCA's maximum, σ given, is known in closed form."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 1)) * [[0.6, 0, 0.8]] + STD * random.normal(size=(200, 3))
    covariance = np.cov(x.T, bias=True)
    values, vectors = np.linalg.eigh(covariance)
    kept = vectors[:, 1:] * np.maximum(values[1:] - STD**2, 0) @ vectors[:, 1:].T
    best = scipy.stats.multivariate_normal(x.mean(axis=0), kept + STD**2 * np.eye(3))
    batch = {"x": jnp.asarray(x, jnp.float32)[None]}
    state = init_state(make_game(8), {"vae": optax.adam(2e-2)}, KEY, {"x": batch["x"][0]})
    step = lambda state, _: train_step(make_game(8), state, batch)
    state, metrics = jax.jit(partial(jax.lax.scan, step, length=400))(state)
    bound = -np.mean(metrics["vae/loss"][-50:])
    assert -metrics["vae/loss"][0] < bound - 0.5
    np.testing.assert_allclose(bound, best.logpdf(x).mean(), atol=0.05)
