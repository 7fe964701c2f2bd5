from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import moved, trained
from scipy.special import expit

from gan_jax import nets, prng
from gan_jax.algorithms import gain
from gan_jax.game import View

KEY = jax.random.key(0)
ROWS, COLUMNS = 6, 3
KEYS = prng.per_example(KEY, ROWS)
random = np.random.default_rng(0)
WHOLE = random.random((ROWS, COLUMNS)).astype(np.float32)
KNOWN = random.random((ROWS, COLUMNS)) < 0.6
X = np.where(KNOWN, WHOLE, 0)
BATCH = {"x": X, "observed": KNOWN.astype(np.float32)}
ALPHA, HINT_RATE, HIDE, NOISE, BINARY = 3.0, 0.5, 0.3, 0.2, [1]


def make_game(**settings):
    affine = nets.mlp.Encoder(COLUMNS, ())
    return gain(affine, affine, **settings)


def made(batch=BATCH):
    settings = {"hint_rate": HINT_RATE, "hide": HIDE, "noise": NOISE, "binary": BINARY}
    game = make_game(alpha=ALPHA, **settings)
    return game, View(game.init(KEY, batch), {**batch, **game.inputs(KEYS, batch)}, KEYS)


def draws(purpose, rows=KEYS):
    return np.asarray(prng.uniform(prng.fold_in(rows, purpose), (COLUMNS,)))


def kernel_and_bias(view, player):
    dense = view.players[player]["params"]["MLP_0"]["Dense_0"]
    return np.float64(dense["kernel"]), np.float64(dense["bias"])


class ByHand:
    """Both losses of affine nets and their gradients, in NumPy."""

    def __init__(self, view):
        shown = KNOWN & (draws("hide") >= HIDE)
        judged = draws("hint") >= HINT_RATE
        self.seen = np.concatenate([np.where(shown, X, NOISE * draws("noise")), shown], axis=1)
        kernel, bias = kernel_and_bias(view, "generator")
        output = self.seen @ kernel + bias
        made = expit(output)
        hint = np.where(judged, 0.5, shown)
        self.row = np.concatenate([np.where(shown, X, made), hint], axis=1)
        kernel, bias = kernel_and_bias(view, "discriminator")
        p = expit(self.row @ kernel + bias)

        entropy = -np.where(shown, np.log(p), np.log(1 - p))
        self.discriminator = (judged * entropy).sum() / ROWS
        self.verdict_gradient = judged * (p - shown) / ROWS
        self.adversarial = -((judged & ~shown) * np.log(p)).sum() / ROWS
        binary = np.arange(COLUMNS) == BINARY[0]
        cross = -X * np.log(made) - (1 - X) * np.log(1 - made)
        self.reconstruction = (KNOWN * np.where(binary, cross, (made - X) ** 2)).sum() / ROWS
        self.generator = self.adversarial + ALPHA * self.reconstruction
        slope = made * (1 - made)
        through_verdict = ((judged & ~shown) * (p - 1) @ kernel[:COLUMNS].T) * ~shown * slope
        through_error = KNOWN * np.where(binary, made - X, 2 * (made - X) * slope)
        self.output_gradient = (through_verdict + ALPHA * through_error) / ROWS


def test_losses_are_those_by_hand():
    game, view = made()
    expected = ByHand(view)
    discriminator, generator = game.turns
    assert float(discriminator.loss(view)[0]) == pytest.approx(expected.discriminator, rel=1e-5)
    value, aux = generator.loss(view)
    assert float(value) == pytest.approx(expected.generator, rel=1e-5)
    found = {name: float(metric) for name, metric in aux.metrics.items()}
    parts = {"adversarial": expected.adversarial, "reconstruction": expected.reconstruction}
    assert found == pytest.approx(parts, rel=1e-5)


def test_gradients_are_those_by_hand():
    game, view = made()
    expected = ByHand(view)
    by_player = {
        "discriminator": expected.row.T @ expected.verdict_gradient,
        "generator": expected.seen.T @ expected.output_gradient,
    }
    for turn in game.turns:

        def loss(variables, turn=turn):
            return turn.loss(view._replace(players={**view.players, turn.player: variables}))[0]

        found = jax.grad(loss)(view.players[turn.player])["params"]["MLP_0"]["Dense_0"]["kernel"]
        np.testing.assert_allclose(
            found, by_player[turn.player], rtol=1e-4, atol=1e-6, err_msg=turn.player
        )


def test_what_is_known_comes_back_bit_for_bit_and_gaps_are_what_the_generator_makes():
    game, view = made()
    sample = np.asarray(game.sample(view.players, game.inputs(KEYS, BATCH)))
    np.testing.assert_array_equal(sample[KNOWN], X[KNOWN])
    seen = np.concatenate([np.where(KNOWN, X, NOISE * draws("noise")), KNOWN], axis=1)
    kernel, bias = kernel_and_bias(view, "generator")
    np.testing.assert_allclose(sample[~KNOWN], expit(seen @ kernel + bias)[~KNOWN], rtol=1e-5)
    assert game.conditions == ("x", "observed")


