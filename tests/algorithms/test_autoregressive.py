import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import prng
from gan_jax.algorithms import autoregressive
from gan_jax.game import View
from gan_jax.nets.wavenet import WaveNet

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 3)
NET = WaveNet(levels=5, width=4, skip=6, layers=3, cycles=2, num_classes=2)
CLASSES = jax.random.randint(KEY, (3, 20), 0, 5)
BATCH = {"x": CLASSES, "label": jnp.array([0, 1, 1])}
GAME = autoregressive(NET, 20, conditional=True)
RANDOM = np.random.default_rng(0)
PLAYERS = jax.tree.map(  # biases too
    lambda leaf: RANDOM.normal(0, 0.4, leaf.shape).astype(np.float32),
    jax.eval_shape(GAME.init, KEY, BATCH),
)


def logits(classes, label=BATCH["label"]):
    return NET.apply(PLAYERS["generator"], classes, label)


def test_logits_see_what_came_before_alone_and_as_far_back_as_the_dilations_reach():
    changed = CLASSES.at[:, 2].set((CLASSES[:, 2] + 1) % 5)
    differ = np.any(logits(changed) != logits(CLASSES), axis=(0, 2))
    reach = 1 + 2 * 7
    assert list(np.flatnonzero(differ)) == list(range(3, 3 + reach))


def test_the_label_matters_and_must_be_given():
    assert np.all(np.any(logits(CLASSES) != logits(CLASSES, 1 - BATCH["label"]), axis=-1))
    with pytest.raises(ValueError, match="needs a label"):
        logits(CLASSES, None)


def test_samples_from_queues_are_those_drawn_naively():
    inputs = GAME.inputs(KEYS, BATCH)
    found = jax.jit(GAME.sample)(PLAYERS, inputs)
    naive = jnp.zeros((3, 20), jnp.int32)
    forward = jax.jit(logits)
    for t in range(20):
        keys = prng.fold_in(inputs["noise"], t)
        drawn = jax.vmap(jax.random.categorical)(keys, forward(naive)[:, t])
        naive = naive.at[:, t].set(drawn)
    np.testing.assert_array_equal(found, naive)
    assert len(np.unique(found)) > 2


def test_the_loss_is_the_mean_of_minus_log_p():
    log_p = np.asarray(jax.nn.log_softmax(logits(CLASSES)), np.float64)
    expected = -np.mean(np.take_along_axis(log_p, np.asarray(CLASSES)[..., None], axis=-1))
    value, _ = GAME.turns[0].loss(View(PLAYERS, BATCH, KEYS))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    told = GAME.metrics(PLAYERS, BATCH, KEYS)
    np.testing.assert_allclose(
        [told["nats"], told["bits"]], [expected, expected / math.log(2)], rtol=1e-5
    )
