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
SETTINGS = extractors.ClassifierSettings(width=2, features=8, updates=1)


def scaling_game(**more):
    """A game whose samples are its latents, scaled."""
    return Game(
        init=lambda key, batch: PLAYERS,
        turns=(),
        inputs=lambda keys, batch: {},
        sample=lambda players, inputs: inputs["latent"] * players["generator"]["params"]["scale"],
        **more,
    )


def copying_game(**more):
    """A game whose samples are its latents."""
    return scaling_game(**more)._replace(sample=lambda players, inputs: inputs["latent"])


def dataset(x, kind=None, label=None):
    columns = {"x": x} | ({} if label is None else {"label": label})
    return data.ArrayDataset("some", "train", columns, {} if kind is None else {"x": kind})


def test_metrics_are_shown_the_samples_in_the_order_of_the_inputs():
    shown = []
    latent = np.arange(600, dtype=np.float32)[:, None]
    evaluate = evaluation.on_samples(
        scaling_game(),
        {"latent": latent},
        [lambda x: shown.append(x) or {"one": 1.0}, lambda x: {"mean": float(x.mean())}],
    )
    assert evaluate(PLAYERS) == {"samples/one": 1.0, "samples/mean": 599.0}
    np.testing.assert_array_equal(shown, [2 * latent])


def test_comparing_features_gives_the_figures_of_score():
    def told(x):
        return extractors.Features(
            np.float32(x), np.float32(x) @ np.float32([[1, 0, 2], [0, 1, -1]])
        )

    extractor = extractors.Extractor(told, {"name": "told"}, data.Real())
    names = ("fid", "pr", "classes")
    x, label = CLUSTERED[::2], np.arange(500) % 3
    real, fake = (
        evaluation.extract_features([(part, label)], extractor, title="", count=500)
        for part in (CLUSTERED[1::2], x)
    )
    figures = evaluation.score(evaluation.Sets(real, fake), names)
    compared = evaluation.compare_features(real, extractor, names, label)(x)
    assert compared == {name: figure.value for name, figure in figures.items()}
    assert "accuracy" in compared
    assert "accuracy" not in evaluation.compare_features(real, extractor, names)(x)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05])
def test_coverage_is_the_share_of_equal_clusters_that_samples_reach(share):
    reached = CLUSTERED[: int(1_000 * share)]
    coverage = evaluation.cluster_coverage(dataset(CLUSTERED))
    assert coverage(reached[::-1]) == {"cluster_coverage": pytest.approx(share)}


def test_images_are_clustered_whether_they_are_stored_or_floats():
    images = RANDOM.integers(256, size=(60, 4, 4, 1), dtype=np.uint8)
    coverage = evaluation.cluster_coverage(dataset(images))
    floats = np.asarray(data.Image().to_float(images))
    assert coverage(images) == coverage(floats) == {"cluster_coverage": 1.0}


def test_fewer_examples_than_clusters_are_a_cluster_each():
    coverage = evaluation.cluster_coverage(dataset(CENTRES[:4].astype(np.float32)))
    assert coverage(CENTRES[:1].astype(np.float32)) == {"cluster_coverage": pytest.approx(0.25)}


class Counted:
    """A data set that notes which examples are read."""

    def __init__(self, whole):
        self.whole, self.read = whole, set()
        self.name, self.split, self.kinds = whole.name, whole.split, whole.kinds

    def __len__(self):
        return len(self.whole)

    def __getitem__(self, i):
        self.read.add(i)
        return self.whole[i]


def test_no_more_is_read_than_is_clustered():
    counted = Counted(dataset(CLUSTERED))
    evaluation.cluster_coverage(counted, limit=100)
    assert len(counted.read) == 100


def test_sounds_are_clustered_by_what_is_heard():
    time, random = np.arange(512), np.random.default_rng(0)
    pitch = np.repeat([0.02, 0.1, 0.2], 20)[:, None]  # cycles a sample
    phase = 2 * np.pi * random.random((2, 60, 1))
    waves, others = (8_000 * np.sin(2 * np.pi * pitch * time + p)[..., None] for p in phase)
    coverage = evaluation.cluster_coverage(dataset(waves.astype(np.int16)))
    reached = coverage(others[:20].astype(np.int16))["cluster_coverage"]
    assert reached == pytest.approx(1 / 3, abs=0.15)


def test_points_are_counted_by_the_modes_they_reach():
    mixture = data.ring_mixture()
    scores = evaluation.mode_coverage(mixture)(mixture.centres[[0, 0, 3]])
    assert scores["modes"] == 2
    assert scores["high_quality"] == 1


def test_held_out_figures_are_the_games_own_by_any_name():
    def figures_of(players, batch, keys):
        scale = players["generator"]["params"]["scale"]
        return {"mean": scale * batch["x"].mean(), "noise": jax.vmap(jax.random.normal)(keys)[0]}

    game, key = scaling_game(metrics=figures_of), jax.random.key(0)
    batch = {"x": np.float32([[1], [2], [6]])}
    figures = evaluation.on_held_out(game, batch, key)(PLAYERS)
    assert figures["held_out/mean"] == 6
    seen = evaluation.on_held_out(game, batch, key, "seen")
    assert seen(PLAYERS) == {
        "seen/mean": 6,
        "seen/noise": figures["held_out/noise"],  # the same keys every time
    }


