import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import nets, prng
from gan_jax.game import Game, Turn, View, apply, initialise, join, part
from gan_jax.layers import Dropout

KEY = jax.random.key(5)
KEYS = prng.per_example(KEY, 4)
X = jnp.arange(12.0).reshape(4, 3)


def test_joined_variables_come_apart_again():
    nets_ = {
        "one": {"params": {"w": 1}, "batch_stats": {"mean": 2}},
        "two": {"params": {"w": 3}},
    }
    joined = join(**nets_)
    assert joined == {
        "batch_stats": {"one": {"mean": 2}},
        "params": {"one": {"w": 1}, "two": {"w": 3}},
    }
    assert {name: part(joined, name) for name in nets_} == nets_


def test_a_players_memory_belongs_to_none_of_its_nets():
    joined = {**join(one={"params": {"w": 1}}), "memory": {"one": 7}}
    assert part(joined, "one") == {"params": {"w": 1}}


@pytest.mark.parametrize("train", [False, True])
def test_apply_returns_new_statistics_in_training_alone(train):
    net = nets.dcgan.Generator(8, 1, width=2)
    latent = jax.random.normal(KEY, (4, 3))
    variables = net.init(KEY, latent, train=True)
    _, stats = apply(net, variables, latent, None, train=train)
    before = variables["batch_stats"]["BatchNorm_0"]["mean"]
    assert stats.keys() == {"batch_stats"}
    changed = bool(jnp.any(stats["batch_stats"]["BatchNorm_0"]["mean"] != before))
    assert changed == train


class Shown(nn.Module):
    """Tells which collections it sees."""

    @nn.compact
    def __call__(self, x, train=False):
        return list(self.variables), nn.Dense(2)(x)


def test_a_net_is_not_shown_its_players_memory():
    variables = {**initialise(Shown(), KEY, X), "memory": {"count": jnp.zeros((), jnp.int32)}}
    (shown, _), stats = apply(Shown(), variables, X, train=True)
    assert shown == ["params"]
    assert stats == {}


class Dropped(nn.Module):
    """Draws by its examples' keys."""

    @nn.compact
    def __call__(self, x, train=False, keys=None):
        return Dropout(0.5)(x, keys, train)


class DroppedAtOnce(nn.Module):
    """Draws by one key for the whole batch, as flax does."""

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dropout(0.5, deterministic=not train)(x)


def test_a_net_that_draws_is_given_the_examples_keys():
    output, _ = apply(Dropped(), {}, X, train=True, keys=KEYS)
    alone, _ = apply(Dropped(), {}, X[2:3], train=True, keys=KEYS[2:3])
    np.testing.assert_array_equal(output[2:3], alone)
    assert 0 < np.mean(np.asarray(output[X > 0]) == 0) < 1
    np.testing.assert_array_equal(apply(Dropped(), {}, X, train=False)[0], X)


def test_a_net_that_draws_once_for_the_whole_batch_is_refused():
    variables = initialise(DroppedAtOnce(), KEY, X)
    with pytest.raises(ValueError, match=r"DroppedAtOnce draws one noise .* `keys` \[B\]"):
        apply(DroppedAtOnce(), variables, X, train=True, keys=KEYS)
    np.testing.assert_array_equal(apply(DroppedAtOnce(), variables, X, train=False)[0], X)


def test_a_view_of_one_device_is_of_the_whole_batch():
    view = View({}, {"x": X}, KEYS)
    tree = {"x": X, "sum": jnp.sum(X, axis=1)}
    means = view.mean(tree)
    np.testing.assert_allclose(means["x"], np.mean(X, axis=0))
    np.testing.assert_allclose(means["sum"], np.mean(np.sum(X, axis=1)))
    assert jax.tree.map(np.shape, view.gather(tree)) == jax.tree.map(np.shape, tree)


def game_of(*turns):
    none = lambda *_: {}
    return Game(init=none, turns=turns, inputs=none, sample=none)


def test_a_step_takes_as_many_batches_as_the_turn_that_repeats_most():
    turns = (Turn("a", None, repeats=3), Turn("b", None), Turn("a", None, name="lazy", repeats=2))
    assert game_of(*turns).repeats == 3


@pytest.mark.parametrize(("steps", "a", "b"), [(0, 0, 0), (1, 5, 1), (10, 30, 10), (11, 35, 11)])
def test_updates_count_all_turns_with_their_repeats_and_conditions(steps, a, b):
    game = game_of(
        Turn("a", None, repeats=2),
        Turn("a", None, name="lazy", when=lambda step: step % 5 == 0),  # 0, 5, 10
        Turn("a", None, name="first", repeats=2, when=lambda step: (step < 4) | (step == 10)),
        Turn("b", None),
    )
    assert game.updates("a", steps) == a
    assert game.updates("b", steps) == b
    assert game.updates("frozen", steps) == 0
