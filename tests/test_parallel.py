from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import algorithms, keys, losses, nets, parallel, penalties
from gan_jax.game import Aux, Game, Turn, init_state, train_step
from gan_jax.types import UserError

KEY = jax.random.key(0)
STEPS, SIZE = 2, 8
random = np.random.default_rng(0)
POINTS = random.normal(size=(50, 2)).astype(np.float32)
IMAGES = np.tanh(random.normal(size=(50, 16, 16, 1))).astype(np.float32)
LABELS = random.integers(3, size=50)


def mlp_gan():
    penalty = lambda *args: penalties.gradient_penalty(*args)
    return algorithms.gan(
        nets.mlp.Generator((2,), (6,), num_classes=3),
        nets.mlp.Discriminator((6,), num_classes=3),
        latent_dim=3,
        loss=losses.WASSERSTEIN,
        penalties=[penalty],
        discriminator_repeats=2,
        conditional=True,
    )


def wide_gan():
    """One array is too large to travel with the others."""
    generator, discriminator = nets.mlp.Generator((2,), (256, 256)), nets.mlp.Discriminator((6,))
    return algorithms.gan(generator, discriminator, latent_dim=3)


def dcgan():
    return algorithms.gan(
        nets.dcgan.Generator(16, 1, width=2, axis_name=parallel.AXIS),
        nets.dcgan.Discriminator(width=2, axis_name=parallel.AXIS),
        latent_dim=3,
    )


def vae():
    encoder, decoder = nets.mlp.Encoder(4, (6,)), nets.mlp.Generator((2,), (6,), final=None)
    return algorithms.vae(encoder, decoder, latent_dim=2)


def cyclegan():
    translator = nets.mlp.Generator((2,), (6,))
    return algorithms.cyclegan(translator, nets.mlp.Discriminator((6,)))


LABELLED = {"x": POINTS, "label": LABELS}
GAMES = {
    "conditional wgan-gp": (mlp_gan, LABELLED),
    "wide gan": (wide_gan, {"x": POINTS}),
    "dcgan": (dcgan, {"x": IMAGES}),
    "vae": (vae, {"x": POINTS}),
    "cyclegan": (cyclegan, {"a": {"x": POINTS}, "b": {"x": POINTS[::-1].copy()}}),
}


def fetch(resident, index):
    return jax.tree.map(lambda leaf: leaf[index], resident)


def train(game, resident, devices, *, steps=STEPS, calls=1, **settings):
    """The state and metrics of the first device after so many calls of so many steps."""
    batch = jax.tree.map(lambda leaf: jnp.asarray(leaf[:SIZE]), resident)
    names = game.init(KEY, batch)
    state = init_state(game, dict.fromkeys(names, optax.sgd(0.1)), KEY, batch)
    step = partial(train_step, turns=game.turns, axis_name=parallel.AXIS, **settings)
    play = parallel.compile_play(step, fetch, devices)
    state, resident = parallel.replicate(state, devices), parallel.replicate(resident, devices)
    index = np.random.default_rng(1)
    for _ in range(calls):
        items = index.integers(50, size=(steps, game.repeats, SIZE))
        state, metrics = play(state, resident, parallel.shard(items, len(devices)))
    return state, metrics


def plain(players):
    return {name: (player.params, player.stats, player.ema) for name, player in players.items()}


@pytest.mark.parametrize("name", GAMES)
def test_two_devices_give_the_update_of_one(name, assert_trees_match):
    make, resident = GAMES[name]
    results = []
    for count in (1, 2):
        devices = jax.local_devices()[:count]
        assert len(devices) == count
        state, metrics = train(make(), resident, devices)
        results.append((plain(parallel.unreplicate(state).players), parallel.unreplicate(metrics)))
    assert_trees_match(*results, rtol=1e-5)


def test_every_device_ends_with_the_same_state(assert_trees_match):
    state, metrics = train(dcgan(), {"x": IMAGES}, jax.local_devices())
    first, second = (jax.tree.map(lambda leaf, i=i: leaf[i], state.players) for i in range(2))
    assert_trees_match(plain(first), plain(second), rtol=0)
    assert {leaf.shape for leaf in jax.tree.leaves(metrics)} == {(2, STEPS)}


def test_one_call_of_many_steps_is_many_calls_of_one(assert_trees_match):
    devices = jax.local_devices()
    many, _ = train(mlp_gan(), LABELLED, devices, steps=3)
    single, _ = train(mlp_gan(), LABELLED, devices, steps=1, calls=3)
    assert int(many.step[0]) == int(single.step[0]) == 3
    assert_trees_match(plain(many.players), plain(single.players), rtol=1e-5)


def test_accumulating_on_two_devices_gives_the_update_of_one_device(assert_trees_match):
    whole, _ = train(mlp_gan(), LABELLED, jax.local_devices()[:1])
    summed, _ = train(mlp_gan(), LABELLED, jax.local_devices(), accumulate=2)
    states = (plain(parallel.unreplicate(state).players) for state in (whole, summed))
    assert_trees_match(*states, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_loss_is_traced_once_for_all_calls(steps):
    traces = []

    def loss(players, batch, keys_):
        traces.append(batch["x"].shape)
        noise = keys.normal(keys_, (2,))
        return jnp.mean(players["generator"]["params"]["w"] * (batch["x"] + noise)), Aux({})

    game = Game(
        init=lambda key, batch: {"generator": {"params": {"w": jnp.zeros(())}}},
        turns=(Turn("generator", loss),),
        prior=lambda keys, batch: {},
        sample=lambda players, inputs: None,
    )
    train(game, {"x": POINTS}, jax.local_devices(), steps=steps, calls=4)
    assert traces == [(SIZE // 2, 2)]


def test_the_state_passed_in_is_given_up():
    devices = jax.local_devices()
    play = parallel.compile_play(lambda state, batch: (state + 1, {"loss": state}), fetch, devices)
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


@pytest.mark.parametrize(("size", "accumulate", "devices"), [(64, 1, 1), (64, 4, 8), (6, 3, 2)])
def test_batch_sizes_that_divide_evenly_are_taken(size, accumulate, devices):
    parallel.check_batch_size(size, accumulate, devices)


@pytest.mark.parametrize(
    ("size", "accumulate", "devices", "message"),
    [
        (65, 1, 8, "batch_size 65 cannot be dealt out evenly to 8 devices: try 64"),
        (3, 1, 8, "8 devices: try 8"),
        (10, 4, 1, "1 device x 4 micro-batches: try 8"),
        (10, 2, 3, "3 devices x 2 micro-batches: try 6"),
    ],
)
def test_others_are_refused_with_one_that_does(size, accumulate, devices, message):
    with pytest.raises(UserError, match=message):
        parallel.check_batch_size(size, accumulate, devices)
