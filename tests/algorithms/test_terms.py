"""What terms add to either side, by hand from the nets' outputs; and that it has a gradient."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from gan_jax import losses, priors, prng
from gan_jax.algorithms import gan, terms
from gan_jax.game import MEMORY, View

KEY = jax.random.key(0)
SIZE = 6
KEYS = prng.per_example(KEY, SIZE)
BATCH = {"x": jax.random.normal(KEY, (SIZE, 3)), "label": jnp.arange(SIZE) % 3}


class Scaled(nn.Module):
    """A generator: tanh(latent W)."""

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        return jnp.tanh(nn.Dense(3, use_bias=False, name="w")(latent))


class Telling(nn.Module):
    """A discriminator with features, classes and logits, all of one hidden layer."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        features = jnp.tanh(nn.Dense(4, name="hidden")(x))
        logits = nn.Dense(1, name="logits")(features)[:, 0]
        return {
            "logits": logits,
            "features": features,
            "class": nn.Dense(3, name="class")(features),
        }


PRIOR = {"latent": priors.normal(2), "code": priors.one_hot(3)}


def made(term):
    game = gan(Scaled(), Telling(), prior=PRIOR, loss=losses.NONE, terms=[term])
    return game, game.init(KEY, BATCH)


def view_of(game, players):
    return View(players, {**BATCH, **game.inputs(KEYS, BATCH)}, KEYS)


def side(game, players, player):
    """The value of one side, and the gradient by its parameters."""
    (turn,) = (turn for turn in game.turns if turn.player == player)

    def loss(params):
        mine = {**players[player], "params": params}
        return turn.loss(view_of(game, {**players, player: mine}))[0]

    return jax.value_and_grad(loss)(players[player]["params"])


def outputs(game, players):
    """D's outputs of data and samples, float64, and the samples."""
    samples = Scaled().apply(players["generator"], latent_of(game.inputs(KEYS, BATCH)))
    judge = lambda x: jax.tree.map(np.float64, Telling().apply(players["discriminator"], x))
    return judge(BATCH["x"]), judge(samples), np.float64(samples), judge


def latent_of(inputs, **changes):
    inputs = inputs | changes
    return jnp.concatenate([inputs[name] for name in sorted(PRIOR)], axis=-1)


def named(output):
    return -log_softmax(output["class"], axis=1)[np.arange(SIZE), BATCH["label"]]


def cosines(features):
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    squared = (unit @ unit.T) ** 2
    return (squared.sum() - np.trace(squared)) / (SIZE * (SIZE - 1))


def by_code(game, output):
    code = np.asarray(game.inputs(KEYS, {})["code"])
    return -(code * log_softmax(output["class"], axis=1)).sum(axis=1)


def anew(purpose, game, players, std=None):
    """The latent that a term draws, and what G makes of it."""
    inputs = game.inputs(KEYS, BATCH)
    noise = prng.normal(prng.fold_in(KEYS, purpose), (2,))
    other = noise if std is None else inputs["latent"] + std * noise
    samples = Scaled().apply(players["generator"], latent_of(inputs, latent=other))
    return np.float64(inputs["latent"]), np.float64(other), samples


def seeking(game, players):
    z, other, samples = anew("mode seeking", game, players)
    _, _, fake, _ = outputs(game, players)
    apart = np.abs(fake - samples).mean(axis=1) / np.abs(z - other).mean(axis=1)
    return (2 / (apart + 1e-5)).mean()


def steady(game, players):
    _, fake, _, judge = outputs(game, players)
    moved = judge(anew("latent consistency", game, players, 0.1)[2])
    return 5 * ((fake["logits"] - moved["logits"]) ** 2).mean()


def lively(game, players):
    samples = outputs(game, players)[2]
    moved = np.float64(anew("latent consistency", game, players, 0.1)[2])
    return -0.5 * ((samples - moved) ** 2).mean()


def squares(game, players):
    real, fake, _, _ = outputs(game, players)
    return 0.3 * ((real["logits"] ** 2).mean() + (fake["logits"] ** 2).mean())


def margin(output, label):
    scores = np.concatenate([output["class"], -output["logits"][:, None]], axis=1)
    others = np.array([np.delete(row, k).max() for row, k in zip(scores, label, strict=True)])
    return np.maximum(0, 1 - scores[np.arange(SIZE), label] + others).mean()


