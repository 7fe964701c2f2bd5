from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from scipy.special import log_softmax

from gan_jax import nets, priors, prng
from gan_jax.algorithms import Term, gan, infogan
from gan_jax.algorithms._by_code import by_code
from gan_jax.game import View
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
SIZE, CLASSES = 12, 3
KEYS = prng.per_example(KEY, SIZE)
BATCH = {"x": jax.random.normal(KEY, (SIZE, 2)), "label": jnp.arange(SIZE) % 4}
GENERATOR = nets.mlp.Generator((2,), (6,))
CRITIC = nets.mlp.Discriminator((6,), heads=(("class", CLASSES), ("tilt", 2)))
PRIOR = priors.normal(3)


def made(**settings):
    settings = {"classes": CLASSES, "codes": {"tilt": priors.uniform(2)}} | settings
    game = infogan(GENERATOR, CRITIC, prior=PRIOR, **settings)
    return game, game.init(KEY, BATCH)


def test_inputs_are_noise_a_class_and_codes():
    game, _ = made()
    inputs = game.inputs(KEYS, {})
    assert {n: v.shape[1] for n, v in inputs.items()} == {"latent": 3, "class": 3, "tilt": 2}
    np.testing.assert_array_equal(np.sum(inputs["class"], axis=1), 1)


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_both_sides_minimise_the_information_term_by_hand(weight):
    game, players = made(weight=weight)
    inputs = game.inputs(KEYS, {})
    prior = {"latent": PRIOR, "class": priors.one_hot(CLASSES), "tilt": priors.uniform(2)}
    plain = gan(GENERATOR, CRITIC, prior=prior)
    output = CRITIC.apply(players["discriminator"], game.sample(players, inputs))
    known = log_softmax(output["class"], axis=1)[np.arange(SIZE), np.argmax(inputs["class"], 1)]
    read = scipy.stats.norm.logpdf(inputs["tilt"], output["tilt"]).sum(axis=1)
    by_hand = -weight * np.mean(known + read)
    view = View(players, {**BATCH, **inputs}, KEYS)
    for turn, without in zip(game.turns, plain.turns, strict=True):
        value, aux = turn.loss(view)
        np.testing.assert_allclose(value - without.loss(view)[0], by_hand, rtol=1e-4)
        np.testing.assert_allclose(aux.metrics["information"], by_hand, rtol=1e-5)


def test_terms_are_added_as_to_any_gan():
    game, players = made(terms=[Term("more", generator=lambda scene: jnp.full(SIZE, 3.0))])
    view = View(players, {**BATCH, **game.inputs(KEYS, {})}, KEYS)
    plain, _ = made()
    difference = game.turns[1].loss(view)[0] - plain.turns[1].loss(view)[0]
    assert difference == pytest.approx(3, rel=1e-5)


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_the_discriminator_maximises_what_classes_tell_of_data(weight):
    game, players = made(data_information=weight)
    view = View(players, {**BATCH, **game.inputs(KEYS, {})}, KEYS)

    def entropy(p):
        return -jnp.sum(p * jnp.log(p), axis=-1)

    def added(critic):
        """I(x; class) = H(class) - H(class | x)."""
        read = jax.nn.softmax(CRITIC.apply(critic, BATCH["x"])["class"])
        return -weight * (entropy(jnp.mean(read, axis=0)) - jnp.mean(entropy(read)))

    def loss(game, side):
        turn = next(turn for turn in game.turns if turn.player == side)
        return lambda own: turn.loss(view._replace(players={**players, side: own}))[0]

    without, _ = made()
    difference = lambda own: loss(game, "discriminator")(own) - loss(without, "discriminator")(own)
    found = jax.value_and_grad(difference)(players["discriminator"])
    expected = jax.value_and_grad(added)(players["discriminator"])
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5), found, expected)
    own = players["generator"]
    np.testing.assert_allclose(loss(game, "generator")(own), loss(without, "generator")(own))


