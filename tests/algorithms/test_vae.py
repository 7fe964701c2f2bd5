import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from scipy.special import expit

from gan_jax import prng
from gan_jax.algorithms import BERNOULLI, gaussian, vae
from gan_jax.game import View
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 5)
BATCH = {"x": jnp.tanh(jax.random.normal(KEY, (5, 3)))}
LATENT = 2


class Affine(nn.Module):
    """A W + b."""

    outputs: int

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return nn.Dense(self.outputs, bias_init=nn.initializers.normal(0.5))(x)


def affine_vae(**settings):
    return vae(Affine(2 * LATENT), Affine(3), latent_dim=LATENT, **settings)


def terms(players, likelihood):
    """Reconstruction and divergence of every example, by NumPy and SciPy in float64."""
    params = jax.tree.map(np.float64, players["vae"]["params"])
    affine = lambda name, x: x @ params[name]["Dense_0"]["kernel"] + params[name]["Dense_0"]["bias"]
    x, noise = (
        np.float64(BATCH["x"]),
        np.float64(prng.normal(prng.fold_in(KEYS, "posterior"), (LATENT,))),
    )
    mean, log_variance = np.split(affine("encoder", x), 2, axis=1)
    std = np.exp(log_variance / 2)
    output = affine("decoder", mean + std * noise)
    if likelihood == "bernoulli":
        p = (x + 1) / 2
        nll = -(p * np.log(expit(output)) + (1 - p) * np.log(expit(-output)))
    else:
        nll = -scipy.stats.norm.logpdf(x, output, 0.3)
    kl = (mean**2 + std**2) / 2 - 0.5 - np.log(std)
    return nll.sum(axis=1).mean(), kl.sum(axis=1).mean()


LIKELIHOODS = {"bernoulli": BERNOULLI, "gaussian": gaussian(0.3)}


@pytest.mark.parametrize("beta", [1.0, 4.0])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_loss_is_the_evidence_bound_of_a_linear_vae_by_hand(name, beta):
    game = affine_vae(likelihood=LIKELIHOODS[name], beta=beta)
    players = game.init(KEY, BATCH)
    loss, aux = game.turns[0].loss(View(players, BATCH, KEYS))
    nll, kl = terms(players, name)
    np.testing.assert_allclose(loss, nll + beta * kl, rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["reconstruction"], nll, rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["kl"], kl, rtol=1e-5)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_bound_on_any_data_leaves_beta_out(name):
    game = affine_vae(likelihood=LIKELIHOODS[name], beta=4.0)
    players = game.init(KEY, BATCH)
    nll, kl = terms(players, name)
    np.testing.assert_allclose(game.metrics(players, BATCH, KEYS)["elbo"], -nll - kl, rtol=1e-5)


def test_encoder_and_decoder_descend_together():
    game = affine_vae()
    state = init_state(game, {"vae": optax.sgd(0.1)}, KEY, BATCH)
    after, _ = train_step(game, state, {"x": BATCH["x"][None]})
    before = state.players["vae"].params
    moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), after.players["vae"].params, before)
    assert moved.keys() == {"encoder", "decoder"}
    assert all(jax.tree.leaves(moved))


@pytest.mark.parametrize(
    ("name", "mean"), [("bernoulli", lambda y: 2 * expit(y) - 1), ("gaussian", lambda y: y)]
)
def test_a_sample_is_the_decoders_mean_at_the_priors_latent(name, mean):
    game = affine_vae(likelihood=LIKELIHOODS[name])
    players, inputs = game.init(KEY, BATCH), game.inputs(KEYS, {})
    assert game.sampler == "vae"
    assert inputs["latent"].shape == (5, LATENT)
    decoder = jax.tree.map(np.float64, players["vae"]["params"]["decoder"]["Dense_0"])
    output = np.float64(inputs["latent"]) @ decoder["kernel"] + decoder["bias"]
    np.testing.assert_allclose(game.sample(players, inputs), mean(output), rtol=1e-5, atol=1e-6)


def test_a_code_is_the_posteriors_mean():
    game = affine_vae()
    players = game.init(KEY, BATCH)
    layer = jax.tree.map(np.float64, players["vae"]["params"]["encoder"]["Dense_0"])
    mean = (np.float64(BATCH["x"]) @ layer["kernel"] + layer["bias"])[:, :LATENT]
    np.testing.assert_allclose(game.encode(players, BATCH["x"]), mean, rtol=1e-5, atol=1e-6)


def test_input_reconstruction_and_sample_are_shown_side_by_side():
    game = affine_vae()
    players = game.init(KEY, BATCH)
    shown = game.show(players, BATCH, KEYS)
    assert list(shown) == ["input", "reconstruction", "sample"]
    np.testing.assert_array_equal(shown["input"], BATCH["x"])
    assert shown["reconstruction"].shape == BATCH["x"].shape
    np.testing.assert_allclose(
        shown["sample"], game.sample(players, game.inputs(KEYS, BATCH)), rtol=1e-5, atol=1e-6
    )
