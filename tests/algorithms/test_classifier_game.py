import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.special import log_softmax

from gan_jax import prng
from gan_jax.algorithms import classifier
from gan_jax.game import View
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 6)
LABEL = jnp.arange(6) % 3
BATCH = {"x": jax.nn.one_hot(LABEL, 3) + 0.1 * jax.random.normal(KEY, (6, 3)), "label": LABEL}


class Linear(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return x, nn.Dense(3)(x)


def test_it_minimises_the_cross_entropy():
    game = classifier(Linear())
    players = game.init(KEY, BATCH)
    value, aux = game.turns[0].loss(View(players, BATCH, KEYS))
    logits = game.sample(players, {"x": BATCH["x"]})
    by_hand = -log_softmax(logits, axis=1)[np.arange(6), LABEL].mean()
    np.testing.assert_allclose(value, by_hand, rtol=1e-5)
    accuracy = np.mean(np.argmax(logits, axis=1) == LABEL)
    np.testing.assert_allclose(aux.metrics["accuracy"], accuracy)
    np.testing.assert_allclose(game.metrics(players, BATCH, KEYS)["accuracy"], accuracy)


def test_it_learns_what_is_separable():
    game = classifier(Linear())
    state = init_state(game, {"classifier": optax.sgd(1.0)}, KEY, BATCH)
    step = lambda state, _: train_step(game, state, jax.tree.map(lambda x: x[None], BATCH))
    state, metrics = jax.jit(lambda state: jax.lax.scan(step, state, length=50))(state)
    assert metrics["classifier/loss"][-1] < 0.1
    assert game.metrics(state.variables(), BATCH, KEYS)["accuracy"] == 1