def test_figures_of_many_held_out_examples_are_means_over_parts_that_fit():
    sizes = []

    def figures_of(players, batch, keys):
        sizes.append(len(keys))
        whole = len(keys) // 2 * 2  # packs of two, of which the last part has none
        return {"mean": batch["x"][:whole].mean()} if whole else {}

    batch = {"x": np.arange(193, dtype=np.float32)[:, None]}
    game = scaling_game(metrics=figures_of)._replace(group=2)
    (mean,) = evaluation.on_held_out(game, batch, jax.random.key(0))(PLAYERS).values()
    assert mean == pytest.approx(np.arange(192).mean())
    assert sizes == [96, 1]
    evaluation.on_held_out(game._replace(group=150), batch, jax.random.key(0))(PLAYERS)
    assert sizes[2:] == [150, 43]  # a whole pack, larger than a part would be


def test_a_game_without_figures_of_its_own_is_refused():
    with pytest.raises(ValueError, match="held-out"):
        evaluation.on_held_out(scaling_game(), {"x": np.zeros((2, 1))}, jax.random.key(0))


IMAGES = RANDOM.integers(256, size=(60, 4, 4, 1), dtype=np.uint8)
VIDEOS = RANDOM.integers(256, size=(30, 5, 8, 8, 1), dtype=np.uint8)
SOUNDS = RANDOM.integers(-9_000, 9_000, size=(60, 600, 1)).astype(np.int16)
LABEL = np.arange(60, dtype=np.int32) % 3
TOKENS = RANDOM.integers(3, size=(60, 6)).astype(np.int32)
OF_CLASSES = {
    *("fid", "precision", "recall"),
    *("top_probability", "class_entropy", "min_class_share", "max_class_share", "accuracy"),
}
OF_FILMS = {"content_distance", "motion_distance", "acceleration"}
OF_TEXTS = {*(f"ngram_divergence_{n}" for n in (1, 2, 3, 4)), "distinct_share"}
OF_MODES = {"modes", "high_quality", "reverse_kl"}
OF_NUMBERS = {"fid", "wasserstein", "kolmogorov_smirnov"}
MIXTURE = data.ring_mixture()
SUITED = {
    "labelled images": (dataset(IMAGES, None, LABEL), OF_CLASSES | {"cluster_coverage"}),
    "images": (dataset(IMAGES), {"cluster_coverage"}),
    "videos": (dataset(VIDEOS, data.Video()), OF_FILMS | {"cluster_coverage"}),
    "labelled sounds": (dataset(SOUNDS, None, LABEL), OF_CLASSES | {"cluster_coverage"}),
    "sounds": (dataset(SOUNDS), {"cluster_coverage"}),
    "texts": (dataset(TOKENS, data.Tokens(("a", "b", "c"))), OF_TEXTS),
    "points": (dataset(MIXTURE.centres, data.Real(mixture=MIXTURE)), OF_MODES),
    "numbers": (dataset(CLUSTERED), OF_NUMBERS),
}


@pytest.mark.parametrize("name", SUITED)
def test_what_is_computed_suits_the_kind(name):
    real, expected = SUITED[name]
    evaluators = evaluation.suited_evaluators(
        copying_game(),
        real,
        None,
        {"latent": data.first(real, len(real))["x"]},
        label=real.columns.get("label"),
        count=60,
        settings=SETTINGS,
    )
    (evaluate,) = evaluators
    figures = evaluate(PLAYERS)
    assert set(figures) == {f"samples/{figure}" for figure in expected}
    assert all(np.isfinite(value) for value in figures.values())


def test_the_samples_are_compared_with_the_column_they_are_to_resemble():
    other = dataset(np.zeros((60, 4, 4, 1), np.float32), data.Image())
    numbers = CLUSTERED[::2]
    pair = data.unpaired(a=other, b=dataset(numbers))
    (evaluate,) = evaluation.suited_evaluators(
        copying_game(target="b"), pair, None, {"latent": numbers}, count=500
    )
    figures = evaluate(PLAYERS)
    assert figures["samples/wasserstein"] == pytest.approx(0, abs=1e-9)
    assert figures["samples/fid"] == pytest.approx(0, abs=1e-6)


def test_nothing_suits_maps_of_labels():
    maps = dataset(np.zeros((4, 3, 3), np.int32), data.Category(("a", "b")))
    given = {"latent": np.zeros((4, 1), np.float32)}
    assert evaluation.suited_evaluators(copying_game(), maps, None, given, count=4) == []


def test_a_classifier_says_how_well_it_reads_held_out_data(tmp_path):
    real = dataset(IMAGES, None, LABEL)
    lines = []
    evaluation.suited_evaluators(
        copying_game(),
        real,
        dataset(IMAGES[:20], None, LABEL[:20]),
        {"latent": data.first(real, 4)["x"]},
        count=60,
        settings=SETTINGS,
        cache=tmp_path,
        report=lines.append,
    )
    assert "accuracy" in lines[-1]
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {
        "classifier",
        "features",
    }
