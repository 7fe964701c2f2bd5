from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, nets, penalties, priors, prng
from gan_jax.algorithms import gan
from gan_jax.game import View, apply
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 4)
IMAGES = {"x": jax.random.normal(KEY, (4, 8, 8, 1)), "label": jnp.array([0, 1, 2, 1])}
POINTS = {"x": jax.random.normal(KEY, (4, 2)), "label": IMAGES["label"]}


def points_gan(**settings):
    classes = 3 if settings.get("conditional") else None
    return gan(
        nets.mlp.Generator((2,), (6,), num_classes=classes),
        nets.mlp.Discriminator((6,), num_classes=classes),
        prior=priors.normal(3),
        **settings,
    )


def images_gan(*, resolution=8, batch_norm=True, **settings):
    return gan(
        nets.dcgan.Generator(resolution, 1, width=2),
        nets.dcgan.Discriminator(width=2, batch_norm=batch_norm),
        prior=priors.normal(3),
        **settings,
    )


def loss_of(game, player, players, batch):
    (turn,) = (turn for turn in game.turns if turn.player == player)
    return turn.loss(View(players, {**batch, **game.inputs(KEYS, batch)}, KEYS))


def gradient(game, player, batch, players):
    def loss(params):
        mine = {**players[player], "params": params}
        return loss_of(game, player, {**players, player: mine}, batch)[0]

    return jax.grad(loss)(players[player]["params"])


