from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_games import GAMES, KEY, LABELLED, POINTS, conditional_wgan_gp

from gan_jax import parallel, prng
from gan_jax.game import Aux, Game, Turn
from gan_jax.step import init_state, train_step
from gan_jax.types import UserError

STEPS, SIZE = 2, 8


def fetch(resident, index):
    return jax.tree.map(lambda leaf: leaf[index], resident)


def begin(game, resident):
    batch = jax.tree.map(lambda leaf: jnp.asarray(leaf[:SIZE]), resident)
    optimizers = {turn.player: optax.sgd(0.1) for turn in game.turns}
    return jax.jit(lambda: init_state(game, optimizers, KEY, batch))()


def train(game, resident, devices, *, state=None, steps=STEPS, calls=1, **settings):
    """States and metrics of all devices after so many calls of so many steps."""
    state = begin(game, resident) if state is None else jax.tree.map(jnp.copy, state)
    step = partial(train_step, game, axis_name=parallel.AXIS, **settings)
    play = parallel.compile_steps(step, fetch, devices)
    state, resident = parallel.replicate(state, devices), parallel.replicate(resident, devices)
    index = np.random.default_rng(1)
    for _ in range(calls):
        items = index.integers(50, size=(steps, game.repeats, SIZE))
        state, metrics = play(state, resident, parallel.shard(items, len(devices)))
    return state, metrics


def plain(players):
    return {name: (player.params, player.stats, player.ema) for name, player in players.items()}


@pytest.mark.parametrize("name", sorted(GAMES.keys() - {"a frozen player"}))
def test_two_devices_give_the_update_of_one_and_end_with_one_state(name, assert_trees_match):
    make, resident = GAMES[name]
    game, ends = make(), []
    start = begin(game, resident)
    for count in (1, 2):
        devices = jax.local_devices()[:count]
        assert len(devices) == count
        state, metrics = train(game, resident, devices, state=start, accumulate=2)
        assert {leaf.shape for leaf in jax.tree.leaves(metrics)} == {(count, STEPS)}
        ends.append([jax.tree.map(lambda x, i=i: x[i], (state, metrics)) for i in range(count)])
    (one,), two = ([(plain(state.players), said) for state, said in end] for end in ends)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(one))
    assert_trees_match(one, two[0], rtol=1e-5)
    assert_trees_match(*two, rtol=0)


def test_one_call_of_many_steps_is_many_calls_of_one(assert_trees_match):
    devices = jax.local_devices()
    many, _ = train(conditional_wgan_gp(), LABELLED, devices, steps=3)
    single, _ = train(conditional_wgan_gp(), LABELLED, devices, steps=1, calls=3)
    assert int(many.step[0]) == int(single.step[0]) == 3
    assert_trees_match(plain(many.players), plain(single.players), rtol=1e-5)


def test_accumulating_on_two_devices_gives_the_update_of_one_device(assert_trees_match):
    whole, _ = train(conditional_wgan_gp(), LABELLED, jax.local_devices()[:1])
    summed, _ = train(conditional_wgan_gp(), LABELLED, jax.local_devices(), accumulate=2)
    states = (plain(parallel.unreplicate(state).players) for state in (whole, summed))
    assert_trees_match(*states, rtol=1e-5)


def spread(w, x, mean, gather):
    """What couples all examples: their variance, and the likelihood of each under the others."""
    y = jnp.tanh(x @ w)
    variance = (y - mean(y)) ** 2
    others = jax.nn.logsumexp(-((y[:, None] - gather(y)[None]) ** 2), axis=1)
    return jnp.mean(variance + 0.3 * others)


def coupled_game(**settings):
    def loss(view):
        w = view.players["one"]["params"]["w"]
        return spread(w, view.batch["x"], view.mean, view.gather), Aux({})

    one = {"one": {"params": {"w": jnp.array([0.5, -1.0])}}}
    return Game(
        init=lambda key, batch: jax.tree.map(jnp.copy, one),
        turns=(Turn("one", loss),),
        inputs=lambda keys, batch: {},
        sample=lambda players, inputs: None,
        **settings,
    )


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_gradients_of_a_coupled_loss_are_those_of_the_whole_batch(count, accumulate, group):
    devices = jax.local_devices()[:count]
    game = coupled_game(group=group)
    state, metrics = train(game, {"x": POINTS}, devices, steps=1, accumulate=accumulate)
    batch = POINTS[np.random.default_rng(1).integers(50, size=SIZE)]
    turns = np.arange(SIZE) // group % accumulate
    w = jnp.array([0.5, -1.0])
    mean, gather = partial(jnp.mean, axis=0), lambda x: x
    parts = [
        jax.value_and_grad(spread)(w, batch[turns == i], mean, gather) for i in range(accumulate)
    ]
    value, gradient = jax.tree.map(lambda *leaves: sum(leaves) / accumulate, *parts)
    after = parallel.unreplicate(state).players["one"].params["w"]
    np.testing.assert_allclose(after, w - 0.1 * gradient, rtol=1e-5)
    np.testing.assert_allclose(parallel.unreplicate(metrics)["one/loss"], [value], rtol=1e-5)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_a_memory_is_made_of_the_whole_batch_on_every_device(count, accumulate):
    def update(memory, seen, keys_, step):
        drawn = jax.vmap(lambda key: jax.random.bits(key, (), "uint32"))(keys_)
        return {
            "turns": memory["turns"] + 1,
            "last": seen,
            "drawn": drawn,
            "key": jax.random.fold_in(memory["key"], drawn[-1]),
        }

    memory = {
        "turns": jnp.zeros((), jnp.int32),
        "last": jnp.zeros((SIZE, 2)),
        "drawn": jnp.zeros(SIZE, jnp.uint32),
        "key": KEY,
    }
    game = coupled_game()
    loss = lambda view: (jnp.zeros(()), Aux({}, seen=view.batch["x"]))
    game = game._replace(
        init=lambda key, batch: {"one": {"params": {"w": jnp.zeros(2)}, "memory": memory}},
        turns=(Turn("one", loss, update=update),),
    )
    devices = jax.local_devices()[:count]
    state, _ = train(game, {"x": POINTS}, devices, accumulate=accumulate)
    items = np.random.default_rng(1).integers(50, size=(STEPS, SIZE))
    for device in range(count):
        found = jax.tree.map(lambda leaf, i=device: leaf[i], state.players["one"].stats["memory"])
        assert found["turns"] == STEPS
        assert jax.tree.map(lambda x: x.dtype, found) == jax.tree.map(lambda x: x.dtype, memory)
        np.testing.assert_array_equal(found["last"], POINTS[items[-1]])
        if device == 0:
            first = found
        np.testing.assert_array_equal(found["drawn"], first["drawn"])
        assert found["key"] == first["key"]
    assert len(np.unique(first["drawn"])) == SIZE


