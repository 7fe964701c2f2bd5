import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import moved, trained
from scipy.special import logsumexp, softmax

from gan_jax import losses, nets, priors, prng
from gan_jax.algorithms import aae
from gan_jax.game import View

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 5)
LATENT, CLASSES = 2, 3
BATCH = {
    "x": jax.random.normal(KEY, (5, 4)),
    "labelled": jax.random.normal(jax.random.key(1), (5, 4)),
    "labelled_label": jnp.array([0, 2, 1, 1, 0]),
}


def make_game(classes=CLASSES, hidden=(), **settings):
    """Affine nets, unless they have hidden layers."""
    return aae(
        nets.mlp.Encoder(classes + LATENT, hidden),
        nets.mlp.Generator((4,), hidden, final=None),
        nets.mlp.Discriminator(hidden),
        prior=priors.normal(LATENT),
        classes=classes,
        **settings,
    )


def view_of(game):
    return View(game.init(KEY, BATCH), BATCH | game.inputs(KEYS, BATCH), KEYS)


def affine(layers, x):
    """By a net of a single dense layer, in float64."""
    (dense,) = (layers[name]["Dense_0"] for name in layers if "Dense_0" in layers[name])
    dense = jax.tree.map(np.float64, dense)
    return np.float64(x) @ dense["kernel"] + dense["bias"]


def by_hand(view, classes):
    """Codes by name, their logits and reconstructions."""
    params = view.players["autoencoder"]["params"]
    output = affine(params["encoder"], view.batch["x"])
    logits, latent = output[:, :classes], output[:, classes:]
    code = {"latent": latent} | ({"class": softmax(logits, axis=1)} if classes else {})
    return code, affine(params["decoder"], np.concatenate([code[n] for n in sorted(code)], axis=1))


SIDES = {
    "NON_SATURATING": (
        lambda real, fake: np.logaddexp(0, -real) + np.logaddexp(0, fake),
        lambda fake: np.logaddexp(0, -fake),
    ),
    "HINGE": (
        lambda real, fake: np.maximum(0, 1 - real) + np.maximum(0, 1 + fake),
        lambda fake: -fake,
    ),
}


@pytest.mark.parametrize("classes", [0, CLASSES])
@pytest.mark.parametrize("name", SIDES)
def test_every_phase_descends_its_loss_by_hand(name, classes):
    game = make_game(classes, loss=getattr(losses, name))
    view = view_of(game)
    code, again = by_hand(view, classes)
    critics = view.players["discriminator"]["params"]
    of_discriminator, of_generator = SIDES[name]
    logits = {
        n: [affine(critics[n], x)[:, 0] for x in (view.batch[n], code[n])] for n in sorted(code)
    }
    expected = {
        "reconstruction": np.mean((again - np.float64(BATCH["x"])) ** 2),
        "": sum(of_discriminator(real, fake).mean() for real, fake in logits.values()),
        "regularisation": sum(of_generator(fake).mean() for _, fake in logits.values()),
    }
    if classes:
        of_labelled = affine(view.players["autoencoder"]["params"]["encoder"], BATCH["labelled"])
        of_labelled, label = of_labelled[:, :classes], np.asarray(BATCH["labelled_label"])
        log_p = of_labelled - logsumexp(of_labelled, axis=1, keepdims=True)
        expected["classification"] = -log_p[np.arange(5), label].mean()
    assert [turn.name for turn in game.turns] == list(expected)
    for turn in game.turns:
        value, aux = turn.loss(view)
        assert float(value) == pytest.approx(expected[turn.name], rel=1e-5), turn.name
        if turn.name == "classification":
            assert aux.metrics["accuracy"] == np.mean(of_labelled.argmax(axis=1) == label)
        if turn.player == "discriminator":
            found = {n: float(v) for n, v in aux.metrics.items()}
            sides = {f"{side}_logit_{n}": 0.0 for n in logits for side in ("real", "fake")}
            for n, (real, fake) in logits.items():
                sides |= {f"real_logit_{n}": real.mean(), f"fake_logit_{n}": fake.mean()}
            assert found == pytest.approx(sides, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("classes", [0, CLASSES])
def test_each_phase_moves_its_nets_alone(classes):
    critics = {"discriminator/latent"} | ({"discriminator/class"} if classes else set())
    expected = {
        "autoencoder/reconstruction": {"autoencoder/encoder", "autoencoder/decoder"},
        "discriminator": critics,
        "autoencoder/regularisation": {"autoencoder/encoder"},
    }
    if classes:
        expected["autoencoder/classification"] = {"autoencoder/encoder"}
    assert moved(make_game(classes), BATCH) == expected


def test_statistics_follow_the_reconstruction():
    game = aae(
        nets.mlp.Encoder(LATENT, (4,), batch_norm=True),
        nets.mlp.Generator((4,), (4,), batch_norm=True),
        nets.mlp.Discriminator(()),
        prior=priors.normal(LATENT),
    )
    view = view_of(game)
    old = {"batch_stats": view.players["autoencoder"]["batch_stats"]}
    stats = {turn.name: turn.loss(view)[1].stats for turn in game.turns}
    new = stats["reconstruction"]
    assert set(new["batch_stats"]) == {"encoder", "decoder"}
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool(jnp.any(a != b)), new, old)))
    assert stats["regularisation"] is None


