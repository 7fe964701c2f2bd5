"""What `gan` takes as values: losses that couple, terms, penalties, priors, augmentation."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, nets, penalties, priors, prng
from gan_jax.algorithms import Term, bigan, gan, logits_of, terms
from gan_jax.game import View
from gan_jax.step import init_state, train_step
from gan_jax.types import UserError

KEY = jax.random.key(0)
SIZE = 6
KEYS = prng.per_example(KEY, SIZE)
BATCH = {"x": jax.random.normal(KEY, (SIZE, 2)), "label": jnp.arange(SIZE) % 3}


class Shift(nn.Module):
    """A generator that moves its latent."""

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        return latent[:, :2] + self.param("by", nn.initializers.ones, (2,))[None]


class Linear(nn.Module):
    """A critic of logit w·x, which also tells a class: x V."""

    classes: int = 0

    @nn.compact
    def __call__(self, x, label=None, train=False):
        logits = x @ self.param("w", nn.initializers.normal(1.0), (x.shape[-1],))
        if not self.classes:
            return logits
        return {"logits": logits, "class": nn.Dense(self.classes, use_bias=False, name="v")(x)}


def made(discriminator=None, prior=None, **settings):
    """A game and its players."""
    prior = prior or priors.normal(2)
    game = gan(Shift(), discriminator or Linear(), prior=prior, **settings)
    return game, game.init(KEY, BATCH)


def loss_of(game, player, players, batch=BATCH, name="", step=0):
    (turn,) = (turn for turn in game.turns if (turn.player, turn.name) == (player, name))
    return turn.loss(View(players, {**batch, **game.inputs(KEYS, batch)}, KEYS, step))


def slope(game, player, players, **view):
    """The gradient of a player's loss by its own parameters."""

    def loss(params):
        mine = {**players[player], "params": params}
        return loss_of(game, player, {**players, player: mine}, **view)[0]

    return jax.grad(loss)(players[player]["params"])


def logits_by_hand(game, players):
    w = np.float64(players["discriminator"]["params"]["w"])
    fake = np.float64(game.sample(players, game.inputs(KEYS, BATCH)))
    return np.float64(BATCH["x"]) @ w, fake @ w


def softplus(x):
    return np.logaddexp(0, x)


def test_relativistic_average_loss_is_the_papers_equation():
    game, players = made(loss=losses.RELATIVISTIC_AVERAGE)
    real, fake = logits_by_hand(game, players)
    over_fake, over_real = real - fake.mean(), fake - real.mean()
    expected = {
        "discriminator": (softplus(-over_fake) + softplus(over_real)).mean(),
        "generator": (softplus(over_fake) + softplus(-over_real)).mean(),
    }
    for player, value in expected.items():
        np.testing.assert_allclose(loss_of(game, player, players)[0], value, rtol=1e-5)


def test_the_means_of_the_relativistic_average_are_differentiated():
    game, players = made(loss=losses.RELATIVISTIC_AVERAGE)
    real, fake = logits_by_hand(game, players)
    w = np.float64(players["discriminator"]["params"]["w"])
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    # A shift by t moves every fake's logit, and the mean that reals are compared with, by w·t.
    by_hand = -(sigmoid(real - fake.mean()) + sigmoid(real.mean() - fake)).mean() * w
    found = slope(game, "generator", players)["by"]
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)


def cross_entropy(scene, output):
    label = scene.view.batch["label"]
    return optax.softmax_cross_entropy_with_integer_labels(output["class"], label)


AUXILIARY = Term(
    "class",
    lambda scene: cross_entropy(scene, scene.real),
    lambda scene: 2 * cross_entropy(scene, scene.fake),
)


