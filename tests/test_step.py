from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import algorithms, nets, priors, prng
from gan_jax.game import Aux, Game, Turn
from gan_jax.step import GameState, init_state, train_step
from gan_jax.types import UserError

KEY = jax.random.key(5)
SGD = optax.sgd(1.0)
X = jnp.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])  # [repeats, B]


def collect(name):
    """A loss whose negative gradient is the mean of the batch and of the noise it is shown."""

    def loss(view):
        w = view.players[name]["params"]
        noise = jnp.mean(prng.uniform(view.keys, ()))
        total = -w["data"] * jnp.mean(view.batch["x"]) - w["noise"] * noise
        return total, Aux({"mean": jnp.mean(view.batch["x"])})

    return loss


def game_of(players, *turns, **settings):
    """A game of given variables."""
    copies = lambda key, batch: jax.tree.map(jnp.asarray, players)
    settings = {"inputs": lambda keys, batch: {}, "sample": lambda players, inputs: None} | settings
    return Game(init=copies, turns=turns, **settings)


def collectors(*, first=1, second=1, **settings):
    zeros = {"params": {"data": 0.0, "noise": 0.0}}
    return game_of(
        {"discriminator": zeros, "generator": zeros},
        Turn("discriminator", collect("discriminator"), repeats=first),
        Turn("generator", collect("generator"), repeats=second),
        **settings,
    )


def play(game, state, batch, **settings):
    """A compiled step."""
    return jax.jit(partial(train_step, game, **settings))(state, batch)


def start(game, batch=None, optimizer=SGD):
    batch = {"x": X[0]} if batch is None else batch
    return init_state(game, {turn.player: optimizer for turn in game.turns}, KEY, batch)


def noise_of(state, repeat):
    key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), repeat)
    return float(jnp.mean(prng.uniform(prng.per_example(key, 2), ())))


@pytest.mark.parametrize(("first", "second"), [(1, 1), (3, 1), (2, 3)])
def test_each_repeat_sees_its_own_batch_and_noise_and_both_players_see_the_same(first, second):
    game = collectors(first=first, second=second)
    state = start(game)
    after, metrics = train_step(game, state, {"x": X[: game.repeats]})
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
        state, _ = train_step(game, state, {"x": X[:1]})
        seen.append(float(state.players["generator"].params["noise"] - before))
    assert len(set(seen)) == 3


@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize("mover", ["discriminator", "generator"])
def test_a_turn_leaves_the_other_player_as_it_was(mover, assert_trees_match):
    game = tiny_gan()
    state = start(game, batch=BATCH)
    (turn,) = (turn for turn in game.turns if turn.player == mover)
    after, metrics = play(game._replace(turns=(turn,)), state, STEP)
    (other,) = state.players.keys() - {mover}
    assert_trees_match(after.players[other], state.players[other], rtol=0)
    moved = optax.tree.norm(
        optax.tree.sub(after.players[mover].params, state.players[mover].params)
    )
    np.testing.assert_allclose(moved, metrics[f"{mover}/gradient_norm"], rtol=1e-5)
    assert moved > 0


def test_simultaneous_turns_descend_from_the_state_before_the_step(assert_trees_match):
    game = tiny_gan()
    state = start(game, batch=BATCH)
    forward, _ = play(game, state, STEP, simultaneous=True)
    reverse = game._replace(turns=game.turns[::-1])
    backward, _ = play(reverse, state, STEP, simultaneous=True)
    assert_trees_match(forward.players, backward.players, rtol=1e-6)
    alternating, _ = play(game, state, STEP)
    with pytest.raises(AssertionError):
        assert_trees_match(alternating.players, forward.players, rtol=1e-6)


def parabola(curvature, *, counted=False):
    """Descends ½ c w²; also counts its turns, in floats as batch statistics are."""

    def loss(view):
        w = view.players["one"]["params"]["w"]
        stats = {"batch_stats": {"turns": view.players["one"]["batch_stats"]["turns"] + 1}}
        return 0.5 * curvature * w**2, Aux({}, stats if counted else None)

    return loss


