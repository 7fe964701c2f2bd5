import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import prng
from gan_jax.algorithms import cyclegan
from gan_jax.game import View
from gan_jax.losses import LEAST_SQUARES, RELATIVISTIC

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 3)
A, B = np.random.default_rng(0).uniform(-1, 1, size=(2, 3, 4, 4, 1))
BATCH = {"a": jnp.float32(A), "b": jnp.float32(B)}


class Scale(nn.Module):
    """A translator that multiplies: the identity at 1."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x * self.param("by", nn.initializers.ones, ())


class PatchMeans(nn.Module):
    """A discriminator of 2 x 2 patches, whose logits are their scaled means."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        logits = nn.avg_pool(x, (2, 2), (2, 2))[..., 0]
        return logits * self.param("by", nn.initializers.ones, ())


def patch_means(x):
    return x.reshape(3, 2, 2, 2, 2).mean(axis=(2, 4))


SCALES = {"ab": 0.5, "ba": 3.0}
JUDGES = {"a": 2.0, "b": -1.5}
PLAYERS = {
    "generator": {"params": {way: {"by": jnp.float32(v)} for way, v in SCALES.items()}},
    "discriminator": {"params": {domain: {"by": jnp.float32(v)} for domain, v in JUDGES.items()}},
}
LOGITS = {
    "real": {"a": 2.0 * patch_means(A), "b": -1.5 * patch_means(B)},
    "fake": {"a": 2.0 * patch_means(3.0 * B), "b": -1.5 * patch_means(0.5 * A)},
}
ADVERSARIAL = {"least squares": LEAST_SQUARES, "relativistic": RELATIVISTIC}


def play(player, **settings):
    game = cyclegan(Scale(), PatchMeans(), pool_size=0, **settings)
    (turn,) = (turn for turn in game.turns if turn.player == player)
    return turn.loss(View(PLAYERS, BATCH, KEYS))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_discriminators_judge_their_own_domains_real_and_translated(name):
    loss = ADVERSARIAL[name]
    value, aux = play("discriminator", loss=loss)
    real, fake = LOGITS["real"], LOGITS["fake"]
    expected = sum(np.mean(loss.discriminator(real[d], fake[d])) for d in "ab")
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for domain in "ab":
        np.testing.assert_allclose(
            aux.metrics[f"fake_logit_{domain}"], np.mean(fake[domain]), rtol=1e-5
        )
        np.testing.assert_allclose(
            aux.metrics[f"real_logit_{domain}"], np.mean(real[domain]), rtol=1e-5
        )


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("identity_weight", [0.0, 5.0])
def test_generators_terms_are_those_by_hand(name, identity_weight):
    loss = ADVERSARIAL[name]
    settings = {"loss": loss, "cycle_weight": 7.0, "identity_weight": identity_weight}
    value, aux = play("generator", **settings)
    real, fake = LOGITS["real"], LOGITS["fake"]
    size_a, size_b = np.abs(A).mean(), np.abs(B).mean()
    adversarial = sum(np.mean(loss.generator(fake[d], real[d])) for d in "ab")
    cycle = abs(0.5 * 3.0 - 1) * (size_a + size_b)
    identity = (abs(3.0 - 1) * size_a + abs(0.5 - 1) * size_b) if identity_weight else 0.0
    expected = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
    assert aux.metrics.keys() == expected.keys()
    for term, by_hand in expected.items():
        np.testing.assert_allclose(aux.metrics[term], by_hand, rtol=1e-5, err_msg=term)
    total = adversarial + 7.0 * cycle + identity_weight * identity
    np.testing.assert_allclose(value, total, rtol=1e-5)


def test_translators_that_are_the_identity_lose_nothing_but_the_adversarial_term():
    game = cyclegan(Scale(), PatchMeans())
    players = game.init(KEY, BATCH)
    value, aux = game.turns[1].loss(View(players, BATCH, KEYS))
    assert aux.metrics["cycle"] == aux.metrics["identity"] == 0
    assert value == aux.metrics["adversarial"]


class Random(nn.Module):
    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x * self.param("by", nn.initializers.normal(1.0), ())


def test_every_network_starts_from_parameters_of_its_own():
    players = cyclegan(Random(), Random(), pool_size=0).init(KEY, BATCH)
    values = [float(leaf) for leaf in jax.tree.leaves(players)]
    assert len(values) == len(set(values)) == 4


def test_a_sample_is_a_translation_of_a():
    game = cyclegan(Scale(), PatchMeans())
    np.testing.assert_allclose(game.sample(PLAYERS, game.inputs(KEYS, BATCH)), 0.5 * A, rtol=1e-6)


def test_strips_show_either_domain_there_and_back():
    game = cyclegan(Scale(), PatchMeans())
    shown = game.show(PLAYERS, BATCH, KEYS)
    expected = {
        "a": A,
        "a to b": 0.5 * A,
        "and back to a": 1.5 * A,
        "b": B,
        "b to a": 3.0 * B,
        "and back to b": 1.5 * B,
    }
    assert shown.keys() == expected.keys()
    for title, images in expected.items():
        np.testing.assert_allclose(shown[title], images, rtol=1e-6, err_msg=title)


def test_discriminators_meet_past_fakes_once_their_pool_is_full():
    game = cyclegan(Scale(), PatchMeans(), pool_size=3)
    turn, players = game.turns[0], game.init(KEY, BATCH)
    assert players["discriminator"]["memory"]["a"].samples.shape == (3, 4, 4, 1)

    def taken(players, batch):
        value, aux = turn.loss(View(players, batch, KEYS))
        memory = turn.update(players["discriminator"]["memory"], aux.seen, KEYS, 0)
        critics = {**players["discriminator"], "memory": memory}
        return value, {**players, "discriminator": critics}

    # Translators are the identity at first, so that fakes of b are what a was.
    plain = cyclegan(Scale(), PatchMeans(), pool_size=0).turns[0].loss
    first, players = taken(players, BATCH)
    np.testing.assert_allclose(first, plain(View(players, BATCH, KEYS))[0], rtol=1e-6)
    np.testing.assert_array_equal(players["discriminator"]["memory"]["b"].samples, BATCH["a"])
    far = {domain: x + 10 for domain, x in BATCH.items()}
    second, players = taken(players, far)
    assert second < 0.99 * plain(View(players, far, KEYS))[0]
    kept = players["discriminator"]["memory"]["b"].samples
    whose = [any(np.array_equal(sample, x) for x in BATCH["a"]) for sample in kept]
    assert 0 < sum(whose) < 3


def test_the_reverse_game_translates_the_other_domain():
    back = cyclegan(Scale(), PatchMeans(), pool_size=0).reverse
    assert (back.conditions, back.target) == (("b",), "a")
    sample = back.sample(PLAYERS, back.inputs(KEYS, {"b": BATCH["b"]}))
    np.testing.assert_allclose(sample, 3.0 * B, rtol=1e-6)
