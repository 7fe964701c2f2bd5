import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax import algorithms, judging, nets, priors, prng, sampling
from gan_jax.game import Game
from gan_jax.types import UserError

KEY = jax.random.key(0)
GENERATOR, DISCRIMINATOR = nets.mlp.Generator((2,), (4,)), nets.mlp.Discriminator((4,))
POINTS = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
SHIFT = 0.3  # of samples by their label
PLAYERS = {"scale": np.float32(1)}
SAMPLED, DATA = stats.norm(0.0, 1.0), stats.norm(0.5, 0.8)


def normal_game(**more):
    """Samples are standard normal, D's logit rises with what it should be, and is too flat."""

    def metrics(players, batch, keys):
        shown = batch["x"] + SHIFT * batch.get("label", 0)
        log_ratio = -0.5 * ((shown - 0.5) / 0.8) ** 2 + 0.5 * batch["x"] ** 2
        return {"real_logit": jnp.mean(jnp.arctan(log_ratio / 5))}

    return Game(
        init=lambda key, batch: {},
        turns=(),
        inputs=lambda keys, batch: {"latent": prng.normal(keys, ()), **batch},
        sample=lambda players, inputs: players["scale"] * inputs["latent"],
        metrics=metrics,
        **more,
    )


def drawn(count):
    real = DATA.rvs(8_000, random_state=1).astype(np.float32)
    game = judging.rejecting(normal_game(), PLAYERS, {"x": real}, jax.random.key(1))
    return sampling.draw_inputs(game, KEY, count, {})["latent"]


@pytest.mark.parametrize("group", [1, 3])
def test_an_example_is_judged_by_itself(group):
    net = nets.mlp.Discriminator((4,))
    game = algorithms.gan(GENERATOR, net, prior=priors.normal(3), group=group)
    players = game.init(KEY, {"x": np.repeat(POINTS, group, axis=0)})
    of_each = judging.figures_of_each(game, players, {"x": POINTS})["real_logit"]
    alone = [net.apply(players["discriminator"], POINTS[i : i + 1])[0] for i in range(5)]
    np.testing.assert_allclose(of_each, alone, rtol=1e-5)


def test_a_game_without_figures_of_its_own_says_nothing():
    game = normal_game()._replace(metrics=None)
    assert judging.figures_of_each(game, {}, {"x": POINTS}) == {}


def test_the_calibrated_ratio_is_that_of_the_shares_where_logits_rise_with_it():
    real, fake = np.repeat([0.1, 0.2, 5.0], [10, 30, 60]), np.repeat([0.1, 0.2, 5.0], [20, 20, 10])
    log_ratio = judging.calibrate(real, fake)
    shares = np.log([0.1 / 0.4, 0.3 / 0.4, 0.6 / 0.2])
    np.testing.assert_allclose(log_ratio(np.array([0.1, 0.2, 5.0])), shares, rtol=1e-6)


def test_logits_that_fall_where_they_should_rise_are_taken_together():
    log_ratio = judging.calibrate(np.float32([0, 0, 0, 1]), np.float32([0, 1, 1, 1]))
    np.testing.assert_allclose(log_ratio(np.array([0.0, 1.0])), 0, atol=1e-9)


def test_a_ratio_is_as_large_as_the_number_of_logits_can_show():
    log_ratio = judging.calibrate(np.ones(50), np.zeros(10))
    found = log_ratio(np.array([-9.0, 9.0]))
    np.testing.assert_allclose(found, [-np.log(99), np.log(99)])


@pytest.mark.parametrize("scale", [1e-7, 1e4])
def test_the_scale_of_logits_says_nothing(scale):
    random = np.random.default_rng(0)
    real, fake = random.normal(1, 1, 500), random.normal(0, 1, 500)
    at = np.linspace(-1, 2, 7)
    scaled = judging.calibrate(np.float32(scale * real), np.float32(scale * fake))(scale * at)
    np.testing.assert_allclose(scaled, judging.calibrate(real, fake)(at), atol=0.02)


def test_logits_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="not all finite"):
        judging.calibrate(np.float32([1, np.nan]), np.ones(2))


def test_no_logits_are_refused():
    with pytest.raises(UserError, match="at least one of each"):
        judging.calibrate(np.ones(3), np.ones(0))


def test_samples_that_are_kept_are_distributed_as_data():
    latent = drawn(8_000)
    assert stats.kstest(latent, DATA.cdf).statistic < 0.03  # 1 % of such samples reach 0.018
    assert stats.kstest(latent, SAMPLED.cdf).statistic > 0.2


def test_fewer_chosen_inputs_are_the_first_of_more():
    np.testing.assert_array_equal(drawn(50), drawn(700)[:50])


def test_a_sample_is_chosen_under_its_own_condition():
    label = np.random.default_rng(0).integers(3, size=6_000)
    x = DATA.rvs(6_000, random_state=1) - SHIFT * label
    game = normal_game(conditions=("label",))
    game = judging.rejecting(game, PLAYERS, {"x": x.astype(np.float32), "label": label}, KEY)
    asked = np.arange(3_000) % 3
    inputs = sampling.draw_inputs(game, jax.random.key(1), 3_000, {"label": asked})
    np.testing.assert_array_equal(inputs["label"], asked)
    for k in range(3):
        x = inputs["latent"][asked == k] + SHIFT * k
        assert stats.kstest(x, DATA.cdf).statistic < 0.06  # 1 % of a thousand reach 0.052
        assert stats.kstest(x, stats.norm(SHIFT * k, 1).cdf).statistic > 0.08


def test_the_last_of_many_draws_is_kept(monkeypatch):
    monkeypatch.setattr(judging, "_MOST_DRAWS", 1)
    assert stats.kstest(drawn(2_000), SAMPLED.cdf).statistic < 0.04


REFUSED = {
    "packs": (
        algorithms.gan(GENERATOR, DISCRIMINATOR, prior=priors.normal(3), group=2),
        "packs of 2",
    ),
    "observations": (
        algorithms.gan(GENERATOR, DISCRIMINATOR, prior=priors.normal(3), observe=lambda keys, x: x),
        "judges observations",
    ),
    "a column that is not there": (
        normal_game()._replace(metrics=lambda players, batch, keys: {"real_logit": batch["label"]}),
        "judges beside 'label', which data lack",
    ),
    "no discriminator": (normal_game()._replace(metrics=None), "no discriminator's logit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_where_no_single_sample_is_judged_none_is_chosen(case):
    game, message = REFUSED[case]
    with pytest.raises(UserError, match=message):
        judging.rejecting(game, PLAYERS, {"x": POINTS}, KEY)
