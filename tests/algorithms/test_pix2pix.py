import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers, prng
from gan_jax.algorithms import pix2pix
from gan_jax.game import View
from gan_jax.losses import LEAST_SQUARES, NON_SATURATING, RELATIVISTIC

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 4)
SOURCE, X = jax.random.normal(KEY, (2, 4, 3, 3, 1))
BATCH = {"source": SOURCE, "x": X}
LOSSES = {"ns": NON_SATURATING, "least squares": LEAST_SQUARES, "relativistic": RELATIVISTIC}


class Dropping(nn.Module):
    """Scales its input and drops half of it, in evaluation too: the noise."""

    @nn.compact
    def __call__(self, x, label=None, train=False, keys=None):
        x = x * self.param("by", nn.initializers.constant(0.5), ())
        return layers.Dropout(0.5, name="noise")(x, keys, train=True)


class Weighted(nn.Module):
    """A discriminator of pairs, whose logits are weighted sums of both at every place."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x @ self.param("w", lambda key: jnp.array([1.0, -2.0]))


def made(**settings):
    game = pix2pix(Dropping(), Weighted(), **settings)
    players = game.init(KEY, BATCH)
    inputs = game.inputs(KEYS, {"source": SOURCE})
    return game, players, View(players, {**BATCH, **inputs}, KEYS)


def by_hand(view):
    """Translation, kept places and both logits, in NumPy."""
    noise = prng.fold_in(prng.fold_in(KEYS, "noise"), "noise")  # the game's and the layer's
    kept = np.asarray(prng.uniform(noise, (3, 3, 1))) >= 0.5
    source, x = np.float64(SOURCE), np.float64(X)
    fake = np.where(kept, 0.5 * source / 0.5, 0)
    real_logits, fake_logits = ((source - 2 * target)[..., 0] for target in (x, fake))
    return fake, real_logits, fake_logits


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_by_hand(name):
    loss = LOSSES[name]
    game, _, view = made(loss=loss, l1_weight=7.0)
    fake, real_logits, fake_logits = by_hand(view)
    discriminator, generator = game.turns
    value, aux = discriminator.loss(view)
    np.testing.assert_allclose(
        value, loss.discriminator(real_logits, fake_logits).mean(), rtol=1e-5
    )
    np.testing.assert_allclose(aux.metrics["real_logit"], real_logits.mean(), rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["fake_logit"], fake_logits.mean(), rtol=1e-5)
    value, aux = generator.loss(view)
    adversarial = loss.generator(fake_logits, real_logits).mean()
    l1 = np.abs(fake - np.float64(X)).mean()
    np.testing.assert_allclose(aux.metrics["adversarial"], adversarial, rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["l1"], l1, rtol=1e-5)
    np.testing.assert_allclose(value, adversarial + 7 * l1, rtol=1e-5)


def test_a_sample_is_a_translation_whose_noise_is_dropout():
    game, players, view = made()
    sample = game.sample(players, game.inputs(KEYS, {"source": SOURCE}))
    np.testing.assert_allclose(sample, by_hand(view)[0], rtol=1e-6)
    others = game.inputs(prng.fold_in(KEYS, "other"), {"source": SOURCE})
    assert jnp.any(game.sample(players, others) != sample)
    assert game.conditions == ("source",)


def test_figures_and_strips_are_of_the_translation():
    game, players, view = made()
    fake = by_hand(view)[0]
    shown = game.show(players, BATCH, KEYS)
    assert list(shown) == ["source", "translation", "target"]
    np.testing.assert_allclose(shown["translation"], fake, rtol=1e-6)
    found = game.metrics(players, BATCH, KEYS)
    np.testing.assert_allclose(found["l1"], np.abs(fake - np.float64(X)).mean(), rtol=1e-5)