def correlations(game, players, player):
    total = 0.0
    for leaf in jax.tree.leaves(players[player]["params"]):
        if leaf.ndim > 1:
            product = np.float64(leaf).T @ np.float64(leaf)
            total += (product[~np.eye(len(product), dtype=bool)] ** 2).sum()
    return total


# By name: the term, and what the discriminator and the generator minimise of it.
TERMS = {
    "auxiliary classifier": (
        terms.auxiliary_classifier(2.0, 3.0),
        lambda g, p: 2 * sum(named(output).mean() for output in outputs(g, p)[:2]),
        lambda g, p: 3 * named(outputs(g, p)[1]).mean(),
    ),
    "identification": (
        terms.identification("code", 2.0),
        lambda g, p: 2 * by_code(g, outputs(g, p)[1]).mean(),
        None,
    ),
    "multi-hinge": (
        terms.multi_hinge(2.0),
        lambda g, p: (
            2 * (margin(outputs(g, p)[0], BATCH["label"]) + margin(outputs(g, p)[1], [3] * SIZE))
        ),
        lambda g, p: 2 * margin(outputs(g, p)[1], BATCH["label"]),
    ),
    "orthogonal": (
        terms.orthogonal(0.5, 0.25),
        lambda g, p: 0.5 * correlations(g, p, "discriminator"),
        lambda g, p: 0.25 * correlations(g, p, "generator"),
    ),
    "feature matching": (
        terms.feature_matching(2.0),
        None,
        lambda g, p: (
            2
            * np.sum(
                np.subtract(*(output["features"].mean(axis=0) for output in outputs(g, p)[:2])) ** 2
            )
        ),
    ),
    "pulling away": (
        terms.pulling_away(2.0),
        None,
        lambda g, p: 2 * cosines(outputs(g, p)[1]["features"]),
    ),
    "mode seeking": (terms.mode_seeking(PRIOR["latent"], 2.0), None, seeking),
    "latent consistency": (terms.latent_consistency(5.0, 0.5, 0.1), steady, lively),
    "lecam at first": (terms.lecam(0.3), squares, None),
}


@pytest.mark.parametrize("name", TERMS)
def test_a_term_adds_what_its_paper_says_to_its_side_alone(name):
    term, *expected = TERMS[name]
    game, players = made(term)
    for player, by_hand in zip(("discriminator", "generator"), expected, strict=True):
        value, slope = side(game, players, player)
        wanted = 0.0 if by_hand is None else by_hand(game, players)
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-7, err_msg=player)
        moved = any(np.any(leaf != 0) for leaf in jax.tree.leaves(slope))
        assert moved == (by_hand is not None), player


@pytest.mark.parametrize("name", sorted(TERMS.keys() - {"lecam at first"}))
def test_gradients_of_terms_are_those_of_differences(name):
    term, *expected = TERMS[name]
    game, players = made(term)
    for player, by_hand in zip(("discriminator", "generator"), expected, strict=True):
        if by_hand is None:
            continue
        _, slope = side(game, players, player)
        leaves, structure = jax.tree.flatten(players[player]["params"])
        random = np.random.default_rng(0)
        direction = [jnp.float32(random.normal(size=leaf.shape)) for leaf in leaves]
        products = map(jnp.vdot, direction, jax.tree.leaves(slope))

        def at(step, player=player, leaves=leaves, direction=direction, structure=structure):
            moved = [leaf + step * d for leaf, d in zip(leaves, direction, strict=True)]
            params = jax.tree.unflatten(structure, moved)
            return {**players, player: {**players[player], "params": params}}

        difference = (by_hand(game, at(1e-2)) - by_hand(game, at(-1e-2))) / 2e-2
        np.testing.assert_allclose(sum(products), difference, rtol=2e-2, atol=1e-4, err_msg=player)


def test_lecams_anchors_follow_the_mean_logits_and_pull_the_other_side():
    term = terms.lecam(0.3, decay=0.9)
    game, players = made(term)
    real, fake, _, _ = outputs(game, players)
    turn = game.turns[0]
    memory = players["discriminator"][MEMORY]
    seen = ({"logits": jnp.float32(o["logits"])} for o in (real, fake))
    memory = turn.update(memory, tuple(seen), KEYS, 0)
    anchors = {n: 0.1 * o["logits"].mean() for n, o in (("real", real), ("fake", fake))}
    for name, anchor in anchors.items():
        np.testing.assert_allclose(memory["lecam"][name], anchor, rtol=1e-5)
    later = {**players, "discriminator": {**players["discriminator"], MEMORY: memory}}
    expected = 0.3 * (
        ((real["logits"] - anchors["fake"]) ** 2).mean()
        + ((fake["logits"] - anchors["real"]) ** 2).mean()
    )
    np.testing.assert_allclose(side(game, later, "discriminator")[0], expected, rtol=1e-5)