@pytest.mark.parametrize("classes", [0, CLASSES])
def test_a_code_is_what_the_decoder_reads(classes):
    view = view_of(game := make_game(classes))
    code, _ = by_hand(view, classes)
    expected = np.concatenate([code[name] for name in sorted(code)], axis=1)
    assert expected.shape == (5, classes + LATENT)
    np.testing.assert_allclose(
        game.encode(view.players, BATCH["x"]), expected, rtol=1e-5, atol=1e-6
    )


def test_without_a_discriminator_there_is_but_reconstruction():
    full = make_game(0)
    game = aae(
        nets.mlp.Encoder(LATENT, ()),
        nets.mlp.Generator((4,), (), final=None),
        None,
        prior=priors.normal(LATENT),
    )
    view = view_of(game)
    assert set(view.players) == {"autoencoder"}
    (turn,) = game.turns
    assert float(turn.loss(view)[0]) == float(full.turns[0].loss(view)[0])


def test_labels_reach_the_classification_alone():
    game = make_game()
    view = view_of(game)
    other = view._replace(batch=view.batch | {"labelled_label": 2 - BATCH["labelled_label"]})
    differ = {turn.name: bool(turn.loss(view)[0] != turn.loss(other)[0]) for turn in game.turns}
    assert [name for name, changes in differ.items() if changes] == ["classification"]


@pytest.mark.parametrize("classes", [0, CLASSES])
def test_a_sample_is_decoded_from_draws_of_the_prior(classes):
    game = make_game(classes)
    view = view_of(game)
    inputs = game.inputs(KEYS, {})
    assert set(inputs) == ({"class", "latent"} if classes else {"latent"})
    code = np.concatenate([inputs[name] for name in sorted(inputs)], axis=1)
    if classes:
        np.testing.assert_array_equal(np.sort(code[:, :classes]), [[0, 0, 1]] * 5)
    expected = affine(view.players["autoencoder"]["params"]["decoder"], code)
    np.testing.assert_allclose(game.sample(view.players, inputs), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("classes", [0, CLASSES])
def test_reconstructions_are_shown_and_the_encoder_measured(classes):
    game = make_game(classes)
    view = view_of(game)
    _, again = by_hand(view, classes)
    shown = game.show(view.players, view.batch, KEYS)
    assert list(shown) == ["input", "reconstruction", "sample"]
    np.testing.assert_allclose(shown["reconstruction"], again, rtol=1e-4, atol=1e-5)
    found = game.metrics(view.players, view.batch, KEYS)
    error = np.mean((again - np.float64(BATCH["x"])) ** 2)
    np.testing.assert_allclose(found.pop("reconstruction"), error, rtol=1e-5)
    if classes:
        logits = affine(view.players["autoencoder"]["params"]["encoder"], BATCH["labelled"])
        right = logits[:, :classes].argmax(axis=1) == BATCH["labelled_label"]
        assert found.pop("accuracy") == right.mean()
    assert not found


def test_six_labels_name_three_clusters_and_codes_come_to_the_prior():
    game = make_game(hidden=(32,))
    centres = 2 * jax.random.normal(jax.random.key(2), (CLASSES, 4))
    label = jnp.arange(120) % CLASSES
    x = centres[label] + 0.4 * jax.random.normal(KEY, (120, 4))
    data = {
        "x": x,
        "labelled": jnp.tile(x[:6], (20, 1)),
        "labelled_label": jnp.tile(label[:6], 20),
    }
    first, last = trained(game, data, steps=600, rate=3e-3)
    held_out = data | {"labelled": x, "labelled_label": label}
    keys = prng.per_example(KEY, 120)
    before, after = (game.metrics(s.variables(), held_out, keys) for s in (first, last))
    assert after["accuracy"] > 0.95
    assert after["reconstruction"] < 0.2 * before["reconstruction"]
    params = last.variables()["autoencoder"]["params"]["encoder"]
    latent = nets.mlp.Encoder(CLASSES + LATENT, (32,)).apply({"params": params}, x)[:, CLASSES:]
    np.testing.assert_allclose(latent.mean(axis=0), 0, atol=0.4)
    np.testing.assert_allclose(latent.std(axis=0), 1, atol=0.4)