@pytest.mark.parametrize("sides", [("discriminator", "generator"), ("discriminator",), ()])
def test_terms_are_added_to_their_side_alone(sides):
    term = AUXILIARY._replace(**{s: None for s in ("discriminator", "generator") if s not in sides})
    game, players = made(Linear(3), terms=[term])
    plain, _ = made(Linear(3))
    v = np.float64(players["discriminator"]["params"]["v"]["kernel"])
    looked_at = {
        "discriminator": (1, BATCH["x"]),
        "generator": (2, game.sample(players, game.inputs(KEYS, BATCH))),
    }
    for side, (weight, x) in looked_at.items():
        value, aux = loss_of(game, side, players)
        difference = float(value - loss_of(plain, side, players)[0])
        scores = np.float64(x) @ v
        chosen = scores[np.arange(SIZE), BATCH["label"]]
        by_hand = weight * (np.log(np.exp(scores).sum(axis=1)) - chosen).mean()
        np.testing.assert_allclose(difference, by_hand if side in sides else 0, atol=1e-5)
        assert ("class" in aux.metrics) == (side in sides)


def test_logits_are_found_among_what_else_a_discriminator_says():
    output = {"logits": jnp.ones(3), "class": jnp.zeros((3, 2))}
    assert logits_of(output) is output["logits"]
    assert logits_of(output["logits"]) is output["logits"]


def test_a_discriminator_that_says_more_plays_as_one_of_logits():
    settings = {"loss": losses.WASSERSTEIN, "penalties": [penalties.GradientPenalty(10.0)]}
    more, players = made(Linear(3), **settings)
    plain, _ = made(Linear(), **settings)
    w = {"params": {"w": players["discriminator"]["params"]["w"]}}
    for player in ("generator", "discriminator"):
        value, aux = loss_of(more, player, players)
        expected, expected_aux = loss_of(plain, player, {**players, "discriminator": w})
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        assert aux.metrics == expected_aux.metrics
    assert set(more.metrics(players, BATCH, KEYS)) == {"real_logit", "real_sign"}


def test_real_and_fake_are_augmented_on_their_way_to_the_discriminator():
    scale = lambda keys_, x, view: x * (2.0 + view.step)
    game, players = made(loss=losses.WASSERSTEIN, augment=scale)
    plain, _ = made(loss=losses.WASSERSTEIN)
    for step in (0, 3):
        for player in ("discriminator", "generator"):
            value = loss_of(game, player, players, step=step)[0]
            expected = (2 + step) * loss_of(plain, player, players)[0]
            np.testing.assert_allclose(value, expected, rtol=1e-5)
            moved, as_plain = slope(game, player, players, step=step), slope(plain, player, players)
            for a, b in zip(jax.tree.leaves(moved), jax.tree.leaves(as_plain), strict=True):
                np.testing.assert_allclose(a, (2 + step) * b, rtol=1e-4, atol=1e-6)


def test_a_penalty_is_of_the_augmented_critic():
    scale = lambda keys_, x, view: 2 * x
    value = {}
    for name, augment in (("plain", None), ("augmented", scale)):
        game, players = made(penalties=[penalties.R1(1.0)], augment=augment)
        value[name] = float(loss_of(game, "discriminator", players)[1].metrics["penalty"])
    np.testing.assert_allclose(value["augmented"], 4 * value["plain"], rtol=1e-5)


def test_augmentation_draws_by_example_and_otherwise_of_real_than_of_fake():
    drawn = []

    def augment(keys_, x, view):
        drawn.append(prng.uniform(keys_, ()))
        return x

    game, players = made(augment=augment)
    loss_of(game, "discriminator", players)
    loss_of(game, "generator", players)
    of_discriminator, of_generator = drawn[:2], drawn[2:]
    assert len(np.unique(np.stack(of_discriminator))) == 2 * SIZE
    np.testing.assert_array_equal(of_discriminator, of_generator)


def test_several_priors_lie_side_by_side_by_name():
    prior = {"noise": priors.normal(2), "code": priors.one_hot(3)}
    game, players = made(prior=prior)
    inputs = game.inputs(KEYS, {})
    assert {n: v.shape for n, v in inputs.items()} == {"noise": (SIZE, 2), "code": (SIZE, 3)}
    np.testing.assert_array_equal(game.sample(players, inputs), inputs["code"][:, :2] + 1)


def test_one_of_several_priors_draws_as_it_would_alone():
    both = gan(Shift(), Linear(), prior={"a": priors.normal(2), "b": priors.normal(2)})
    one = gan(Shift(), Linear(), prior={"b": priors.normal(2)})
    inputs = both.inputs(KEYS, {})
    np.testing.assert_array_equal(inputs["b"], one.inputs(KEYS, {})["b"])
    assert (inputs["a"] != inputs["b"]).all()