def test_memories_draw_alike_on_one_device_and_on_two(assert_trees_match):
    """The pool is filled by the first step, and exchanged in the second and third."""
    make, resident = GAMES["cyclegan"]
    pools = []
    for count in (1, 2):
        state, _ = train(make(), resident, jax.local_devices()[:count], steps=3)
        pools.append(parallel.unreplicate(state).players["discriminator"].stats["memory"])
    assert pools[0]["a"].filled == 5
    assert_trees_match(*pools, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_loss_is_traced_once_for_all_calls(steps):
    traces = []

    def loss(view):
        traces.append(view.batch["x"].shape)
        w, noise = view.players["one"]["params"]["w"], prng.normal(view.keys, (2,))
        return jnp.mean(w[None] * (view.batch["x"] + noise)), Aux({})

    game = coupled_game()._replace(turns=(Turn("one", loss),))
    train(game, {"x": POINTS}, jax.local_devices(), steps=steps, calls=4)
    assert traces == [(SIZE // 2, 2)]


def test_the_state_passed_in_is_given_up():
    devices = jax.local_devices()
    step = lambda state, batch: (state + 1, {"loss": state})
    play = parallel.compile_steps(step, fetch, devices)
    state = parallel.replicate(jnp.zeros(()), devices)
    after, _ = play(
        state, parallel.replicate(POINTS, devices), parallel.shard(np.zeros((1, 1, 2), int), 2)
    )
    assert state.is_deleted()
    np.testing.assert_array_equal(after, [1, 1])


def test_sharding_deals_consecutive_parts_of_each_batch():
    items = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    dealt = parallel.shard({"index": items}, 2)["index"]
    assert dealt.shape == (2, 2, 3, 2)
    np.testing.assert_array_equal(dealt[0], items[:, :, :2])
    np.testing.assert_array_equal(dealt[1], items[:, :, 2:])


def test_replication_gives_every_device_a_copy_and_back():
    tree = {"w": jnp.arange(3.0), "key": KEY}
    copies = parallel.replicate(tree, jax.local_devices())
    assert copies["w"].shape == (2, 3)
    assert len(copies["w"].sharding.device_set) == 2
    back = parallel.unreplicate(copies)
    np.testing.assert_array_equal(back["w"], tree["w"])
    assert back["key"] == KEY


@pytest.mark.parametrize("count", [1, 5, 12])
def test_a_function_is_mapped_over_any_number_of_examples(count):
    double = parallel.map_batched(lambda w, x: {"y": w * x["x"], "z": x["x"] + 1}, 5)
    inputs = {"x": np.arange(2.0 * count, dtype=np.float32).reshape(count, 2)}
    outputs = double(jnp.float32(2), inputs)
    np.testing.assert_array_equal(outputs["y"], 2 * inputs["x"])
    np.testing.assert_array_equal(outputs["z"], inputs["x"] + 1)


@pytest.mark.parametrize(
    ("size", "accumulate", "devices", "group"),
    [(64, 1, 1, 1), (64, 4, 8, 1), (6, 3, 2, 1), (16, 2, 2, 4)],
)
def test_batch_sizes_that_divide_evenly_are_taken(size, accumulate, devices, group):
    parallel.check_batch_size(size, accumulate, devices, group)


@pytest.mark.parametrize(
    ("size", "accumulate", "devices", "group", "message"),
    [
        (65, 1, 8, 1, "batch_size 65 cannot be dealt out evenly to 8 devices: try 64"),
        (3, 1, 8, 1, "8 devices: try 8"),
        (10, 4, 1, 1, "1 device x 4 micro-batches: try 8"),
        (10, 2, 3, 1, "3 devices x 2 micro-batches: try 6"),
        (10, 1, 2, 4, "2 devices in groups of 4: try 8"),
    ],
)
def test_others_are_refused_with_one_that_does(size, accumulate, devices, group, message):
    with pytest.raises(UserError, match=message):
        parallel.check_batch_size(size, accumulate, devices, group)
