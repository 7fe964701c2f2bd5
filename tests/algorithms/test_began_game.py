import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import priors, prng
from gan_jax.algorithms import began
from gan_jax.game import View

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 5)
BATCH = {"x": jax.random.normal(KEY, (5, 3))}


class Scale(nn.Module):
    """Multiplies; as an autoencoder it is perfect at 1."""

    by: float

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x * self.param("by", nn.initializers.constant(self.by), ())


def made(k=0.0, **settings):
    game = began(Scale(2.0), Scale(0.7), prior=priors.normal(3), **settings)
    players = game.init(KEY, BATCH)
    assert players["discriminator"]["memory"] == {"k": 0.0}
    players["discriminator"] = {**players["discriminator"], "memory": {"k": jnp.float32(k)}}
    batch = {**BATCH, **game.inputs(KEYS, {})}
    # A reconstruction of 0.7 x misses x by 0.3 |x|.
    real = 0.3 * np.abs(np.float64(batch["x"])).mean()
    fake = 0.3 * np.abs(2 * np.float64(batch["latent"])).mean()
    return game, View(players, batch, KEYS), real, fake


@pytest.mark.parametrize("k", [0.0, 0.4])
def test_losses_are_those_by_hand(k):
    game, view, real, fake = made(k, balance=0.6)
    discriminator, generator = game.turns
    value, aux = discriminator.loss(view)
    np.testing.assert_allclose(value, real - k * fake, rtol=1e-5)
    expected = {
        "real_error": real,
        "fake_error": fake,
        "k": k,
        "convergence": real + abs(0.6 * real - fake),
    }
    assert {n: float(v) for n, v in aux.metrics.items()} == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(generator.loss(view)[0], fake, rtol=1e-5)


@pytest.mark.parametrize(("k", "gain"), [(0.5, 0.1), (0.01, 10.0), (0.5, 0.0)])
def test_the_controller_moves_k_by_what_is_out_of_balance(k, gain):
    game, view, real, fake = made(k, balance=0.5, gain=gain)
    turn = game.turns[0]
    memory = turn.update(view.players["discriminator"]["memory"], turn.loss(view)[1].seen, KEYS, 0)
    by_hand = np.clip(k + gain * (0.5 * real - fake), 0, 1)
    np.testing.assert_allclose(memory["k"], by_hand, rtol=1e-5)
    assert 0.5 * real < fake  # so that k falls, with the great gain to 0


def test_a_sample_is_the_generators_of_a_latent():
    game, view, *_ = made()
    np.testing.assert_allclose(game.sample(view.players, view.batch), 2 * view.batch["latent"])