def test_a_class_that_no_example_has_does_no_harm():
    class Sure(nn.Module):
        @nn.compact
        def __call__(self, x, label=None, train=False):
            scale = self.param("scale", nn.initializers.ones, ())
            return {"logits": x[:, 0], "class": scale * jnp.eye(2)[jnp.zeros(len(x), int)] * 200}

    game = infogan(GENERATOR, Sure(), prior=PRIOR, classes=2, data_information=1.0)
    players = game.init(KEY, BATCH)
    view = View(players, {**BATCH, **game.inputs(KEYS, {})}, KEYS)
    turn = next(turn for turn in game.turns if turn.player == "discriminator")
    loss = lambda own: turn.loss(view._replace(players={**players, "discriminator": own}))[0]
    found = jax.value_and_grad(loss)(players["discriminator"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


class Sign(nn.Module):
    """Reads the class from the first number's sign, or always says 0."""

    blind: bool = False

    @nn.compact
    def __call__(self, x, label=None, train=False):
        first = x[:, 0] * self.param("by", nn.initializers.ones, ()) * (not self.blind)
        return {"logits": first, "class": jnp.stack([jnp.zeros_like(first), first], axis=1)}


@pytest.mark.parametrize(("blind", "purity"), [(False, 1.0), (True, 0.625)])
def test_purity_is_the_share_of_the_commonest_label_of_a_class(blind, purity):
    game = infogan(GENERATOR, Sign(blind), prior=PRIOR, classes=2)
    positive = jnp.array([1, 1, 1, 1, 1, 0, 0, 0])
    batch = {"x": jnp.stack([2.0 * positive - 1, jnp.zeros(8)], 1), "label": 70 + positive}
    found = game.metrics(game.init(KEY, batch), batch, prng.per_example(KEY, 8))
    np.testing.assert_allclose(found["class_purity"], purity)
    assert {"real_logit", "real_sign"} < set(found)
    del batch["label"]
    assert "class_purity" not in game.metrics(game.init(KEY, batch), batch, KEYS)


def test_strips_show_the_same_noise_under_each_class():
    game, players = made()
    shown = game.show(players, BATCH, KEYS)
    assert list(shown)[:4] == ["class 0", "class 1", "class 2", "tilt 0, class 0"]
    inputs = {n: v[:10] for n, v in game.inputs(KEYS, BATCH).items()}
    inputs["class"] = jnp.tile(jnp.array([[0.0, 1.0, 0.0]]), (10, 1))
    np.testing.assert_allclose(shown["class 1"], game.sample(players, inputs), rtol=1e-5)


def test_a_continuous_code_alone_goes_from_the_lowest_to_the_highest_value():
    codes = {"tilt": priors.uniform(2), "bend": priors.normal(1), "sort": priors.one_hot(4)}
    game = infogan(GENERATOR, CRITIC, prior=PRIOR, classes=4, codes=codes)
    seen = []
    blank = lambda _, inputs: seen.append(inputs) or jnp.zeros(len(inputs["latent"]))
    show = by_code(game._replace(sample=blank), "class", 4, codes)
    titles = list(show({}, BATCH, KEYS))
    assert titles[4:7] == ["tilt 0, class 0", "tilt 0, class 1", "tilt 0, class 2"]
    assert titles[7::3] == ["tilt 1, class 0", "bend 0, class 0"]
    spans = {"tilt 0": (-1, 1), "tilt 1": (-1, 1), "bend 0": (-2, 2)}
    for title, inputs in list(zip(titles, seen, strict=True))[4:]:
        code, number = title.split(",")[0].split()
        led = inputs[code][:, int(number)]
        np.testing.assert_allclose(led, np.linspace(*spans[f"{code} {number}"], 10), rtol=1e-6)
        np.testing.assert_array_equal(inputs["class"][:, int(title[-1])], 1)
        for name, column in inputs.items():
            moves = np.ptp(column, axis=0) > 0
            expected = [name == code and i == int(number) for i in range(len(moves))]
            np.testing.assert_array_equal(moves, expected)


def test_codes_become_readable_where_nothing_else_is_at_stake():
    game, _ = made(weight=20.0)
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.adam(1e-2))
    state = init_state(game, optimizers, KEY, BATCH)
    step = lambda state, _: train_step(game, state, {"x": BATCH["x"][None]})
    _, metrics = jax.jit(lambda state: jax.lax.scan(step, state, length=150))(state)
    information = metrics["generator/information"]
    assert information[-10:].mean() < information[:10].mean() - 10