@pytest.mark.parametrize(
    ("simultaneous", "expected"),
    [(False, (1 - 0.2) * (1 - 0.3) * 10), (True, (1 - 0.2 - 0.3) * 10)],
)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_turns_of_one_player_both_move_it(simultaneous, expected, accumulate):
    game = game_of(
        {"one": {"params": {"w": 10.0}, "batch_stats": {"turns": 0.0}}},
        Turn("one", parabola(0.2, counted=True)),
        Turn("one", parabola(0.3), name="second"),
        sampler="one",
    )
    settings = {"simultaneous": simultaneous, "accumulate": accumulate}
    state, metrics = train_step(game, start(game), {"x": X[:1]}, **settings)
    np.testing.assert_allclose(state.players["one"].params["w"], expected, rtol=1e-6)
    # A turn that reports no statistics leaves those that the turn before it made.
    assert state.players["one"].stats["batch_stats"]["turns"] == accumulate
    assert state.players["one"].step == 2
    assert metrics.keys() == {
        f"one/{turn}{name}" for turn in ("", "second/") for name in ("loss", "gradient_norm")
    }


@pytest.mark.parametrize("name", ["", "again"])
def test_two_turns_of_one_name_are_refused(name):
    turn = Turn("generator", collect("generator"), name=name)
    game = collectors()
    doubled = game._replace(turns=(game.turns[0], turn, turn))
    with pytest.raises(ValueError, match="two turns of 'generator' have one name"):
        train_step(doubled, start(doubled), {"x": X[:1]})


@pytest.mark.parametrize("name", ["loss", "gradient_norm", "taken"])
def test_metrics_of_the_steps_own_names_are_refused(name):
    loss = lambda view: (view.players["generator"]["params"]["data"], Aux({name: jnp.zeros(())}))
    game = collectors()._replace(turns=(Turn("generator", loss),))
    with pytest.raises(ValueError, match=f"'generator' reports '{name}', the step's own"):
        train_step(game, start(game), {"x": X[:1]})


@pytest.mark.parametrize("accumulate", [1, 2])
def test_metrics_are_means_of_floats(accumulate):
    loss = lambda view: (
        view.players["generator"]["params"]["data"],
        Aux({"any": jnp.any(view.batch["x"] > 0), "count": jnp.sum(view.batch["x"] > 1)}),
    )
    game = collectors()._replace(turns=(Turn("generator", loss),))
    _, metrics = play(game, start(game), {"x": X[:1]}, accumulate=accumulate)
    found = {name: float(metrics[f"generator/{name}"]) for name in ("any", "count")}
    assert found == {"any": 1.0, "count": 1 / accumulate}


def test_simultaneous_updates_refuse_repeats():
    game = collectors(first=2)
    with pytest.raises(UserError, match="repeats"):
        train_step(game, start(game), {"x": X[:2]}, simultaneous=True)


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int16])
def test_columns_as_they_are_stored_are_refused(dtype):
    game = collectors()
    with pytest.raises(ValueError, match=f"'x' is {jnp.dtype(dtype)}, as it is stored"):
        train_step(game, start(game), {"x": X[:1].astype(dtype)})


def test_columns_of_different_numbers_of_examples_are_refused():
    game = collectors()
    with pytest.raises(ValueError, match=r"equally many examples B, not .*'y': \(1, 3"):
        train_step(game, start(game), {"x": X[:1], "y": jnp.zeros((1, 3, 2))})
    with pytest.raises(ValueError, match=r"columns are \[repeats, B, ...\]"):
        train_step(game, start(game), {"x": X[:1], "y": jnp.zeros(1)})


@pytest.mark.parametrize(
    ("size", "settings", "group"),
    [(6, {"accumulate": 4}, 1), (6, {}, 4), (6, {"accumulate": 2}, 2)],
)
def test_batches_that_do_not_come_out_even_are_refused(size, settings, group):
    game, batch = collectors(group=group), {"x": jnp.zeros((1, size))}
    with pytest.raises(ValueError, match=f"{size} examples on a device cannot be split"):
        train_step(game, start(game), batch, **settings)


