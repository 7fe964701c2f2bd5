"""What a checkpoint brings back goes on bit for bit, once for every kind of state."""

from functools import partial

import jax
import numpy as np
import optax
import pytest
from small_games import GAMES, KEY

from gan_jax import parallel
from gan_jax.checkpoints import Checkpoints, digest
from gan_jax.step import init_state, train_step

KINDS = {
    "repeats, labels": "conditional wgan-gp",
    "batch statistics and their averages": "dcgan",
    "power iteration's vectors": "spectral norm",
    "a controller": "began",
    "a pool": "cyclegan",
    "conditions and noise that falls": "relativistic average, lazy r1",
    "a player without an optimizer": "a frozen player",
}


@pytest.mark.parametrize("name", KINDS.values(), ids=KINDS)
def test_a_restored_state_ends_where_an_unbroken_one_does(name, tmp_path):
    make, resident = GAMES[name]
    game, devices = make(), jax.local_devices()[:1]
    batch = jax.tree.map(lambda leaf: leaf[:8], resident)
    optimizers = {turn.player: optax.adam(0.1) for turn in game.turns}
    begin = lambda key: init_state(game, optimizers, key, batch)
    fetch = lambda resident, index: jax.tree.map(lambda leaf: leaf[index], resident)
    play = parallel.compile_steps(
        partial(train_step, game, axis_name=parallel.AXIS), fetch, devices
    )
    data = parallel.replicate(resident, devices)
    items = np.random.default_rng(0).integers(50, size=(2, 2, game.repeats, 8))
    first, second = (parallel.shard(item, 1) for item in items)
    checkpoints = Checkpoints(tmp_path)

    state, _ = play(parallel.replicate(jax.jit(begin)(KEY), devices), data, first)
    checkpoints.save(2, parallel.unreplicate(state))
    unbroken, _ = play(state, data, second)
    _, restored = checkpoints.restore(jax.eval_shape(begin, KEY))
    resumed, _ = play(parallel.replicate(restored, devices), data, second)
    assert digest(parallel.unreplicate(resumed)) == digest(parallel.unreplicate(unbroken))
