"""What a step does beside plain turns: conditions, frozen players, memories, transformed data."""

import json
import weakref
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import algorithms, follow, nets, penalties, priors, prng
from gan_jax.follow import MetricsLog
from gan_jax.game import Aux, Game, Turn
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
SGD = optax.sgd(0.1)
X = jax.random.normal(KEY, (4, 1, 8, 2))  # [steps, repeats, B, 2]


def game_of(players, *turns, **settings):
    """A game of given variables."""
    copies = lambda key, batch: jax.tree.map(jnp.asarray, players)
    settings = {"inputs": lambda keys, batch: {}, "sample": lambda players, inputs: None} | settings
    return Game(init=copies, turns=turns, **settings)


def played(game, x=X, optimizers=None, **settings):
    """States before and after every step, stacked, and the metrics of every step."""
    optimizers = optimizers or {turn.player: SGD for turn in game.turns}
    state = init_state(game, optimizers, KEY, {"x": x[0, 0]})
    step = partial(train_step, game, **settings)

    def record(state, x):
        after, metrics = step(state, {"x": x})
        return after, (after, metrics)

    _, (after, metrics) = jax.jit(lambda state, x: jax.lax.scan(record, state, x))(state, x)
    states = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), state, after)
    return states, metrics


def lazy_game(every):
    return algorithms.gan(
        nets.mlp.Generator((2,), (6,)),
        nets.mlp.Discriminator((6,)),
        prior=priors.normal(3),
        penalties=[penalties.R1(2.0, every=every)],
    )


def test_a_lazy_penalty_is_a_turn_that_is_taken_every_so_many_steps():
    states, metrics = played(lazy_game(3))
    np.testing.assert_array_equal(metrics["discriminator/r1/taken"], [1, 0, 0, 1])
    for name in ("loss", "gradient_norm"):
        values = metrics[f"discriminator/r1/{name}"]
        assert (values[::3] > 0).all()
        np.testing.assert_array_equal(values[1:3], 0)
    np.testing.assert_array_equal(states.players["discriminator"].step, [0, 2, 3, 4, 6])
    np.testing.assert_array_equal(states.players["generator"].step, range(5))


def test_a_lazy_penalty_weighs_as_much_more_as_it_is_rarer():
    values = [played(lazy_game(n), X[:1])[1] for n in (2, 5)]
    at_two, at_five = (float(metrics["discriminator/r1/loss"][0]) for metrics in values)
    np.testing.assert_allclose(at_five / at_two, 5 / 2, rtol=1e-5)


def test_a_turn_that_is_not_taken_leaves_the_state_as_it_is(assert_trees_match):
    def loss(view):
        variables = view.players["one"]
        stats = {"batch_stats": {"n": variables["batch_stats"]["n"] + 1}}
        return jnp.sum(variables["params"]["w"]), Aux({}, stats, view.batch["x"])

    game = game_of(
        {
            "one": {
                "params": {"w": jnp.ones(2)},
                "batch_stats": {"n": 0.0},
                "memory": {"count": jnp.zeros((), jnp.int32)},
            }
        },
        Turn(
            "one",
            loss,
            when=lambda step: step == 2,
            update=lambda memory, seen, keys, step: {"count": memory["count"] + len(seen)},
        ),
    )
    states, _ = played(game, optimizers={"one": optax.adam(0.1)})
    before, at_two, after, last = (
        jax.tree.map(lambda x, i=i: x[i], states.players) for i in (0, 2, 3, 4)
    )
    assert_trees_match(at_two, before, rtol=0)
    assert_trees_match(last, after, rtol=0)
    assert after["one"].stats["memory"]["count"] == 8
    assert after["one"].stats["batch_stats"]["n"] == 1
    assert (after["one"].params["w"] < 1).all()


def of_call(values):
    """Metrics of one call."""
    return {name: jnp.float32(value) for name, value in values.items()}


def test_logged_metrics_of_a_lazy_turn_are_over_the_steps_in_which_it_was_taken():
    log = MetricsLog(1)
    always, lazy = "discriminator/loss", "discriminator/r1/loss"
    log.add(0, of_call({always: [1, 2], lazy: [6, 0], "discriminator/r1/taken": [1, 0]}))
    log.add(2, of_call({always: [3, 6], lazy: [2, 0], "discriminator/r1/taken": [1, 0]}))
    values = log.mean()
    assert values[always] == 3
    assert values[lazy] == 4
    assert values["discriminator/r1/taken"] == 0.5
    log.add(4, of_call({always: [5], lazy: [0], "discriminator/r1/taken": [0]}))
    assert lazy not in log.mean()