@pytest.mark.parametrize("schedule", [False, True])
def test_average_of_parameters_follows_its_formula_from_the_warm_up_on(schedule):
    game = collectors()
    state = start(game)
    decays = [0.4 / (1 + step) if schedule else 0.4 for step in range(11)]
    ema_decay = (lambda step: 0.4 / (1 + step)) if schedule else 0.4
    assert state.players["discriminator"].ema is None
    expected = 0.0
    for update, decay in enumerate(decays, start=1):
        state, _ = train_step(game, state, {"x": X[:1]}, ema_decay=ema_decay)
        keep = decay if schedule else min(decay, (1 + update) / (10 + update))
        generator = state.players["generator"]
        expected = keep * expected + (1 - keep) * float(generator.params["data"])
        np.testing.assert_allclose(generator.ema["params"]["data"], expected, rtol=1e-5)
    assert decays[0] > (1 + 1) / (10 + 1)
    assert decays[-1] < (1 + 11) / (10 + 11)


def test_the_average_starts_as_a_copy_and_no_alias():
    game = collectors()
    generator = start(game).players["generator"]
    for average, param in zip(
        jax.tree.leaves(generator.ema["params"]), jax.tree.leaves(generator.params), strict=True
    ):
        assert average == param
        assert average.unsafe_buffer_pointer() != param.unsafe_buffer_pointer()


def test_batch_statistics_are_averaged_with_the_parameters_and_vectors_are_not():
    def loss(view):
        own = view.players["generator"]
        stats = {c: {"value": own[c]["value"] + 1.0} for c in ("batch_stats", "spectral_norm")}
        return own["params"]["w"], Aux({}, stats)

    zero = {"value": jnp.zeros(())}
    players = {"generator": {"params": {"w": 0.0}, "batch_stats": zero, "spectral_norm": zero}}
    game = game_of(players, Turn("generator", loss))
    state = start(game)
    for _ in range(2):
        state, _ = train_step(game, state, {"x": X[:1]}, ema_decay=lambda step: 0.5)
    shown = state.variables()["generator"]
    assert shown["params"]["w"] == 0.5 * (0.5 * 0 + 0.5 * -1) + 0.5 * -2
    assert shown["batch_stats"]["value"] == 0.5 * (0.5 * 0 + 0.5 * 1) + 0.5 * 2
    assert shown["spectral_norm"]["value"] == 2
    assert state.variables(ema=False)["generator"]["batch_stats"]["value"] == 2


def test_averaged_variables_are_chosen_by_name():
    game = collectors()
    state, _ = train_step(game, start(game), {"x": X[:1]}, ema_decay=0.9)
    generator = state.players["generator"]
    assert state.variables()["generator"] == generator.ema
    assert state.variables(ema=False)["generator"] == {"params": generator.params}
    discriminator = state.players["discriminator"]
    assert state.variables()["discriminator"] == {"params": discriminator.params}


BATCH = {"x": jax.random.normal(jax.random.key(1), (8, 2))}
STEP = {"x": BATCH["x"][None]}


def tiny_gan():
    return algorithms.gan(
        nets.mlp.Generator((2,), (6,)), nets.mlp.Discriminator((6,)), prior=priors.normal(3)
    )


@pytest.mark.parametrize("accumulate", [2, 8])
def test_accumulated_micro_batches_give_the_update_of_the_whole(accumulate, assert_trees_match):
    game = tiny_gan()
    step = partial(play, game, start(game, batch=BATCH), STEP)
    (whole, metrics), (summed, metrics_summed) = step(), step(accumulate=accumulate)
    assert_trees_match(summed.players, whole.players, rtol=1e-5)
    assert_trees_match(metrics_summed, metrics, rtol=1e-5)


def counting(repeats=1):
    """One player whose layers count its batches and remember the last."""

    def loss(view):
        seen = view.players["generator"]["batch_stats"]
        total = view.players["generator"]["params"]["w"] * jnp.mean(view.batch["x"])
        stats = {"count": seen["count"] + 1, "last": view.batch["x"]}
        return total, Aux({}, {"batch_stats": stats})

    player = {"params": {"w": 0.0}, "batch_stats": {"count": 0.0, "last": jnp.zeros(2)}}
    return game_of({"generator": player}, Turn("generator", loss, repeats=repeats))


def test_accumulation_hands_the_statistics_from_micro_batch_to_micro_batch():
    game = counting()
    after, _ = train_step(game, start(game), {"x": jnp.arange(4.0)[None]}, accumulate=2)
    seen = after.players["generator"].stats["batch_stats"]
    np.testing.assert_array_equal(seen["last"], [1, 3])  # dealt out by i mod 2
    assert seen["count"] == 2