def test_the_discriminator_sees_encoded_data_and_samples_are_decoded():
    game = gan(
        nets.mlp.Generator((4,), (6,), final=nn.softmax),
        Linear(),
        prior=priors.normal(3),
        encode=lambda tokens: jax.nn.one_hot(tokens, 4),
        decode=lambda x: jnp.argmax(x, axis=-1).astype(jnp.int32),
    )
    batch = {"x": jnp.array([3, 1, 0, 2, 2, 1])}
    players = game.init(KEY, batch)
    w = players["discriminator"]["params"]["w"]
    assert w.shape == (4,)
    _, aux = loss_of(game, "discriminator", players, batch)
    np.testing.assert_allclose(aux.metrics["real_logit"], np.mean(w[batch["x"]]), rtol=1e-5)
    found = game.metrics(players, batch, KEYS)
    np.testing.assert_allclose(found["real_logit"], np.mean(w[batch["x"]]), rtol=1e-5)
    sample = game.sample(players, game.inputs(KEYS, batch))
    assert sample.dtype == np.int32
    assert sample.shape == (SIZE,)


def test_a_penalty_of_weight_zero_vanishes():
    several = [penalties.R1(0.0), penalties.R2(0, every=4), penalties.GradientPenalty(0.0)]
    game, players = made(penalties=several)
    assert [turn.name for turn in game.turns] == ["", ""]
    assert "penalty" not in loss_of(game, "discriminator", players)[1].metrics


def test_a_scheduled_weight_is_that_of_the_step():
    game, players = made(penalties=[penalties.R1(lambda step: 0.5 * step)])
    norm = 0.5 * np.sum(np.float64(players["discriminator"]["params"]["w"]) ** 2)
    for step in (0, 4):
        _, aux = loss_of(game, "discriminator", players, step=step)
        np.testing.assert_allclose(aux.metrics["penalty"], 0.5 * step * norm, rtol=1e-5)


def test_a_lazy_penalty_is_a_turn_between_the_players():
    game, players = made(penalties=[penalties.R1(2.0, every=8), penalties.R2(1.0)])
    assert [(t.player, t.name) for t in game.turns] == [
        ("discriminator", ""), ("discriminator", "r1"), ("generator", "")
    ]  # fmt: skip
    norm = 0.5 * np.sum(np.float64(players["discriminator"]["params"]["w"]) ** 2)
    value, _ = loss_of(game, "discriminator", players, name="r1")
    np.testing.assert_allclose(value, 8 * 2 * norm, rtol=1e-5)
    assert game.updates("discriminator", 17) == 17 + 3


def test_an_adaptive_augmentation_remembers_its_strength():
    def augment(keys, x, view):
        return x + 50 + terms.augmentation_probability(view) * 100

    controller = terms.adaptive_augmentation(target=0.6, examples=24)
    game, players = made(terms=[controller], augment=augment)
    plain, _ = made()
    optimizers = dict.fromkeys(players, optax.sgd(0.0))
    state = init_state(game, optimizers, KEY, BATCH)
    w = state.players["discriminator"].params["w"]
    play = jax.jit(partial(train_step, game))
    p = 0.0
    for _ in range(3):
        logits = (BATCH["x"] + 50 + 100 * p) @ w
        state, metrics = play(state, {n: c[None] for n, c in BATCH.items()})
        np.testing.assert_allclose(metrics["discriminator/real_logit"], jnp.mean(logits), rtol=1e-5)
        p = np.clip(p + np.sign(np.mean(np.sign(logits)) - 0.6) * SIZE / 24, 0, 1)
        assert state.players["discriminator"].stats["memory"]["augmentation"] == p
    assert "memory" not in plain.init(KEY, BATCH)["discriminator"]


