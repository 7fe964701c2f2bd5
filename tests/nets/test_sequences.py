import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.algorithms._language_model import by_quantile, unroll, write
from gan_jax.nets.sequences import LSTM, Discriminator, Transformer
from gan_jax.nets.wavenet import WaveNet

X = np.random.default_rng(0).integers(5, size=(3, 4)).astype(np.int32)
WRITERS = {
    "lstm": LSTM(5, 6),
    "transformer": Transformer(5, 6, heads=3),
    "wavenet": WaveNet(5, 4, 6, layers=2, cycles=2),
}


@pytest.fixture(params=WRITERS)
def writer(request):
    net = WRITERS[request.param]
    variables = net.init(jax.random.key(0), X)
    noise = lambda leaf: leaf + jax.random.normal(jax.random.key(1), leaf.shape)
    return net, jax.tree.map(noise, variables)


def test_what_is_said_of_whole_sequences_is_said_place_by_place(writer):
    net, variables = writer
    step_by_step = unroll(net, variables, jnp.asarray(X), lambda logits, token: (token, logits))
    whole = net.apply(variables, X)
    np.testing.assert_allclose(step_by_step, whole, rtol=1e-5, atol=1e-5)
    one_hot = lambda logits, token: (jax.nn.one_hot(token, 5), logits)
    again = unroll(net, variables, jnp.asarray(X), one_hot)
    np.testing.assert_allclose(again, whole, rtol=1e-5, atol=1e-5)


def test_a_place_knows_nothing_of_itself_and_what_comes_after(writer):
    net, variables = writer
    other = X.copy()
    other[:, 2:] = (other[:, 2:] + 1) % 5
    a, b = net.apply(variables, X), net.apply(variables, other)
    np.testing.assert_array_equal(a[:, :3], b[:, :3])
    assert np.all(np.any(np.asarray(a[:, 3] != b[:, 3]), axis=-1))


def test_tokens_are_drawn_as_the_logits_say():
    logits = jnp.broadcast_to(jnp.log(jnp.array([0.0, 0.2, 0.5, 0.3])), (1000, 4))
    uniform = (jnp.arange(1000) + 0.5) / 1000
    counts = np.bincount(by_quantile()(logits, uniform), minlength=4)
    np.testing.assert_allclose(counts, [0, 200, 500, 300], atol=1)
    sharp = np.bincount(by_quantile(0.5)(logits, uniform), minlength=4)
    np.testing.assert_allclose(sharp, 1000 * np.array([0, 4, 25, 9]) / 38, atol=1)


def test_a_sequence_begins_as_given_and_ends_where_it_ends(writer):
    net, variables = writer
    uniform = jax.random.uniform(jax.random.key(2), X.shape)
    free = write(net, variables, uniform, by_quantile())
    begun = write(net, variables, uniform, by_quantile(), given=(jnp.asarray(X), 2))
    np.testing.assert_array_equal(begun[:, :2], X[:, :2])
    end = int(free[0, 1])
    ended = np.asarray(write(net, variables, uniform, by_quantile(), end=end))
    for row, before in zip(ended, np.asarray(free), strict=True):
        known = len(row) if end not in before else list(before).index(end)
        np.testing.assert_array_equal(row[:known], before[:known])
        assert set(row[known:]) <= {end}


@pytest.mark.parametrize("representations", [1, 2])
def test_tokens_are_judged_as_their_one_hot_vectors_are(representations):
    net = Discriminator(5, 3, representations, (1, 2), 4)
    variables = net.init(jax.random.key(0), X)
    judged = net.apply(variables, X)
    assert judged.shape == ((3,) if representations == 1 else (3, 2))
    np.testing.assert_allclose(net.apply(variables, jax.nn.one_hot(X, 5)), judged, atol=1e-5)


def test_a_wavenet_sees_as_far_back_as_its_dilations_reach_and_hears_its_label():
    net = WaveNet(5, 4, 6, layers=3, cycles=2, num_classes=2)
    x, label = jnp.zeros((2, 20), jnp.int32), jnp.array([0, 1])
    random = np.random.default_rng(0)  # biases too
    variables = jax.tree.map(
        lambda leaf: jnp.asarray(random.normal(0, 0.4, leaf.shape), jnp.float32),
        jax.eval_shape(net.init, jax.random.key(0), x, label),
    )
    logits = net.apply(variables, x, label)
    changed = net.apply(variables, x.at[:, 2].set(1), label)
    reach = 1 + 2 * 7
    assert list(np.flatnonzero(np.any(changed != logits, axis=(0, 2)))) == list(range(3, 3 + reach))
    assert np.all(np.any(net.apply(variables, x, 1 - label) != logits, axis=-1))
    with pytest.raises(ValueError, match="needs a label"):
        net.apply(variables, x, None)
    said = unroll(net, variables, x, lambda logits, token: (token, logits), label)
    np.testing.assert_allclose(said, logits, atol=1e-5)
