import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import moved, trained

from gan_jax import losses, nets, prng
from gan_jax.algorithms import vae_gan
from gan_jax.game import View
from gan_jax.layers import BatchNorm

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 5)
BATCH = {"x": jax.random.normal(KEY, (5, 3))}
LATENT, WEIGHT = 2, 0.5


def make_game(hidden=(), **settings):
    """Affine encoder and generator; D's one hidden layer are its features."""
    return vae_gan(
        nets.mlp.Encoder(2 * LATENT, hidden),
        nets.mlp.Generator((3,), hidden, final=None),
        nets.mlp.Discriminator((4,), features=True),
        latent_dim=LATENT,
        **{"similarity_weight": WEIGHT, **settings},
    )


def view_of(game):
    return View(game.init(KEY, BATCH), BATCH | game.inputs(KEYS, BATCH), KEYS)


def by_hand(view):
    """KL, feature nll and D's logits on data, reconstructions and samples, in float64."""
    params = {
        n: jax.tree.map(np.float64, p["params"])["MLP_0"]["Dense_0"]
        for n, p in view.players.items()
    }
    affine = lambda of, x: x @ of["kernel"] + of["bias"]
    mean, log_variance = np.split(affine(params["encoder"], np.float64(BATCH["x"])), 2, axis=1)
    noise = np.float64(prng.normal(prng.fold_in(KEYS, "posterior"), (LATENT,)))
    latents = mean + np.exp(log_variance / 2) * noise, np.float64(view.batch["latent"])
    again, sample = (affine(params["generator"], z) for z in latents)
    head = jax.tree.map(np.float64, view.players["discriminator"]["params"]["Head_0"]["Dense_0"])
    hidden = [affine(params["discriminator"], x) for x in (np.float64(BATCH["x"]), again, sample)]
    features = [np.where(h > 0, h, 0.2 * h) for h in hidden]
    kl = 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance, axis=1)
    squared = np.sum((features[0] - features[1]) ** 2, axis=1)
    nll = 0.5 * squared + 2 * np.log(2 * np.pi)  # of four features
    return kl.mean(), nll.mean(), *(affine(head, f)[:, 0] for f in features)


SIDES = {
    "NON_SATURATING": (
        lambda real, fake: np.logaddexp(0, -real) + np.logaddexp(0, fake),
        lambda fake: np.logaddexp(0, -fake),
    ),
    "LEAST_SQUARES": (
        lambda real, fake: 0.5 * (real - 1) ** 2 + 0.5 * fake**2,
        lambda fake: 0.5 * (fake - 1) ** 2,
    ),
}


@pytest.mark.parametrize("name", SIDES)
def test_three_losses_are_those_by_hand(name):
    game = make_game(loss=getattr(losses, name))
    view = view_of(game)
    kl, nll, real, again, sample = by_hand(view)
    of_discriminator, of_generator = SIDES[name]
    adversarial = of_generator(again).mean() + of_generator(sample).mean()
    expected = {
        "discriminator": np.mean(of_discriminator(real, again) + of_discriminator(real, sample)),
        "encoder": kl + nll,
        "generator": WEIGHT * nll + adversarial,
    }
    metrics = {
        "discriminator": {
            "real_logit": real.mean(),
            "reconstruction_logit": again.mean(),
            "sample_logit": sample.mean(),
        },
        "encoder": {"kl": kl, "feature_nll": nll},
        "generator": {"feature_nll": nll, "adversarial": adversarial},
    }
    for turn in game.turns:
        value, aux = turn.loss(view)
        assert float(value) == pytest.approx(expected.pop(turn.player), rel=1e-5), turn.player
        found = {n: float(v) for n, v in aux.metrics.items()}
        assert found == pytest.approx(metrics[turn.player], rel=1e-5), turn.player
    assert not expected


def test_each_player_moves_in_its_own_turn_alone():
    names = ("discriminator", "encoder", "generator")
    assert moved(make_game(), BATCH) == {name: {name} for name in names}


