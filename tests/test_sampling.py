import flax.linen as nn
import jax
import numpy as np
import pytest

from gan_jax import algorithms, data, nets, parallel, priors, sampling
from gan_jax.data import Category, Image
from gan_jax.game import Game
from gan_jax.layers import BatchNorm
from gan_jax.types import UserError

KEY = jax.random.key(0)
GENERATOR, DISCRIMINATOR = nets.mlp.Generator((2,), (4,)), nets.mlp.Discriminator((4,))
GAME = algorithms.gan(GENERATOR, DISCRIMINATOR, prior=priors.normal(3))
CONDITIONAL = algorithms.gan(GENERATOR, DISCRIMINATOR, prior=priors.normal(3), conditional=True)
POINTS = data.ring(5, seed=0)


def translation(**more):
    """A game whose samples are made from the column `source`."""
    return Game(
        init=lambda key, batch: {},
        turns=(),
        inputs=lambda keys, batch: {"source": batch["source"]},
        sample=lambda players, inputs: inputs["source"] * players["scale"],
        conditions=("source",),
        **more,
    )


def unopened():
    raise AssertionError("no data are needed")


def test_inputs_are_latents_and_what_was_asked_for():
    label = np.array([2, 0, 1, 2], np.int32)
    inputs = sampling.draw_inputs(CONDITIONAL, KEY, 4, {"label": label})
    assert inputs["latent"].shape == (4, 3)
    np.testing.assert_array_equal(inputs["label"], label)


def test_fewer_inputs_are_the_first_of_more():
    few, many = (sampling.draw_inputs(GAME, KEY, count, {})["latent"] for count in (2, 9))
    np.testing.assert_array_equal(few, many[:2])