ADVERSARIAL = {
    name: getattr(losses, name)
    for name in (
        "MINIMAX", "NON_SATURATING", "LEAST_SQUARES", "HINGE", "WASSERSTEIN", "RELATIVISTIC"
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_both_players_descend_the_mean_of_their_side_of_the_loss(name):
    game = points_gan(loss=ADVERSARIAL[name])
    players = game.init(KEY, POINTS)
    latent = game.inputs(KEYS, POINTS)["latent"]
    fake, _ = apply(nets.mlp.Generator((2,), (6,)), players["generator"], latent, train=True)
    judge = partial(apply, nets.mlp.Discriminator((6,)), players["discriminator"], train=True)
    real_logits, fake_logits = judge(POINTS["x"])[0], judge(fake)[0]
    expected = {
        "discriminator": ADVERSARIAL[name].discriminator(real_logits, fake_logits),
        "generator": ADVERSARIAL[name].generator(fake_logits, real_logits),
    }
    for player, values in expected.items():
        actual, _ = loss_of(game, player, players, POINTS)
        np.testing.assert_allclose(actual, jnp.mean(values), rtol=1e-5, err_msg=player)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_every_layer_of_either_player_gets_a_gradient(player, conditional):
    game = points_gan(conditional=conditional)
    grads = gradient(game, player, POINTS, game.init(KEY, POINTS))
    assert min(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(grads)) > 0


def test_labels_reach_both_nets_of_a_conditional_gan():
    game = points_gan(conditional=True)
    players, other = game.init(KEY, POINTS), POINTS | {"label": 2 - POINTS["label"]}
    for player in players:
        values = [float(loss_of(game, player, players, batch)[0]) for batch in (POINTS, other)]
        assert values[0] != values[1], player
    samples = [game.sample(players, game.inputs(KEYS, batch)) for batch in (POINTS, other)]
    changed = np.any(np.asarray(samples[0] != samples[1]), axis=1)
    np.testing.assert_array_equal(changed, POINTS["label"] != 1)
    assert game.conditions == ("label",)
    assert game.inputs(KEYS, {"label": other["label"]})["latent"].shape == (4, 3)


def test_an_unconditional_gan_samples_from_latents_alone():
    game = points_gan()
    assert game.conditions == ()
    inputs = game.inputs(KEYS, {})
    assert inputs.keys() == {"latent"}
    assert game.sample(game.init(KEY, POINTS), inputs).shape == (4, 2)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_statistics_are_updated_in_the_own_turn_alone(player):
    game = images_gan(resolution=16)
    batch = {"x": jax.random.normal(KEY, (4, 16, 16, 1))}
    state = init_state(game, dict.fromkeys(game.init(KEY, batch), optax.sgd(0.1)), KEY, batch)
    turns = tuple(turn for turn in game.turns if turn.player == player)
    after, _ = jax.jit(partial(train_step, game._replace(turns=turns)))(
        state, {"x": batch["x"][None]}
    )
    for name in state.players:
        old, new = (jax.tree.leaves(s.players[name].stats) for s in (state, after))
        moved = [bool(jnp.any(a != b)) for a, b in zip(old, new, strict=True)]
        assert set(moved) == {name == player}, name


@pytest.mark.parametrize("batch_norm", [False, True])
def test_sampling_uses_running_statistics(batch_norm):
    game = images_gan(batch_norm=batch_norm)
    players, inputs = game.init(KEY, IMAGES), game.inputs(KEYS, IMAGES)
    together = game.sample(players, inputs)
    alone = game.sample(players, {"latent": inputs["latent"][:1]})
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


class Linear(nn.Module):
    """A critic of logit w·x."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x @ self.param("w", nn.initializers.normal(1.0), (x.shape[-1],))


def test_wgan_gp_of_a_linear_critic_is_that_by_hand():
    game = gan(
        nets.mlp.Generator((2,), (6,)),
        Linear(),
        prior=priors.normal(3),
        loss=losses.WASSERSTEIN,
        penalties=[penalties.GradientPenalty(10.0)],
    )
    players = game.init(KEY, POINTS)
    w = np.float64(players["discriminator"]["params"]["w"])
    fake = np.float64(game.sample(players, game.inputs(KEYS, POINTS)))
    by_hand = 10 * (np.linalg.norm(w) - 1) ** 2
    value, aux = loss_of(game, "discriminator", players, POINTS)
    np.testing.assert_allclose(aux.metrics["penalty"], by_hand, rtol=1e-5)
    distance = np.mean(fake @ w) - np.mean(np.float64(POINTS["x"]) @ w)
    np.testing.assert_allclose(value, distance + by_hand, rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["fake_logit"], np.mean(fake @ w), rtol=1e-5)


@pytest.mark.parametrize("conditional", [False, True])
def test_the_discriminator_reports_what_it_thinks_of_real_and_fake(conditional):
    game = points_gan(conditional=conditional)
    players = game.init(KEY, POINTS)
    label = POINTS["label"] if conditional else None
    judge = nets.mlp.Discriminator((6,), num_classes=3 if conditional else None)
    both = POINTS["x"], game.sample(players, game.inputs(KEYS, POINTS))
    real, fake = (
        np.float64(judge.apply(players["discriminator"], x, label, train=True)) for x in both
    )
    _, aux = loss_of(game, "discriminator", players, POINTS)
    expected = {
        "real_logit": real.mean(),
        "real_sign": (np.sum(real > 0) - np.sum(real < 0)) / 4,
        "fake_logit": fake.mean(),
        "fake_sign": (np.sum(fake > 0) - np.sum(fake < 0)) / 4,
        "logit_distance": np.abs(real - fake).mean(),
    }
    assert {n: float(v) for n, v in aux.metrics.items()} == pytest.approx(expected, rel=1e-5)
    found = game.metrics(players, POINTS, KEYS)
    assert {n: float(v) for n, v in found.items()} == pytest.approx(
        {n: expected[n] for n in ("real_logit", "real_sign")}, rel=1e-5
    )


def test_penalties_add_up_and_see_the_label():
    both = [penalties.R1(2.0), penalties.R2(lambda step: 3.0 + step)]
    games = [points_gan(conditional=True, penalties=p) for p in ([], both[:1], both[1:], both)]
    players = games[0].init(KEY, POINTS)
    plain, r1, r2, sum_ = (
        float(loss_of(game, "discriminator", players, POINTS)[0]) for game in games
    )
    assert r1 > plain
    assert r2 > plain
    assert sum_ - plain == pytest.approx(r1 - plain + r2 - plain, rel=1e-4)


class Apart(nn.Module):
    """A net with a collection of batch statistics, so that real and fake are passed apart."""

    net: nn.Module

    def setup(self):
        self.passes = self.variable("batch_stats", "passes", jnp.zeros, ())
        nn.share_scope(self, self.net)

    def __call__(self, x, label=None, train=False):
        return self.net(x, label, train=train)


def test_one_pass_over_real_and_fake_is_that_of_two(assert_trees_match):
    net = nets.dcgan.Discriminator(2, batch_norm=False, num_classes=3)
    generator = nets.dcgan.Generator(8, 1, width=2, num_classes=3)
    results = []
    for discriminator in (net, Apart(net)):
        game = gan(generator, discriminator, prior=priors.normal(3), conditional=True)
        players = game.init(KEY, IMAGES)
        value, aux = loss_of(game, "discriminator", players, IMAGES)
        grads = gradient(game, "discriminator", IMAGES, players)
        results.append((value, aux.metrics, grads))
    assert_trees_match(*results, rtol=1e-4)


def test_repeats_are_the_discriminators():
    game = points_gan(discriminator_repeats=5)
    assert [(turn.player, turn.repeats) for turn in game.turns] == [
        ("discriminator", 5),
        ("generator", 1),
    ]