def test_the_encoder_does_not_hear_whether_its_reconstructions_look_real():
    game = make_game()
    view = view_of(game)
    turns = {turn.player: turn for turn in game.turns}
    critic = view.players["discriminator"]
    other = jax.tree.map(jnp.copy, critic)
    other["params"]["Head_0"]["Dense_0"]["kernel"] += 1.0

    def slopes(player, critic):
        def loss(params):
            players = {**view.players, "discriminator": critic, player: {"params": params}}
            return turns[player].loss(view._replace(players=players))[0]

        return jax.grad(loss)(view.players[player]["params"])

    for player, hears in (("encoder", False), ("generator", True)):
        differ = jax.tree.map(
            lambda a, b: bool(jnp.any(a != b)), slopes(player, critic), slopes(player, other)
        )
        assert set(jax.tree.leaves(differ)) == {hears}, player


def test_a_code_is_the_posteriors_mean():
    game = make_game()
    players = game.init(KEY, BATCH)
    layer = jax.tree.map(np.float64, players["encoder"]["params"]["MLP_0"]["Dense_0"])
    mean = (np.float64(BATCH["x"]) @ layer["kernel"] + layer["bias"])[:, :LATENT]
    np.testing.assert_allclose(game.encode(players, BATCH["x"]), mean, rtol=1e-5, atol=1e-6)


class Normalised(nn.Module):
    """A layer with batch statistics, as any of the three nets."""

    outputs: int
    judges: bool = False

    @nn.compact
    def __call__(self, x, label=None, train=False):
        x = BatchNorm()(nn.Dense(self.outputs)(x), train=train)
        return {"logits": x[:, 0], "features": x} if self.judges else x


def test_statistics_are_updated_in_the_own_turn_alone():
    critic = Normalised(4, judges=True)
    game = vae_gan(Normalised(2 * LATENT), Normalised(3), critic, latent_dim=LATENT)
    view = view_of(game)
    for turn in game.turns:
        _, aux = turn.loss(view)
        old = {"batch_stats": view.players[turn.player]["batch_stats"]}
        assert jax.tree.structure(dict(aux.stats)) == jax.tree.structure(old), turn.player
        changed = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), dict(aux.stats), old)
        assert all(jax.tree.leaves(changed)), turn.player


def test_reconstructions_and_samples_are_shown_and_measured():
    game = make_game()
    view = view_of(game)
    shown = game.show(view.players, BATCH, KEYS)
    assert list(shown) == ["input", "reconstruction", "sample"]
    np.testing.assert_array_equal(shown["input"], BATCH["x"])
    np.testing.assert_allclose(
        shown["sample"], game.sample(view.players, view.batch), rtol=1e-5, atol=1e-6
    )
    found = game.metrics(view.players, BATCH, KEYS)
    error = np.abs(np.float64(shown["reconstruction"]) - np.float64(BATCH["x"])).mean()
    np.testing.assert_allclose(found["l1"], error, rtol=1e-5)
    np.testing.assert_allclose(found["kl"], by_hand(view)[0], rtol=1e-5)


def test_training_brings_reconstructions_near_and_samples_to_the_data():
    """Points on a line in space, by the measure of a discriminator that learns."""
    game = make_game(hidden=(32,), similarity_weight=1.0)
    line, centre = jnp.array([[0.6, -0.5, 0.4]]), jnp.array([[1.0, 2.0, -1.0]])
    data = {"x": jax.random.normal(KEY, (128, 1)) * line + centre}
    first, last = trained(game, data, steps=600, rate=3e-3)
    keys = prng.per_example(KEY, 128)
    before, after = (game.metrics(s.variables(), data, keys)["l1"] for s in (first, last))
    assert after < 0.35 * before
    samples = game.sample(last.variables(), game.inputs(keys, data))
    np.testing.assert_allclose(samples.mean(axis=0), centre[0], atol=0.35)
