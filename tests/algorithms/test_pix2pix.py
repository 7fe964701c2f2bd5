import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import moved

from gan_jax import layers, nets, prng
from gan_jax.algorithms import perceptual, pix2pix, targets
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
    game, _, view = made(loss=loss, error=7.0)
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


def test_a_discriminator_that_is_not_conditional_sees_images_of_another_size():
    small = {**BATCH, "source": SOURCE[:, :2, :2]}
    grow = nets.srgan.Generator(1, width=2, blocks=1, factor=2)
    game = pix2pix(grow, nets.patch.Discriminator(2, 1), conditional=False)
    large = {**small, "x": jnp.zeros((4, 4, 4, 1))}
    shapes = jax.eval_shape(lambda: game.init(KEY, large))
    assert shapes["discriminator"]["params"]["Conv_0"]["kernel"].shape == (4, 4, 1, 2)


def test_without_the_adversary_there_is_no_turn_of_it():
    game, _, view = made(adversarial=0.0, error=1.0)
    (turn,) = game.turns
    value, aux = turn.loss(view)
    assert turn.player == "generator"
    assert value == aux.metrics["l1"]


def test_a_scheduled_adversary_rests_until_its_weight_grows():
    game, _, view = made(adversarial=lambda step: jnp.where(step < 5, 0.0, 0.1), error=0.0)
    against, generator = game.turns
    assert [bool(against.when(step)) for step in (0, 4, 5)] == [False, False, True]
    early, late = (generator.loss(view._replace(step=step)) for step in (4, 5))
    assert early[0] == 0
    np.testing.assert_allclose(late[0], 0.1 * late[1].metrics["adversarial"], rtol=1e-6)


class Doubled(nn.Module):
    """Maps for a perceptual loss: twice the image."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return {"map": x * self.param("by", nn.initializers.constant(2.0), ())}


def test_a_perceptual_term_compares_maps_of_a_net_that_stays_as_it_is():
    game, players, view = made(comparisons=[perceptual(Doubled(), 3.0)], adversarial=0.0, error=0.0)
    fake = by_hand(view)[0]
    value, aux = game.turns[-1].loss(view)
    by_maps = 3 * np.mean((2 * fake - 2 * np.float64(X)) ** 2)
    np.testing.assert_allclose(value, by_maps, rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["perceptual"], by_maps, rtol=1e-5)
    assert players["perceptual"]["params"]["by"] == 2
    assert moved(game, BATCH) == {"generator": {"generator/by"}}


class Logits(nn.Module):
    @nn.compact
    def __call__(self, x, label=None, train=False, keys=None):
        return nn.Dense(3)(x)


def test_maps_of_classes_go_in_and_come_out():
    label = jax.random.randint(KEY, (4, 3, 3), 0, 3)
    batch = {"source": label, "x": label}
    one_hot = lambda source: targets.one_hot(source, 3)
    game = pix2pix(
        Logits(), nets.patch.Discriminator(2, 1), target=targets.labels(3), encode=one_hot
    )
    players = game.init(KEY, batch)
    sample = game.sample(players, game.inputs(KEYS, batch))
    assert (sample.shape, sample.dtype) == ((4, 3, 3), jnp.int32)
    probabilities = jax.nn.softmax(Logits().apply(players["generator"], one_hot(label)))
    right = np.take_along_axis(np.asarray(probabilities), np.asarray(label)[..., None], axis=-1)
    found = game.metrics(players, batch, KEYS)["cross_entropy"]
    np.testing.assert_allclose(found, -np.log(right).mean(), rtol=1e-5)
    assert moved(game, batch) == {"discriminator": {"discriminator"}, "generator": {"generator"}}


class Several(nn.Module):
    """Two discriminators of translations alone, with features."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        w = self.param("w", lambda key: jnp.array([1.0, -2.0]))
        return {
            "logits": [w[0] * x[..., 0], w[1] * x[:, 0, 0, 0]],
            "features": [w[0] * x, [w[1] * x]],
        }


def test_several_discriminators_losses_are_summed_and_features_matched():
    game = pix2pix(
        Dropping(), Several(), loss=LEAST_SQUARES, adversarial=2.0, matching=3.0, conditional=False
    )
    players = game.init(KEY, BATCH)
    view = View(players, {**BATCH, **game.inputs(KEYS, {"source": SOURCE})}, KEYS)
    fake, real = by_hand(view)[0], np.float64(X)
    discriminator, generator = game.turns
    halves = lambda x, target: np.mean((x - target) ** 2) / 2
    logits = [(real[..., 0], fake[..., 0]), (-2 * real[:, 0, 0, 0], -2 * fake[:, 0, 0, 0])]
    value, _ = discriminator.loss(view)
    expected = sum(halves(a, 1) + halves(b, 0) for a, b in logits)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    value, aux = generator.loss(view)
    l1 = np.abs(fake - real).mean()
    np.testing.assert_allclose(aux.metrics["matched_features"], 3 * l1, rtol=1e-5)
    adversarial = sum(halves(b, 1) for _, b in logits)
    np.testing.assert_allclose(value, 2 * adversarial + 100 * l1 + 3 * 3 * l1, rtol=1e-5)


def test_films_are_shown_to_the_discriminator_one_after_the_other():
    class Late(nn.Module):
        """A logit that is the sum of the last frame."""

        @nn.compact
        def __call__(self, x, label=None, train=False):
            return self.param("w", nn.initializers.ones, ()) * x[:, -1].sum(axis=(1, 2, 3))

    films = {"source": jnp.ones((4, 3, 2, 2, 1)), "x": jnp.full((4, 3, 2, 2, 1), 2.0)}
    game = pix2pix(Dropping(), Late(), beside=1)
    players = game.init(KEY, films)
    view = View(players, {**films, **game.inputs(KEYS, films)}, KEYS)
    _, aux = game.turns[0].loss(view)
    assert aux.metrics["real_logit"] == 8  # four pixels of 2
