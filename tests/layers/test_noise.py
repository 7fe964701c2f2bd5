import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.layers import Dropout, PhaseShuffle
from gan_jax.prng import per_example

KEYS = per_example(jax.random.key(0), 6)
X = jax.random.normal(jax.random.key(1), (6, 40, 5))
DRAWS = {
    "dropout": lambda x, keys: Dropout(0.25).apply({}, x, keys, True),
    "phase shuffle": lambda x, keys: PhaseShuffle(2).apply({}, x, keys),
}
every_layer = pytest.mark.parametrize("name", DRAWS)


@every_layer
def test_an_examples_noise_is_its_own_however_the_batch_is_laid(name):
    draw = DRAWS[name]
    parts = jax.pmap(draw)(X.reshape(2, 3, 40, 5), KEYS.reshape(2, 3)).reshape(X.shape)
    np.testing.assert_array_equal(draw(X, KEYS), parts)
    np.testing.assert_array_equal(draw(X[::-1], KEYS[::-1])[::-1], parts)


@every_layer
def test_without_keys_it_is_refused(name):
    with pytest.raises(ValueError, match=r"needs keys \[B\]"):
        DRAWS[name](X, None)


@every_layer
def test_initialising_needs_no_keys(name):
    layer = Dropout(0.5) if name == "dropout" else PhaseShuffle(2)
    assert layer.init(jax.random.key(0), X, None) == {}


@every_layer
def test_two_in_one_net_draw_differently(name):
    class Two(nn.Module):
        @nn.compact
        def __call__(self, x, keys):
            if name == "dropout":
                return Dropout(0.5)(x, keys, True), Dropout(0.5)(x, keys, True)
            return PhaseShuffle(2)(x, keys), PhaseShuffle(2)(x, keys)

    first, second = Two().apply({}, X, KEYS)
    assert np.any(first != second)


def test_dropout_keeps_the_share_and_the_mean():
    y = Dropout(0.25).apply({}, jnp.ones((6, 10_000)), KEYS, True)
    np.testing.assert_array_equal(np.unique(y), np.array([0, 1 / 0.75], np.float32))
    np.testing.assert_allclose(np.mean(y, axis=1), 1, atol=0.03)  # five standard deviations
    correlation = np.corrcoef(y) - np.eye(6)
    assert np.abs(correlation).max() < 0.05


def test_dropouts_gradient_is_that_of_what_was_kept():
    y, pull = jax.vjp(lambda x: DRAWS["dropout"](x, KEYS), X)
    np.testing.assert_allclose(pull(jnp.ones_like(y))[0], np.where(y == 0, 0, 4 / 3), rtol=1e-6)


def test_dropout_keeps_the_dtype():
    assert DRAWS["dropout"](X.astype(jnp.bfloat16), KEYS).dtype == jnp.bfloat16


@pytest.mark.parametrize(("rate", "train"), [(0.0, True), (0.5, False)])
def test_dropout_without_effect_needs_no_keys(rate, train):
    assert Dropout(rate).apply({}, X, None, train) is X


def test_phase_shuffle_shifts_whole_signals_uniformly_and_reflects():
    signal = jnp.arange(10.0)
    keys = per_example(jax.random.key(2), 500)
    y = PhaseShuffle(2).apply({}, jnp.tile(signal[None, :, None], (500, 1, 2)), keys)
    np.testing.assert_array_equal(y[..., 0], y[..., 1])
    expected = {
        (2, 1, 0, 1, 2, 3, 4, 5, 6, 7),
        (1, 0, 1, 2, 3, 4, 5, 6, 7, 8),
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 8),
        (2, 3, 4, 5, 6, 7, 8, 9, 8, 7),
    }
    rows, counts = np.unique(y[..., 0], axis=0, return_counts=True)
    assert {tuple(row) for row in rows.astype(int).tolist()} == expected
    assert counts.min() > 60  # of 100 each; the standard deviation is 9


def test_phase_shuffles_gradient_counts_how_often_a_sample_is_heard():
    x = jnp.tile(jnp.arange(10.0)[None, :, None], (6, 1, 1))
    y, pull = jax.vjp(lambda x: PhaseShuffle(2).apply({}, x, KEYS), x)
    heard = [np.bincount(row, minlength=10) for row in np.asarray(y)[..., 0].astype(int)]
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0][..., 0], heard)