def test_a_player_keeps_statistics_of_its_own_across_repeats_and_steps():
    game = counting(repeats=3)
    state = start(game)
    for _ in range(2):
        state, _ = train_step(game, state, {"x": X})
    seen = state.players["generator"].stats["batch_stats"]
    np.testing.assert_array_equal(seen["last"], X[2])
    assert seen["count"] == 6
    assert set(state.players["generator"].variables) == {"params", "batch_stats"}


def reporting(stats, **others):
    loss = lambda view: (view.players["generator"]["params"]["w"], Aux({}, stats))
    player = {"params": {"w": 0.0}, "batch_stats": {"n": 0.0}, **others}
    return game_of({"generator": player}, Turn("generator", loss))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_statistics_keep_their_dtype_and_those_left_alone_are_not_averaged(accumulate):
    narrow = reporting({"batch_stats": {"n": jnp.bfloat16(3)}})
    state, _ = play(narrow, start(narrow), {"x": X[:1]}, accumulate=accumulate)
    n = state.players["generator"].stats["batch_stats"]["n"]
    assert (n.dtype, float(n)) == (jnp.float32, 3.0)
    kept = reporting(None, counts={"k": jnp.int32(7)})
    step = jax.pmap(
        partial(train_step, kept, accumulate=accumulate, axis_name="devices"),
        "devices",
        in_axes=(None, 0),
    )
    state, _ = step(start(kept), {"x": jnp.stack([X[:1], X[:1]])})
    k = state.players["generator"].stats["counts"]["k"]
    assert (k.dtype, k.tolist()) == (jnp.int32, [7, 7])


@pytest.mark.parametrize(
    ("stats", "message"),
    [
        ({}, r"other statistics back than the player has: see \['batch_stats'\]\['n'\]"),
        ({"batch_stats": {"n": 0.0}, "more": {}}, "other statistics back .*: see more"),
        ({"batch_stats": {"n": jnp.zeros((), jnp.int32)}}, r"'n'.* is int32"),
    ],
    ids=["left out", "unknown", "integer"],
)
def test_statistics_that_cannot_be_kept_are_refused(stats, message):
    game = reporting(stats)
    with pytest.raises(ValueError, match=message):
        train_step(game, start(game), {"x": X[:1]})


@pytest.mark.parametrize("names", [["generator"], ["generator", "critic"]])
def test_init_state_refuses_optimizers_that_are_not_the_players(names):
    with pytest.raises(ValueError, match=r"players \['discriminator', 'generator'\]"):
        init_state(collectors(), dict.fromkeys(names, SGD), KEY, {"x": X[0]})


def test_init_state_refuses_a_turn_of_nobody():
    game = collectors()
    game = game._replace(turns=(*game.turns, Turn("critic", collect("critic"))))
    with pytest.raises(ValueError, match=r"'critic'.* but the players are"):
        start(game)


def test_a_player_without_parameters_takes_no_turns_and_may_be_kept():
    game = collectors()
    scale = {"constants": {"scale": jnp.ones(())}}
    without = game._replace(init=lambda *arguments: game.init(*arguments) | {"judge": scale})
    assert start(without).players["judge"].variables == {"params": {}, **scale}
    moving = without._replace(turns=(*game.turns, Turn("judge", collect("judge"))))
    with pytest.raises(ValueError, match="'judge' takes turns but has no collection 'params'"):
        start(moving)


@pytest.mark.parametrize("key", [0, jax.random.PRNGKey(0), jax.random.split(KEY, 2)])
def test_init_state_refuses_keys_of_another_kind(key):
    with pytest.raises(UserError, match=r"the key must be one of jax.random.key\(seed\), not .*$"):
        init_state(collectors(), {}, key, {"x": X[0]})


def test_a_jitted_step_is_that_of_plain_python_and_gives_its_state_up(assert_trees_match):
    game = tiny_gan()
    state = start(game, batch=BATCH)
    expected, _ = train_step(game, state, STEP)
    donated = jax.tree.map(jnp.copy, state)
    actual, _ = jax.jit(partial(train_step, game), donate_argnums=0)(donated, STEP)
    assert isinstance(actual, GameState)
    assert_trees_match(actual.players, expected.players, rtol=1e-5)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(donated.players))