def test_flipped_labels_are_those_of_a_share_of_pairs():
    """With the Wasserstein loss a flipped pair counts against the others."""
    plain, players = made(loss=losses.WASSERSTEIN)
    real, fake = logits_by_hand(plain, players)
    for share, signs in ((0.0, {1.0}), (0.5, {1.0, -1.0})):
        game, _ = made(loss=losses.label_flipping(losses.WASSERSTEIN, share))
        drawn = prng.uniform(prng.fold_in(KEYS, "flip"), ())
        sign = np.where(np.asarray(drawn) < share, -1.0, 1.0)
        assert set(sign) == signs
        value, _ = loss_of(game, "discriminator", players)
        np.testing.assert_allclose(value, np.mean(sign * (fake - real)), rtol=1e-5)
        np.testing.assert_allclose(loss_of(game, "generator", players)[0], -fake.mean(), rtol=1e-5)


@pytest.mark.parametrize("share", [0.5, lambda step: 1 - 0.25 * step])
def test_the_generator_learns_from_the_most_real_of_its_samples(share):
    game, players = made(loss=losses.WASSERSTEIN, top_share=share)
    _, fake = logits_by_hand(game, players)
    value, _ = loss_of(game, "generator", players, step=2)
    np.testing.assert_allclose(value, -np.sort(fake)[SIZE // 2 :].mean(), rtol=1e-5)


def test_samples_are_observed_as_the_data_were_in_training_alone():
    observe = lambda keys, x: x * (prng.uniform(keys, (1,)) < 0.5)
    game, players = made(loss=losses.WASSERSTEIN, observe=observe)
    plain, _ = made(loss=losses.WASSERSTEIN)
    real, fake = logits_by_hand(plain, players)
    kept = np.asarray(prng.uniform(prng.fold_in(KEYS, "observe"), ())) < 0.5
    assert set(kept) == {True, False}
    np.testing.assert_allclose(
        loss_of(game, "discriminator", players)[0], np.mean(kept * fake - real), rtol=1e-5
    )
    np.testing.assert_allclose(
        loss_of(game, "generator", players)[0], -np.mean(kept * fake), rtol=1e-5
    )
    inputs = game.inputs(KEYS, BATCH)
    np.testing.assert_array_equal(game.sample(players, inputs), plain.sample(players, inputs))


def test_figures_of_packs_are_of_those_that_are_whole():
    packed = nets.several.Packed(Linear(), 2)
    game, players = made(packed, group=2)
    odd = {name: column[:5] for name, column in BATCH.items()}
    even = {name: column[:4] for name, column in BATCH.items()}
    found = game.metrics(players, odd, KEYS[:5])
    assert found == game.metrics(players, even, KEYS[:4])


@pytest.mark.parametrize(
    "some",
    [
        [Term("a"), Term("a")],
        [Term("penalty")],
        [Term("a", memory=0.0)],
        [Term("a", update=lambda *_: 0.0)],
    ],
)
def test_terms_that_would_be_lost_are_refused(some):
    with pytest.raises(ValueError, match=r"a term cannot be called|not both"):
        made(terms=some)


@pytest.mark.parametrize(
    "make",
    [
        lambda: made(top_share=0.0),
        lambda: made(discriminator_repeats=0),
        lambda: losses.label_flipping(losses.HINGE, 1.0),
        lambda: losses.label_smoothing(1.1),
        lambda: losses.energy_margin(0.0),
        lambda: penalties.Dragan(1.0, std=0.0),
    ],
)
def test_numbers_out_of_their_range_are_refused(make):
    with pytest.raises(UserError):
        make()


def test_figures_of_fewer_examples_than_a_group_are_none():
    game, players = made(nets.several.Packed(Linear(), 2), group=2)
    assert game.metrics(players, {n: c[:1] for n, c in BATCH.items()}, KEYS[:1]) == {}


def test_the_relativistic_average_keeps_flipped_labels():
    flipped = losses.label_flipping(losses.HINGE, 0.1)
    assert losses.relativistic_average(flipped).flipped == 0.1


@pytest.mark.parametrize(
    "loss", [losses.RELATIVISTIC_AVERAGE, losses.label_flipping(losses.HINGE, 0.1)]
)
def test_games_of_plain_losses_refuse_others(loss):
    with pytest.raises(UserError, match="this game takes no"):
        bigan(Shift(), Shift(), Linear(), prior=priors.normal(2), loss=loss)