@pytest.mark.parametrize("filler", [7.0, np.nan])
def test_what_stands_in_a_gap_is_not_read(filler):
    game, view = made()
    _, other = made({**BATCH, "x": np.where(KNOWN, X, np.float32(filler))})
    np.testing.assert_array_equal(
        game.sample(view.players, other.batch), game.sample(view.players, view.batch)
    )
    for turn in game.turns:
        assert turn.loss(other)[0] == turn.loss(view)[0]


def test_training_does_not_read_the_truth():
    game, view = made()
    told = view._replace(batch={**view.batch, "whole": np.full_like(X, np.nan)})
    for turn in game.turns:
        assert turn.loss(told)[0] == turn.loss(view)[0]


class Listening(nn.Module):
    """An affine net that notes what it is shown."""

    note: Callable

    @nn.compact
    def __call__(self, x, label=None, train=False):
        self.note(np.asarray(x))
        return nn.Dense(COLUMNS)(x)


def heard(**settings):
    """What both nets see of many half-known rows, and the mask."""
    count = 4_000
    known = np.random.default_rng(1).random((count, COLUMNS)) < 0.5
    batch = {"x": np.full((count, COLUMNS), 0.75, np.float32), "observed": known}
    seen, judged = [], []
    game = gain(Listening(seen.append), Listening(judged.append), **settings)
    keys = prng.per_example(KEY, count)
    players = game.init(KEY, batch)
    for turn in game.turns:
        turn.loss(View(players, {**batch, **game.inputs(keys, batch)}, keys))
    for turns in (seen[-2:], judged[-2:]):
        np.testing.assert_array_equal(*turns)  # both players play the same game
    return np.split(seen[-1], 2, axis=1), np.split(judged[-1], 2, axis=1), known


@pytest.mark.parametrize("rate", [0.0, 0.9])
def test_the_hint_tells_a_share_of_the_mask_and_of_the_others_nothing(rate):
    _, (_, hint), known = heard(hint_rate=rate)
    told = hint != 0.5
    np.testing.assert_array_equal(hint[told], known[told])
    error = np.sqrt(rate * (1 - rate) / known.sum())
    assert told[known].mean() == pytest.approx(rate, abs=4 * error)
    assert told[~known].mean() == pytest.approx(rate, abs=4 * error)


@pytest.mark.parametrize("hide", [0.0, 0.3])
def test_a_share_of_what_is_known_is_hidden_from_both_players(hide):
    (values, mask), (row, hint), known = heard(hide=hide, hint_rate=1.0, noise=0.5)
    shown = mask == 1
    np.testing.assert_array_equal(hint, mask)
    assert not np.any(shown & ~known)
    error = np.sqrt(hide * (1 - hide) / known.sum())
    assert (~shown)[known].mean() == pytest.approx(hide, abs=4 * error)
    for seen in (values, row):
        np.testing.assert_array_equal(seen == 0.75, shown)
    assert 0 <= values[~shown].min() < 0.01
    assert 0.49 < values[~shown].max() < 0.5
    assert values[~shown].mean() == pytest.approx(0.25, abs=0.01)


def test_each_player_moves_in_its_own_turn_alone():
    batch = {"x": X, "observed": BATCH["observed"]}
    assert moved(made()[0], batch) == {n: {n} for n in ("discriminator", "generator")}


def test_statistics_are_updated_in_the_own_turn_alone():
    net = nets.mlp.Encoder(COLUMNS, (4,), batch_norm=True)
    game = gain(net, net)
    view = View(game.init(KEY, BATCH), {**BATCH, **game.inputs(KEYS, BATCH)}, KEYS)
    for turn in game.turns:
        stats = turn.loss(view)[1].stats["batch_stats"]
        old = view.players[turn.player]["batch_stats"]
        changed = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), stats, old)
        assert all(jax.tree.leaves(changed)), turn.player


def test_the_error_is_that_of_missing_entries_whose_truth_is_known():
    game, view = made()
    sample = np.float64(game.sample(view.players, game.inputs(KEYS, BATCH)))
    found = game.metrics(view.players, {**BATCH, "whole": WHOLE}, KEYS)
    expected = np.sqrt(((sample - WHOLE)[~KNOWN] ** 2).mean())
    assert {n: float(v) for n, v in found.items()} == pytest.approx({"rmse": expected}, rel=1e-5)
    assert game.metrics(view.players, BATCH, KEYS) == {}


def test_training_fills_gaps_by_what_is_known_of_a_row():
    """Three columns that tell each other."""
    rng = np.random.default_rng(1)
    u = rng.random(64).astype(np.float32)
    whole = np.stack([u, u, 1 - u], axis=1)
    known = rng.random(whole.shape) < 0.8
    data = {"x": whole * known, "observed": known.astype(np.float32), "whole": whole}
    net = nets.mlp.Encoder(3, (32,))
    game = gain(net, net, alpha=100.0, hide=0.2)
    _, last = trained(game, data, steps=300, rate=1e-2)
    found = game.metrics(last.variables(), data, prng.per_example(KEY, len(u)))["rmse"]
    means = np.mean(whole, axis=0, where=known)
    assert found < 0.5 * np.sqrt(((whole - means)[~known] ** 2).mean())
