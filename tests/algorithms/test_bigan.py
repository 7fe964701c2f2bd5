from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from playing import moved, trained

from gan_jax import losses, nets, priors, prng
from gan_jax.algorithms import bigan
from gan_jax.game import View
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 5)
BATCH = {"x": jax.random.normal(KEY, (5, 3))}
LATENT = 2
both_encoders = pytest.mark.parametrize("stochastic", [False, True])


def make_game(*, stochastic=False, hidden=(), **settings):
    """Affine nets, unless they have hidden layers."""
    return bigan(
        nets.mlp.Encoder(2 * LATENT if stochastic else LATENT, hidden),
        nets.mlp.Generator((3,), hidden, final=None),
        nets.mlp.PairDiscriminator(hidden),
        prior=priors.uniform(LATENT),
        stochastic=stochastic,
        **settings,
    )


def view_of(game):
    return View(game.init(KEY, BATCH), BATCH | game.inputs(KEYS, BATCH), KEYS)


def affine(variables, x):
    """By a net of a single dense layer, in float64."""
    layers = variables["params"]
    while "kernel" not in layers:
        (layers,) = layers.values()
    layers = jax.tree.map(np.float64, layers)
    return np.float64(x) @ layers["kernel"] + layers["bias"]


def logits_by_hand(view, stochastic):
    """D(x, E(x)) and D(G(z), z)."""
    code = affine(view.players["encoder"], BATCH["x"])
    if stochastic:
        mean, log_variance = np.split(code, 2, axis=1)
        noise = np.float64(prng.normal(prng.fold_in(KEYS, "posterior"), (LATENT,)))
        code = mean + np.exp(log_variance / 2) * noise
    latent = np.float64(view.batch["latent"])
    pairs = (BATCH["x"], code), (affine(view.players["generator"], latent), latent)
    critic = view.players["discriminator"]
    return [affine(critic, np.concatenate(pair, axis=1))[:, 0] for pair in pairs]


SIDES = {
    "NON_SATURATING": lambda real, fake: np.logaddexp(0, -real) + np.logaddexp(0, fake),
    "HINGE": lambda real, fake: np.maximum(0, 1 - real) + np.maximum(0, 1 + fake),
}


@both_encoders
@pytest.mark.parametrize("name", SIDES)
def test_losses_are_one_side_and_its_reverse_by_hand(name, stochastic):
    game = make_game(stochastic=stochastic, loss=getattr(losses, name))
    view = view_of(game)
    real, fake = logits_by_hand(view, stochastic)
    expected = {
        "discriminator": SIDES[name](real, fake).mean(),
        "encoder": SIDES[name](fake, real).mean(),
        "generator": SIDES[name](fake, real).mean(),
    }
    assert [turn.player for turn in game.turns] == list(expected)
    for turn in game.turns:
        value, aux = turn.loss(view)
        assert float(value) == pytest.approx(expected[turn.player], rel=1e-5), turn.player
        if turn.player == "discriminator":
            found = {n: float(v) for n, v in aux.metrics.items()}
            logits = {"real_logit": real.mean(), "fake_logit": fake.mean()}
            assert found == pytest.approx(logits, rel=1e-4, abs=1e-6)


@both_encoders
def test_each_player_moves_in_its_own_turn_alone(stochastic):
    names = ("discriminator", "encoder", "generator")
    assert moved(make_game(stochastic=stochastic), BATCH) == {name: {name} for name in names}


def test_statistics_are_updated_in_the_own_turn_alone():
    game = bigan(
        nets.mlp.Encoder(LATENT, (4,), batch_norm=True),
        nets.mlp.Generator((3,), (4,), batch_norm=True),
        nets.mlp.PairDiscriminator((4,)),
        prior=priors.uniform(LATENT),
    )
    view = view_of(game)
    for turn in game.turns:
        stats = turn.loss(view)[1].stats
        old = {c: v for c, v in view.players[turn.player].items() if c != "params"}
        assert bool(old) == (turn.player != "discriminator")
        assert jax.tree.structure(dict(stats)) == jax.tree.structure(old), turn.player
        changed = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), dict(stats), old)
        assert all(jax.tree.leaves(changed)), turn.player


def test_encoder_and_generator_in_turn_are_both_at_once(assert_trees_match):
    game = make_game(hidden=(6,))
    together = game._replace(turns=game.turns[1:])
    optimizers = dict.fromkeys(("encoder", "generator"), optax.sgd(0.1))
    state = init_state(together, optimizers, KEY, BATCH)
    one, other = (
        jax.jit(partial(train_step, together, simultaneous=at_once))(
            state, {"x": BATCH["x"][None]}
        )[0].variables(ema=False)
        for at_once in (False, True)
    )
    assert_trees_match(one, other, rtol=1e-6)


@both_encoders
def test_a_code_is_the_encoders_mean(stochastic):
    game = make_game(stochastic=stochastic)
    players = game.init(KEY, BATCH)
    code = game.encode(players, BATCH["x"])
    expected = affine(players["encoder"], BATCH["x"])[:, :LATENT]
    np.testing.assert_allclose(code, expected, rtol=1e-5, atol=1e-6)


@both_encoders
def test_ways_there_and_back_are_shown_and_measured(stochastic):
    game = make_game(stochastic=stochastic)
    view = view_of(game)
    encode = lambda x: affine(view.players["encoder"], x)[:, :LATENT]
    generate = partial(affine, view.players["generator"])
    shown = game.show(view.players, BATCH, KEYS)
    assert list(shown) == ["input", "reconstruction", "sample"]
    expected = {"reconstruction": generate(encode(BATCH["x"]))}
    expected["sample"] = generate(view.batch["latent"])
    for name, x in expected.items():
        np.testing.assert_allclose(shown[name], x, rtol=1e-4, atol=1e-5, err_msg=name)
    found = game.metrics(view.players, BATCH, KEYS)
    errors = {
        "l1": np.abs(expected["reconstruction"] - BATCH["x"]).mean(),
        "latent_l1": np.abs(encode(expected["sample"]) - view.batch["latent"]).mean(),
    }
    assert {n: float(v) for n, v in found.items()} == pytest.approx(errors, rel=1e-4)


@both_encoders
def test_training_makes_an_encoder_that_inverts_the_generator(stochastic):
    """Data that are a linear image of the prior, so that there is an inverse."""
    game = make_game(stochastic=stochastic, hidden=(64,))
    latent = priors.uniform(LATENT).sample(prng.per_example(jax.random.key(1), 128))
    data = {"x": latent @ jnp.array([[2.0, 1.0, -1.0], [-0.6, 2.0, 1.6]])}
    first, last = trained(game, data, steps=1_000, rate=1e-2)
    keys = prng.per_example(KEY, 128)
    before, after = (game.metrics(s.variables(), data, keys) for s in (first, last))
    for name in ("l1", "latent_l1"):
        assert after[name] < 0.4 * before[name], name
