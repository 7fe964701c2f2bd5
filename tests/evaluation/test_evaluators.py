import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, evaluation, extractors
from gan_jax.game import Game

RANDOM = np.random.default_rng(0)
CENTRES = 8 * np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
CLUSTERED = np.repeat(CENTRES, 50, axis=0) + RANDOM.normal(size=(1_000, 2))
CLUSTERED = CLUSTERED.astype(np.float32)
PLAYERS = {"generator": {"params": {"scale": jnp.float32(2)}}}


def scaling_game(**more):
    """A game whose samples are its latents, scaled."""
    return Game(
        init=lambda key, batch: PLAYERS,
        turns=(),
        prior=lambda keys, batch: {},
        sample=lambda players, inputs: inputs["latent"] * players["generator"]["params"]["scale"],
        **more,
    )


def test_judges_are_shown_the_samples_in_the_order_of_the_inputs():
    shown = []
    latent = np.arange(600, dtype=np.float32)[:, None]
    evaluate = evaluation.on_samples(
        scaling_game(),
        {"latent": latent},
        [lambda x: shown.append(x) or {"one": 1.0}, lambda x: {"mean": float(x.mean())}],
    )
    assert evaluate(PLAYERS) == {"samples/one": 1.0, "samples/mean": 599.0}
    np.testing.assert_array_equal(shown, [2 * latent])


def test_beside_gives_the_figures_of_score():
    def told(x):
        return extractors.Features(
            np.float32(x), np.float32(x) @ np.float32([[1, 0, 2], [0, 1, -1]])
        )

    extractor = extractors.Extractor(told, {"name": "told"})
    names = ("fid", "pr", "classes")
    x, label = CLUSTERED[::2], np.arange(500) % 3
    real = evaluation.observe([(CLUSTERED[1::2], label)], extractor, title="real", count=500)
    fake = evaluation.observe([(x, label)], extractor, title="fake", count=500)
    figures = evaluation.score(evaluation.Sets(real, fake), names)
    judged = evaluation.beside(real, extractor, names, label)(x)
    assert judged == {name: figure.value for name, figure in figures.items()}
    assert "accuracy" in judged
    assert "accuracy" not in evaluation.beside(real, extractor, names)(x)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05])
def test_diversity_is_the_share_of_equal_clusters_that_samples_reach(share):
    reached = CLUSTERED[: int(1_000 * share)]
    judge = evaluation.in_clusters(CLUSTERED)
    assert judge(reached[::-1]) == {"diversity": pytest.approx(share)}


def test_images_are_clustered_whether_they_are_stored_or_floats():
    images = RANDOM.integers(256, size=(60, 4, 4, 1), dtype=np.uint8)
    judge = evaluation.in_clusters(images)
    assert judge(images) == judge(np.asarray(data.to_float(images))) == {"diversity": 1.0}


def test_fewer_examples_than_clusters_are_a_cluster_each():
    judge = evaluation.in_clusters(CENTRES[:4].astype(np.float32))
    assert judge(CENTRES[:1].astype(np.float32)) == {"diversity": pytest.approx(0.25)}


def test_points_are_judged_by_the_modes_they_reach():
    mixture = data.ring_mixture()
    judged = evaluation.at_modes(mixture)(mixture.centres[[0, 0, 3]])
    assert judged["modes"] == 2
    assert judged["high_quality"] == 1


def test_held_out_figures_are_the_games_own_by_any_name():
    def held_out(players, batch, keys):
        scale = players["generator"]["params"]["scale"]
        return {"mean": scale * batch["x"].mean(), "noise": jax.vmap(jax.random.normal)(keys)[0]}

    game, key = scaling_game(held_out=held_out), jax.random.key(0)
    batch = {"x": np.float32([[1], [2], [6]])}
    figures = evaluation.on_held_out(game, batch, key)(PLAYERS)
    assert figures["held_out/mean"] == 6
    seen = evaluation.on_held_out(game, batch, key, "seen")
    assert seen(PLAYERS) == {
        "seen/mean": 6,
        "seen/noise": figures["held_out/noise"],  # the same keys every time
    }


def test_a_game_without_held_out_figures_is_refused():
    with pytest.raises(ValueError, match="held-out"):
        evaluation.on_held_out(scaling_game(), {"x": np.zeros((2, 1))}, jax.random.key(0))