def test_a_log_goes_on_from_what_another_had_not_logged():
    parts = [{"one/loss": [0.1, 0.7]}, {"one/loss": [1e-3, 1e7]}, {"one/loss": [3.3, -2.0]}]
    whole, first = MetricsLog(1), MetricsLog(1)
    for part in parts:
        whole.add(0, of_call(part))
    for part in parts[:2]:
        first.add(0, of_call(part))
    first.settle()
    rest = MetricsLog(1, json.loads(json.dumps(first.unlogged())))
    rest.add(0, of_call(parts[2]))
    assert rest.mean()["one/loss"] == whole.mean()["one/loss"]


def test_the_throughput_is_of_steps_alone(monkeypatch):
    now = iter([0.0, 10.0, 40.0])
    monkeypatch.setattr(follow.time, "monotonic", lambda: next(now))
    log, loss = MetricsLog(3), of_call({"one/loss": [1.0, 1.0]})
    log.add(0, loss)
    assert log.mean()["throughput/examples_per_second"] == 2 * 3 / 10
    log.leave_out(26.0)
    log.add(2, loss)
    assert log.mean()["throughput/examples_per_second"] == 2 * 3 / 4


def test_metrics_do_not_pile_up_between_logs():
    log = MetricsLog(1)
    calls = [of_call({"one/loss": [0.0]}) for _ in range(5)]
    held = [weakref.ref(call["one/loss"]) for call in calls]
    while calls:
        log.add(0, calls.pop(0))
    assert sum(ref() is not None for ref in held) == 2


def test_a_player_without_a_turn_is_frozen():
    def loss(view):
        w, frozen = view.players["generator"]["params"]["w"], view.players["judge"]["params"]["w"]
        return jnp.sum(w * frozen), Aux({})

    players = {name: {"params": {"w": jnp.array([1.5, -2.0])}} for name in ("generator", "judge")}
    states, metrics = played(game_of(players, Turn("generator", loss)))
    judge = states.players["judge"]
    np.testing.assert_array_equal(judge.params["w"], np.tile([1.5, -2.0], (5, 1)))
    assert jax.tree.leaves(judge.opt_state) == []
    assert judge.ema is None
    assert set(metrics) == {"generator/loss", "generator/gradient_norm"}
    np.testing.assert_allclose(states.players["generator"].params["w"][1], [1.35, -1.8], rtol=1e-6)


def clipped(limit):
    """WGAN's clipping of weights, which needs the parameters."""
    clip = lambda u, w: jnp.clip(w + u, -limit, limit) - w
    return optax.stateless(lambda updates, params: jax.tree.map(clip, updates, params))


def test_any_transformation_is_an_optimizer_that_sees_the_parameters():
    game = lazy_game(2)
    optimizers = {
        "discriminator": optax.chain(optax.rmsprop(0.1), clipped(0.05)),
        "generator": optax.optimistic_gradient_descent(0.1),
    }
    states, _ = played(game, optimizers=optimizers)
    for leaf in jax.tree.leaves(states.players["discriminator"].params):
        np.testing.assert_allclose(np.max(np.abs(leaf[1:])), 0.05, rtol=1e-5)


def remembering(memory, update, **settings):
    loss = lambda view: (jnp.zeros(()), Aux({}, seen=view.batch["x"]))
    player = {"params": {"w": 0.0}, "memory": memory}
    return game_of({"one": player}, Turn("one", loss, update=update, **settings), sampler="one")


