from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import algorithms, keys, nets
from gan_jax.game import Aux, Game, GameState, Turn, apply, init_state, join, part, train_step

KEY = jax.random.key(5)
SGD = optax.sgd(1.0)
X = jnp.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])  # [repeats, B]


def collect(name):
    """A loss whose negative gradient is the mean of the batch and of the noise it is shown."""

    def loss(players, batch, keys_):
        w = players[name]["params"]
        noise = jnp.mean(keys.uniform(keys_, ()))
        total = -w["data"] * jnp.mean(batch["x"]) - w["noise"] * noise
        return total, Aux({"mean": jnp.mean(batch["x"])})

    return loss


def collectors(*, first=1, second=1):
    zeros = lambda: {"params": {"data": jnp.zeros(()), "noise": jnp.zeros(())}}
    return Game(
        init=lambda key, batch: {"discriminator": zeros(), "generator": zeros()},
        turns=(
            Turn("discriminator", collect("discriminator"), first),
            Turn("generator", collect("generator"), second),
        ),
        prior=lambda keys, batch: {},
        sample=lambda players, inputs: None,
    )


def start(game, batch=None):
    batch = {"x": X[0]} if batch is None else batch
    return init_state(game, dict.fromkeys(game.init(KEY, batch), SGD), KEY, batch)


def noise_of(state, repeat):
    key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), repeat)
    return float(jnp.mean(keys.uniform(keys.per_example(key, 2), ())))


@pytest.mark.parametrize(("first", "second"), [(1, 1), (3, 1), (2, 3)])
def test_each_repeat_sees_its_own_batch_and_noise_and_both_players_see_the_same(first, second):
    game = collectors(first=first, second=second)
    state = start(game)
    after, metrics = train_step(state, {"x": X[: game.repeats]}, turns=game.turns)
    noise = [noise_of(state, repeat) for repeat in range(3)]
    assert len(set(noise)) == 3
    for player, repeats in (("discriminator", first), ("generator", second)):
        params = after.players[player].params
        np.testing.assert_allclose(params["data"], np.sum(X[:repeats]) / 2, rtol=1e-6)
        np.testing.assert_allclose(params["noise"], np.sum(noise[:repeats]), rtol=1e-6)
        np.testing.assert_allclose(metrics[f"{player}/mean"], np.mean(X[:repeats]), rtol=1e-6)
        assert after.players[player].step == repeats


def test_steps_differ_in_their_noise_and_count_up():
    game = collectors()
    state, seen = start(game), []
    for step in range(3):
        assert state.step == step
        before = state.players["generator"].params["noise"]
        state, _ = train_step(state, {"x": X[:1]}, turns=game.turns)
        seen.append(float(state.players["generator"].params["noise"] - before))
    assert len(set(seen)) == 3


@pytest.mark.parametrize("mover", ["discriminator", "generator"])
def test_a_turn_leaves_the_other_player_as_it_was(mover, assert_trees_match):
    game = tiny_gan()
    state = start(game, batch=BATCH)
    (turn,) = (turn for turn in game.turns if turn.player == mover)
    after, metrics = train_step(state, jax.tree.map(lambda x: x[None], BATCH), turns=(turn,))
    (other,) = state.players.keys() - {mover}
    assert_trees_match(after.players[other], state.players[other], rtol=0)
    moved = optax.tree.norm(
        optax.tree.sub(after.players[mover].params, state.players[mover].params)
    )
    np.testing.assert_allclose(moved, metrics[f"{mover}/gradient_norm"], rtol=1e-5)
    assert moved > 0


def test_simultaneous_turns_descend_from_the_state_before_the_step(assert_trees_match):
    game = tiny_gan()
    state, batch = start(game, batch=BATCH), jax.tree.map(lambda x: x[None], BATCH)
    forward, _ = train_step(state, batch, turns=game.turns, simultaneous=True)
    backward, _ = train_step(state, batch, turns=game.turns[::-1], simultaneous=True)
    assert_trees_match(forward.players, backward.players, rtol=1e-6)
    alternating, _ = train_step(state, batch, turns=game.turns)
    with pytest.raises(AssertionError):
        assert_trees_match(alternating.players, forward.players, rtol=1e-6)


def test_simultaneous_updates_refuse_repeats():
    game = collectors(first=2)
    with pytest.raises(ValueError, match="repeats"):
        train_step(start(game), {"x": X[:2]}, turns=game.turns, simultaneous=True)


def test_average_of_parameters_follows_its_formula_from_the_warm_up_on():
    game, decay = collectors(), 0.4
    state = start(game)
    assert state.players["discriminator"].ema is None
    expected = 0.0
    for update in range(1, 12):
        state, _ = train_step(state, {"x": X[:1]}, turns=game.turns, ema_decay=decay)
        keep = min(decay, (1 + update) / (10 + update))
        generator = state.players["generator"]
        expected = keep * expected + (1 - keep) * float(generator.params["data"])
        np.testing.assert_allclose(generator.ema["data"], expected, rtol=1e-5)
    assert (1 + 1) / (10 + 1) < decay < (1 + 11) / (10 + 11)


