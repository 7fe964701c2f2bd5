"""GMAN and MAD-GAN: values by hand from what their nets say."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from small_games import Styled

from gan_jax import losses, nets, penalties, priors, prng
from gan_jax.algorithms import gman, madgan
from gan_jax.game import View
from gan_jax.types import UserError

KEY = jax.random.key(0)
SIZE = 6
KEYS = prng.per_example(KEY, SIZE)
BATCH = {"x": jax.random.normal(KEY, (SIZE, 2))}
MAKE = nets.mlp.Generator((2,), (5,))


def begun(game):
    players = game.init(KEY, BATCH)
    return players, View(players, {**BATCH, **game.inputs(KEYS, BATCH)}, KEYS)


def softplus(x):
    return np.logaddexp(0, x)


@pytest.mark.parametrize("sharpness", [0.0, 2.0, math.inf])
def test_a_generator_answers_to_its_judges_by_how_strict_they_are(sharpness):
    judge = nets.mlp.Discriminator((5,))
    game = gman(MAKE, judge, count=3, sharpness=sharpness, prior=priors.normal(2))
    players, view = begun(game)
    fake = game.sample(players, view.batch)
    ensemble = nets.several.Ensemble(judge, 3)
    real, fake = (
        np.float64(ensemble.apply(players["discriminator"], x)) for x in (BATCH["x"], fake)
    )
    first, second = game.turns
    expected = (softplus(-real) + softplus(fake)).mean(axis=0).sum()
    np.testing.assert_allclose(first.loss(view)[0], expected, rtol=1e-5)
    each = softplus(-fake).mean(axis=0)
    by_hand = each.max() if math.isinf(sharpness) else softmax(sharpness * each) @ each
    np.testing.assert_allclose(second.loss(view)[0], by_hand, rtol=1e-5)


def test_a_judge_of_patches_is_as_strict_as_all_of_them():
    judge = nets.patch.Discriminator(2, 1)
    game = gman(Styled((4, 4, 1)), judge, count=2, sharpness=1.0, prior=priors.normal(3))
    batch = {"x": jnp.zeros((SIZE, 4, 4, 1))}
    players = game.init(KEY, batch)
    view = View(players, {**batch, **game.inputs(KEYS, batch)}, KEYS)
    fake = game.sample(players, view.batch)
    ensemble = nets.several.Ensemble(judge, 2)
    logits = ensemble.apply(players["discriminator"], fake)
    assert logits.ndim == 4
    each = softplus(-np.float64(logits)).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(game.turns[1].loss(view)[0], softmax(each) @ each, rtol=1e-5)


def test_a_judge_learns_of_its_own_verdict_alone(assert_trees_match):
    judge = nets.mlp.Discriminator((5,))
    settings = {"prior": priors.normal(2), "loss": losses.LEAST_SQUARES}
    game = gman(MAKE, judge, count=2, penalties=[penalties.R1(3.0)], **settings)
    players, view = begun(game)
    fake = game.sample(players, view.batch)

    def together(params):
        return game.turns[0].loss(view._replace(players={**players, "discriminator": params}))[0]

    def alone(params):
        verdicts = (judge.apply(params, x) for x in (BATCH["x"], fake))
        slopes = penalties.r1(lambda x: judge.apply(params, x), BATCH["x"])
        return jnp.mean(losses.LEAST_SQUARES.discriminator(*verdicts) + 3 * slopes)

    grads = jax.grad(together)(players["discriminator"])["params"]["net"]
    for i in range(2):
        own = jax.tree.map(lambda leaf, i=i: leaf[i], players["discriminator"]["params"]["net"])
        found = jax.tree.map(lambda leaf, i=i: leaf[i], grads)
        assert_trees_match(found, jax.grad(alone)({"params": own})["params"], rtol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"count": 0},
        {"sharpness": -math.inf},
        {"loss": losses.RELATIVISTIC_AVERAGE},
        {"top_share": 0.5},
    ],
)
def test_judges_that_cannot_be_are_refused(settings):
    settings = {"count": 2, "prior": priors.normal(2)} | settings
    with pytest.raises(UserError, match="discriminators"):
        gman(MAKE, nets.mlp.Discriminator((5,)), **settings)


def test_generators_are_named_by_the_discriminator_which_is_a_game_of_one_source_more():
    judge = nets.mlp.Discriminator((5,), heads={"class": 3})
    game = madgan(MAKE, judge, count=3, prior=priors.normal(2))
    players, view = begun(game)
    fake = game.sample(players, view.batch)
    real, said = (
        jax.tree.map(np.float64, judge.apply(players["discriminator"], x))
        for x in (BATCH["x"], fake)
    )

    def log_sources(output):
        """Over three generators and the data: P(real) = σ(l), P(k) = (1 - σ(l)) softmax(class)."""
        named = log_softmax(output["class"], axis=1) - softplus(output["logits"])[:, None]
        return np.concatenate([named, -softplus(-output["logits"])[:, None]], axis=1)

    np.testing.assert_allclose(np.exp(log_sources(said)).sum(axis=1), 1, rtol=1e-6)
    maker = np.argmax(view.batch["generator"], axis=1)
    of_fake = log_sources(said)[np.arange(SIZE), maker]
    expected = -(log_sources(real)[:, 3] + of_fake).mean()
    np.testing.assert_allclose(game.turns[0].loss(view)[0], expected, rtol=1e-5)
    expected = -log_sources(said)[:, 3].mean()
    np.testing.assert_allclose(game.turns[1].loss(view)[0], expected, rtol=1e-5)


def test_every_generator_is_shown_on_the_same_noise():
    judge = nets.mlp.Discriminator((5,), heads={"class": 3})
    game = madgan(MAKE, judge, count=3, prior=priors.normal(2))
    players, _ = begun(game)
    shown = game.show(players, BATCH, KEYS)
    assert list(shown) == ["generator 0", "generator 1", "generator 2"]
    latent = game.inputs(KEYS, BATCH)["latent"]
    choice = jax.nn.one_hot(jnp.full(SIZE, 1), 3)
    np.testing.assert_array_equal(
        shown["generator 1"], game.sample(players, {"latent": latent, "generator": choice})
    )