def test_inputs_come_from_the_key_alone():
    one, again, other = (
        sampling.draw_inputs(GAME, jax.random.key(seed), 2, {})["latent"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.isin(one, other).any()


def test_arcs_go_from_start_to_end_on_the_sphere_at_an_even_pace():
    start = np.float32([[3, 0, 0], [0, 2, 0]])
    end = np.float32([[0, 3, 0], [0, 0, 2]])
    arcs = sampling.interpolate(start, end, 5)
    assert arcs.shape == (2, 5, 3)
    np.testing.assert_allclose(arcs[:, 0], start, atol=1e-6)
    np.testing.assert_allclose(arcs[:, -1], end, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(arcs, axis=-1), [[3] * 5, [2] * 5], rtol=1e-6)
    angles = np.degrees(np.arctan2(arcs[0, :, 1], arcs[0, :, 0]))
    assert angles == pytest.approx([0, 22.5, 45, 67.5, 90], abs=1e-4)


def test_arcs_lead_each_latent_to_another_and_keep_its_label():
    inputs = {"latent": jax.random.normal(KEY, (4, 3)), "label": np.arange(4)}
    arcs = jax.tree.map(np.asarray, sampling.along_arcs(inputs, 2, 3))
    assert arcs["latent"].shape == (6, 3)
    np.testing.assert_array_equal(arcs["label"], [0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(arcs["latent"][[0, 3]], inputs["latent"][:2], atol=1e-5)
    np.testing.assert_allclose(arcs["latent"][[2, 5]], inputs["latent"][2:], atol=1e-5)


def test_there_are_no_arcs_without_latents():
    with pytest.raises(UserError, match="no latents"):
        sampling.along_arcs({"source": np.zeros((4, 2))}, 2, 3)


def inputs_of(game, kinds, examples, rows, **settings):
    return sampling.make_inputs(game, kinds, examples, jax.random.key(0), rows, **settings)


def test_classes_are_asked_for_in_turn_or_one_of_all():
    kinds = {"x": Image(), "label": Category(("a", "b", "c"))}
    made = inputs_of(CONDITIONAL, kinds, unopened, range(5))
    np.testing.assert_array_equal(made.columns["label"], [0, 1, 2, 0, 1])
    np.testing.assert_array_equal(made.label, [0, 1, 2, 0, 1])
    made = inputs_of(CONDITIONAL, kinds, unopened, range(5), label=2)
    np.testing.assert_array_equal(made.label, np.full(5, 2))
    made = inputs_of(CONDITIONAL, kinds, unopened, range(5), label=np.array([1, 1, 1, 0, 2]))
    np.testing.assert_array_equal(made.columns["label"], [1, 1, 1, 0, 2])


def test_some_rows_are_those_of_all():
    kinds = {"x": Image(), "label": Category(("a", "b", "c"))}
    whole = inputs_of(CONDITIONAL, kinds, unopened, range(8)).columns
    part = inputs_of(CONDITIONAL, kinds, unopened, range(5, 8)).columns
    for name, column in part.items():
        np.testing.assert_allclose(column, whole[name][5:], rtol=1e-6)


def test_other_conditions_are_real_examples_with_their_classes():
    x = POINTS.columns["x"]
    columns = {"x": x, "source": x + 1, "source_label": np.arange(len(x))}
    pairs = data.ArrayDataset("pairs", "train", columns)
    made = inputs_of(translation(), pairs.kinds, lambda: pairs, range(1, 3))
    assert set(made.columns) == {"source"}
    np.testing.assert_array_equal(made.columns["source"], columns["source"][1:3])
    np.testing.assert_array_equal(made.label, [1, 2])


def test_samples_of_latents_are_as_many_as_are_wanted_and_of_examples_as_there_are():
    assert sampling.available(CONDITIONAL, unopened, 9) == 9
    assert sampling.available(translation(), lambda: POINTS, 9) == 5
    assert sampling.available(translation(), lambda: POINTS, 3) == 3


@pytest.mark.parametrize("count", [1, 300])
def test_any_number_of_samples_is_drawn_in_order(count):
    source = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    samples = sampling.sampler(translation())({"scale": np.float32(2)}, {"source": source})
    np.testing.assert_array_equal(samples, 2 * source)


class Normed(nn.Module):
    """Batch normalisation of `slope * latent + 40`, far from its running statistics."""

    norm: nn.Module
    slope: float = 3.0

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        return self.norm(self.slope * latent + 40, train=train)


class FlaxNorm(nn.Module):
    """Flax's layer under our calling convention."""

    @nn.compact
    def __call__(self, x, train=False):
        return nn.BatchNorm(not train, momentum=0.97)(x)


def normed_game(norm):
    return algorithms.gan(Normed(norm), DISCRIMINATOR, prior=priors.normal(2))


@pytest.mark.parametrize(
    "norm",
    [BatchNorm(), BatchNorm(momentum=0.0), BatchNorm(axis_name=parallel.AXIS), FlaxNorm()],
    ids=["ours", "without momentum", "over devices", "Flax's"],
)
def test_standing_statistics_are_the_means_of_those_of_every_batch(norm):
    game = normed_game(norm)
    players = game.init(KEY, {"x": POINTS.columns["x"]})
    latents = np.random.default_rng(0).normal(size=(3, 16, 2)).astype(np.float32)
    inputs = [{"latent": latent} for latent in latents]
    after = sampling.standing_statistics(game, players, inputs, KEY)
    maps = 3.0 * latents.astype(np.float64) + 40
    expected = {"mean": maps.mean(axis=(0, 1)), "var": maps.var(axis=1).mean(axis=0)}
    found = {p[-1].key: v for p, v in jax.tree.leaves_with_path(after["generator"]["batch_stats"])}
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=2e-4)
    assert {leaf.dtype for leaf in found.values()} == {np.dtype("float32")}


def test_standing_statistics_are_those_of_all_latents_in_the_end():
    """Of N(40, 9), of which a batch of 8 has the variance 9 · 7/8 in expectation."""
    game = normed_game(BatchNorm())
    players = game.init(KEY, {"x": POINTS.columns["x"]})
    inputs = (sampling.draw_inputs(game, jax.random.key(i), 8, {}) for i in range(200))
    stats = sampling.standing_statistics(game, players, inputs, KEY)["generator"]["batch_stats"]
    np.testing.assert_allclose(stats["norm"]["mean"], 40, atol=0.3)
    np.testing.assert_allclose(stats["norm"]["var"], 9 * 7 / 8, rtol=0.1)


def test_standing_statistics_leave_all_else_as_it_is(assert_trees_match):
    game = normed_game(BatchNorm())
    players = game.init(KEY, {"x": POINTS.columns["x"]})
    inputs = [sampling.draw_inputs(game, KEY, 8, {})]
    after = sampling.standing_statistics(game, players, inputs, KEY)
    before = {**players, "generator": {**players["generator"], "batch_stats": 0}}
    assert_trees_match(
        {**after, "generator": {**after["generator"], "batch_stats": 0}}, before, rtol=0
    )


@pytest.mark.parametrize(
    ("game", "players", "said"),
    [
        (GAME, {"generator": {"params": {}}}, "generator keeps no batch statistics"),
        (translation(sampler="scale"), {"scale": {}}, "no passes in training mode of its scale"),
    ],
)
def test_standing_statistics_that_cannot_be_are_refused(game, players, said):
    with pytest.raises(UserError, match=said):
        sampling.standing_statistics(game, players, [], KEY)