def test_the_average_starts_as_a_copy_and_no_alias():
    game = collectors()
    generator = start(game).players["generator"]
    for average, param in zip(
        jax.tree.leaves(generator.ema), jax.tree.leaves(generator.params), strict=True
    ):
        assert average == param
        assert average.unsafe_buffer_pointer() != param.unsafe_buffer_pointer()


def test_averaged_variables_are_chosen_by_name():
    state = start(collectors())
    state, _ = train_step(state, {"x": X[:1]}, turns=collectors().turns, ema_decay=0.9)
    generator = state.players["generator"]
    assert state.variables()["generator"] == {"params": generator.ema}
    assert state.variables(ema=False)["generator"] == {"params": generator.params}
    discriminator = state.players["discriminator"]
    assert state.variables()["discriminator"] == {"params": discriminator.params}


BATCH = {"x": jax.random.normal(jax.random.key(1), (8, 2))}


def tiny_gan():
    return algorithms.gan(
        nets.mlp.Generator((2,), (6,)), nets.mlp.Discriminator((6,)), latent_dim=3
    )


@pytest.mark.parametrize("accumulate", [2, 8])
def test_accumulated_micro_batches_give_the_update_of_the_whole(accumulate, assert_trees_match):
    game = tiny_gan()
    state, batch = start(game, batch=BATCH), jax.tree.map(lambda x: x[None], BATCH)
    step = partial(train_step, state, batch, turns=game.turns)
    (whole, metrics), (summed, metrics_summed) = step(), step(accumulate=accumulate)
    assert_trees_match(summed.players, whole.players, rtol=1e-5)
    assert_trees_match(metrics_summed, metrics, rtol=1e-5)


def test_accumulation_hands_the_statistics_from_micro_batch_to_micro_batch():
    game = counting()
    state = start(game)
    after, _ = train_step(state, {"x": jnp.arange(4.0)[None]}, turns=game.turns, accumulate=2)
    np.testing.assert_array_equal(after.players["generator"].stats["seen"]["last"], [2, 3])
    assert after.players["generator"].stats["seen"]["count"] == 2


def counting(repeats=1):
    """One player that counts its batches and remembers the last."""

    def loss(players, batch, keys):
        seen = players["generator"]["seen"]
        total = players["generator"]["params"]["w"] * jnp.mean(batch["x"])
        return total, Aux({}, {"seen": {"count": seen["count"] + 1, "last": batch["x"]}})

    return Game(
        init=lambda key, batch: {
            "generator": {
                "params": {"w": jnp.zeros(())},
                "seen": {"count": jnp.zeros((), jnp.int32), "last": jnp.zeros(2)},
            }
        },
        turns=(Turn("generator", loss, repeats),),
        prior=lambda keys, batch: {},
        sample=lambda players, inputs: None,
    )


def test_a_player_keeps_statistics_of_its_own_across_repeats_and_steps():
    game = counting(repeats=3)
    state = start(game)
    for _ in range(2):
        state, _ = train_step(state, {"x": X}, turns=game.turns)
    np.testing.assert_array_equal(state.players["generator"].stats["seen"]["last"], X[2])
    assert state.players["generator"].stats["seen"]["count"] == 6
    assert set(state.players["generator"].variables) == {"params", "seen"}


@pytest.mark.parametrize("names", [["generator"], ["generator", "critic"]])
def test_init_state_refuses_optimizers_that_are_not_the_players(names):
    with pytest.raises(ValueError, match=r"players \['discriminator', 'generator'\]"):
        init_state(collectors(), dict.fromkeys(names, SGD), KEY, {"x": X[0]})


def test_a_jitted_step_is_that_of_plain_python_and_gives_its_state_up(assert_trees_match):
    game = tiny_gan()
    state, batch = start(game, batch=BATCH), jax.tree.map(lambda x: x[None], BATCH)
    expected, _ = train_step(state, batch, turns=game.turns)
    donated = jax.tree.map(jnp.copy, state)
    step = jax.jit(partial(train_step, turns=game.turns), donate_argnums=0)
    actual, _ = step(donated, batch)
    assert isinstance(actual, GameState)
    assert_trees_match(actual.players, expected.players, rtol=1e-5)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(donated.players))


def test_joined_variables_come_apart_again():
    nets_ = {
        "one": {"params": {"w": 1}, "batch_stats": {"mean": 2}},
        "two": {"params": {"w": 3}},
    }
    joined = join(**nets_)
    assert joined == {
        "batch_stats": {"one": {"mean": 2}},
        "params": {"one": {"w": 1}, "two": {"w": 3}},
    }
    assert {name: part(joined, name) for name in nets_} == nets_


@pytest.mark.parametrize("train", [False, True])
def test_apply_returns_new_statistics_in_training_alone(train):
    net = nets.dcgan.Generator(8, 1, width=2)
    latent = jax.random.normal(KEY, (4, 3))
    variables = net.init(KEY, latent, train=True)
    _, stats = apply(net, variables, latent, None, train=train)
    before = variables["batch_stats"]["BatchNorm_0"]["mean"]
    assert stats.keys() == {"batch_stats"}
    changed = bool(jnp.any(stats["batch_stats"]["BatchNorm_0"]["mean"] != before))
    assert changed == train