class Captioned(nn.Module):
    """A net of an image, or latent, and a caption, one-hot or mixed."""

    outputs: int

    @nn.compact
    def __call__(self, x, label=None, train=False):
        text = jax.nn.one_hot(label, 5) if label.ndim == 2 else label
        out = nn.Dense(self.outputs)(jnp.concatenate([x, text.reshape(len(x), -1)], axis=-1))
        return out[:, 0] if self.outputs == 1 else jnp.tanh(out)


def captioned(term, captions):
    nets = Captioned(3), Captioned(1)
    settings = {"loss": losses.NONE, "terms": [term], "conditional": "caption"}
    game = gan(*nets, prior=PRIOR["latent"], **settings)
    batch = {"x": BATCH["x"], "caption": captions}
    players = game.init(KEY, batch)
    return game, View(players, {**batch, **game.inputs(KEYS, batch)}, KEYS), nets


CAPTIONS = jnp.array([[0, 1], [2, 3], [4, 0], [1, 2], [3, 4], [2, 2]])


def test_data_under_captions_of_others_are_refused():
    game, view, (_, critic) = captioned(terms.matching_aware(0.5), CAPTIONS)
    assert game.conditions == ("caption",)
    draw = lambda key: jax.random.randint(key, (), 0, SIZE)
    chosen = np.array([draw(key) for key in prng.fold_in(KEYS, "wrong caption")])
    wrong = CAPTIONS[chosen]
    logits = critic.apply(view.players["discriminator"], BATCH["x"], wrong)
    others = chosen != np.arange(SIZE)
    assert others.any()
    expected = np.mean(0.5 * np.logaddexp(0, logits) * others)
    assert game.turns[0].loss(view)[0] == pytest.approx(expected, rel=1e-5)
    one = jnp.zeros_like(CAPTIONS)  # of which there is no other
    game, view, _ = captioned(terms.matching_aware(0.5), one)
    assert game.turns[0].loss(view)[0] == 0


class Patches(nn.Module):
    """Three logits of an image and a caption."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        text = jax.nn.one_hot(label, 5).reshape(len(x), -1)
        return nn.Dense(3)(jnp.concatenate([x, text], axis=-1))


def test_of_patches_all_or_none_are_refused():
    term, settings = terms.matching_aware(0.5), {"loss": losses.NONE, "conditional": "caption"}
    game = gan(Captioned(3), Patches(), prior=PRIOR["latent"], terms=[term], **settings)
    batch = {"x": BATCH["x"], "caption": CAPTIONS}
    players = game.init(KEY, batch)
    view = View(players, {**batch, **game.inputs(KEYS, batch)}, KEYS)
    draw = lambda key: jax.random.randint(key, (), 0, SIZE)
    chosen = np.array([draw(key) for key in prng.fold_in(KEYS, "wrong caption")])
    logits = Patches().apply(players["discriminator"], BATCH["x"], CAPTIONS[chosen])
    others = (chosen != np.arange(SIZE))[:, None]
    expected = np.mean(0.5 * np.logaddexp(0, logits) * others)
    assert game.turns[0].loss(view)[0] == pytest.approx(expected, rel=1e-5)


def test_latents_that_are_the_same_again_seek_no_mode():
    term = terms.mode_seeking(PRIOR["code"], 1.0, "code")  # one of three
    game, players = made(term)
    value, slope = side(game, players, "generator")
    assert 0 < value < np.inf
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))


def test_samples_under_captions_between_two_are_to_please():
    game, view, (generator, critic) = captioned(terms.interpolated_captions(5, 2.0), CAPTIONS)
    draw = lambda key: jax.random.randint(key, (), 0, SIZE)
    other = CAPTIONS[np.array([draw(key) for key in prng.fold_in(KEYS, "other caption")])]
    mixed = (jax.nn.one_hot(CAPTIONS, 5) + jax.nn.one_hot(other, 5)) / 2
    samples = generator.apply(view.players["generator"], view.batch["latent"], mixed)
    logits = critic.apply(view.players["discriminator"], samples, mixed)
    expected = 2 * np.mean(np.logaddexp(0, -logits))
    assert game.turns[1].loss(view)[0] == pytest.approx(expected, rel=1e-5)