@pytest.mark.parametrize("accumulate", [1, 2, 4])
@pytest.mark.parametrize("repeats", [1, 3])
def test_a_memory_is_updated_once_a_turn_from_the_whole_batch_in_order(accumulate, repeats):
    def update(memory, seen, keys_, step):
        return {
            "turns": memory["turns"] + 1,
            "key": jax.random.fold_in(memory["key"], step),
            "last": seen,
            "noise": prng.uniform(keys_, ()),
        }

    start = {
        "turns": jnp.zeros((), jnp.int8),
        "key": jax.random.key(1),
        "last": jnp.zeros((8, 2)),
        "noise": jnp.zeros(8),
    }
    x = X[:, 0].reshape(4, 1, 8, 2).repeat(repeats, axis=1) + jnp.arange(4.0)[:, None, None, None]
    states, _ = played(remembering(start, update, repeats=repeats), x, accumulate=accumulate)
    memory = states.players["one"].stats["memory"]
    np.testing.assert_array_equal(memory["turns"], np.arange(5) * repeats)
    assert memory["turns"].dtype == np.int8
    np.testing.assert_array_equal(memory["last"][1:], x[:, -1])
    assert len(np.unique(memory["noise"][1:])) == 32  # a key an example and step
    expected = jax.random.key(1)
    for step in range(4):
        for _ in range(repeats):
            expected = jax.random.fold_in(expected, step)
    assert memory["key"][4] == expected


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ({"count": 0.5}, r"makes .*float32.* of its 'memory', which was .*int32"),
        ({"count": jnp.zeros(2, jnp.int32)}, r"makes .*\(2,\).* which was"),
        ({}, r"makes \{\} of its 'memory'"),
    ],
    ids=["dtype", "shape", "structure"],
)
def test_a_memory_that_changes_its_shape_or_dtype_is_refused(new, message):
    memory = {"count": jnp.zeros((), jnp.int32)}
    with pytest.raises(ValueError, match=message):
        played(remembering(memory, lambda *_: new))


def test_an_update_of_a_memory_that_was_never_made_is_refused():
    loss = lambda view: (jnp.zeros(()), Aux({}))
    turn = Turn("one", loss, update=lambda memory, *_: memory)
    with pytest.raises(ValueError, match="'one' updates a 'memory' that `init` did not make"):
        played(game_of({"one": {"params": {"w": 0.0}}}, turn))


def keeping_batches(**settings):
    """Remembers the batch that its losses see."""
    update = lambda memory, seen, keys, step: {"last": seen}
    game = remembering({"last": jnp.zeros((8, 2))}, update)
    return game._replace(**settings)


def seen_by(game, x=X, **settings):
    """What losses saw at every step, [steps, 8, 2]."""
    return played(game, x, **settings)[0].players["one"].stats["memory"]["last"][1:]


def test_data_are_transformed_by_a_key_of_the_step_and_the_example():
    noisy = lambda keys_, batch: {"x": batch["x"] + prng.normal(keys_, (2,))}
    noise = seen_by(keeping_batches(transform=noisy)) - X[:, 0]
    assert len(np.unique(np.round(noise, 5))) == noise.size
    reverse = seen_by(keeping_batches(transform=noisy), X[:, :, ::-1]) - X[:, 0, ::-1]
    np.testing.assert_allclose(reverse, noise, atol=1e-5)
    again = seen_by(keeping_batches(transform=noisy), accumulate=2) - X[:, 0]
    np.testing.assert_allclose(again, noise, atol=1e-5)


def test_players_are_made_for_transformed_data_and_inputs_see_them():
    wide = lambda keys_, batch: {"x": jnp.tile(batch["x"], (1, 2)), "extra": batch["x"] + 1}
    shapes = []

    def init(key, batch):
        shapes.append(jax.tree.map(jnp.shape, dict(batch)))
        return {"one": {"params": {"w": 0.0}, "memory": {"last": jnp.zeros((8, 2))}}}

    def loss(view):
        return jnp.zeros(()), Aux({}, seen=view.batch["made"])

    update = lambda memory, seen, keys, step: {"last": seen}
    game = keeping_batches(
        init=lambda key, batch: jax.tree.map(jnp.asarray, init(key, batch)),
        transform=wide,
        turns=(Turn("one", loss, update=update),),
        inputs=lambda keys, batch: {"made": batch["extra"] * 2},
    )
    np.testing.assert_allclose(seen_by(game), 2 * (X[:, 0] + 1), rtol=1e-6)
    assert shapes[0] == {"x": (8, 4), "extra": (8, 2)}


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_group_stays_together_in_its_micro_batch(accumulate):
    def loss(view):
        x = view.batch["x"].reshape(-1, 2, 2)  # pairs of neighbours
        return jnp.zeros(()), Aux({"apart": jnp.mean(jnp.abs(x[:, 0] - x[:, 1]))})

    game = keeping_batches(group=2, turns=(Turn("one", loss),))
    paired = X.at[:, :, 1::2].set(X[:, :, ::2])
    _, metrics = played(game, paired, accumulate=accumulate)
    np.testing.assert_array_equal(metrics["one/apart"], 0)
    if accumulate > 1:
        _, metrics = played(game._replace(group=1), paired, accumulate=accumulate)
        assert (metrics["one/apart"] > 0).all()
