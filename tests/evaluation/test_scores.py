import math

import numpy as np
import pytest

from gan_jax import metrics
from gan_jax.data import Audio, Category, Image, Real, Tokens, Video, grid_mixture
from gan_jax.evaluation import METRICS, FeatureSet, Sets, score, suited
from gan_jax.types import UserError

FIGURES = {
    "fid": ["fid"],
    "kid": ["kid"],
    "is": ["inception_score"],
    "pr": ["precision", "recall"],
    "dc": ["density", "coverage"],
    "classes": [
        "top_probability",
        "class_entropy",
        "min_class_share",
        "max_class_share",
        "accuracy",
    ],
    "modes": ["modes", "reverse_kl"],
    "intra": ["intra_class_fid"],
    "transfer": ["transfer", "transfer_reverse", "transfer_ceiling"],
    "memorisation": ["memorised", "copying_z"],
    "diversity": ["ms_ssim_distance", "ms_ssim_distance_real"],
    "spectrum": ["spectrum"],
    "pairs": ["psnr", "l1", "ssim"],
}
OF_TOKENS = [*(f"ngram_divergence_{order}" for order in (1, 2, 3, 4)), "distinct_share"]
OF_NUMBERS = ["wasserstein", "kolmogorov_smirnov"]
OF_IMAGES = list(FIGURES)
SHARES = {"precision", "recall", "coverage", "accuracy", "memorised", *FIGURES["transfer"][:2]}


def feature_set(seed, count=90, shift=0.0):
    """Three classes of Gaussian features that an extractor tells apart, and images of noise."""
    random = np.random.default_rng(seed)
    label = np.arange(count) % 3
    logits = 3 * np.eye(3)[label] + random.normal(size=(count, 3))
    features = np.concatenate([logits, random.normal(size=(count, 2))], axis=1) + shift
    return FeatureSet(
        kind=Image(),
        features=features.astype(np.float32),
        examples=random.integers(256, size=(count, 12, 12, 1), dtype=np.uint8),
        logits=logits.astype(np.float32),
        label=label.astype(np.int32),
        spectra=random.normal(size=(count, 6)).astype(np.float32),
    )


FULL = Sets(
    feature_set(0),
    feature_set(1),
    feature_set(2),
    train=feature_set(0),
    wanted=feature_set(3).examples,
)


@pytest.fixture(scope="module")
def figures():
    return score(FULL, OF_IMAGES)


def test_every_metric_is_tried_here():
    assert set(METRICS) == {*OF_IMAGES, "films", "ngrams", "marginals"}


@pytest.mark.parametrize("name", OF_IMAGES)
def test_a_metric_gives_finite_figures_with_errors_of_their_size(name, figures):
    for expected in FIGURES[name]:
        figure = figures[expected]
        assert math.isfinite(figure.value), expected
        assert figure.better in ("lower", "higher", None)
        assert figure.how
        assert figure.error is None or 0 <= figure.error <= max(1.0, abs(figure.value)), expected


def test_there_are_no_other_figures(figures):
    assert list(figures) == [figure for name in OF_IMAGES for figure in FIGURES[name]]


@pytest.mark.parametrize("name", sorted(SHARES))
def test_a_share_has_its_binomial_error(name, figures):
    value, error, *_ = figures[name]
    count = 45 if name == "transfer" else 90  # half of the real examples are tested on
    assert error == pytest.approx(math.sqrt(value * (1 - value) / count))


def test_the_figures_are_the_metrics_own(figures):
    real, fake, held_out = (part.features for part in FULL[:3])
    distance = metrics.frechet_distance(metrics.moments(real), metrics.moments(fake))
    kid = metrics.kernel_distance(real, fake, subset_size=45)
    assert figures["fid"].value == distance
    assert (figures["kid"].value, figures["kid"].error) == kid[:2]
    assert figures["inception_score"].value == metrics.inception_score(FULL.fake.logits).value
    assert figures["recall"].value == metrics.precision_recall(real, fake).recall
    assert figures["coverage"].value == metrics.density_coverage(real, fake).coverage
    share, z = metrics.memorisation(real, held_out, fake)
    assert (figures["memorised"].value, figures["copying_z"].value) == (share, z)
    expected = np.mean(FULL.fake.logits.argmax(axis=1) == FULL.fake.label)
    assert figures["accuracy"].value == expected


@pytest.mark.parametrize(("name", "shift"), [("fid", 0.0), ("fid", 0.7), ("kid", 0.7)])
def test_the_error_of_a_distance_is_that_of_fresh_samples(name, shift):
    real = feature_set(0, 500)
    samples = (feature_set(seed, 500, shift=shift) for seed in range(1, 13))
    distances = [score(Sets(real, fake), [name])[name] for fake in samples]
    spread = np.std([figure.value for figure in distances], ddof=1)
    told = np.mean([figure.error for figure in distances])
    assert 1 / 3 < told / spread < 3


def test_too_few_samples_for_an_error_still_have_a_distance():
    (figure,) = score(Sets(feature_set(0), feature_set(1, 9)), ["fid"]).values()
    assert math.isfinite(figure.value)
    assert figure.error is None


def points_of(mixture, *where):
    x = np.float32(where)
    return FeatureSet(Real(mixture=mixture), x, x)


def test_the_modes_of_a_mixture_are_its_own():
    mixture = grid_mixture()
    near = mixture.centres[[0, 1, 1, 2]] + np.float32([[0, 0.1], [0, 0], [0.1, 0], [0, 0.16]])
    sets = Sets(points_of(mixture, *mixture.centres), points_of(mixture, *near))
    found = score(sets, ["modes"])
    assert (found["modes"].value, found["high_quality"].value) == (2, 0.75)
    assert found["high_quality"].error == pytest.approx(math.sqrt(0.75 * 0.25 / 4))
    assert (
        found["reverse_kl"].value
        == metrics.mode_scores(near, mixture.centres, mixture.std)["reverse_kl"]
    )
    assert "modes" in suited(sets)


def test_of_points_that_an_extractor_has_changed_no_modes_are_told():
    mixture = grid_mixture()
    whole = points_of(mixture, *mixture.centres)
    changed = whole._replace(features=whole.features + 1)
    assert "modes" not in suited(Sets(whole, changed))


def test_of_data_of_one_class_neither_modes_nor_inception_score_are_told():
    real = feature_set(0)
    one = real._replace(label=np.ones_like(real.label), classes=3)
    sets = Sets(one, feature_set(1))
    assert not {"modes", "is", "intra"} & set(suited(sets))
    assert list(score(sets, ["classes"])) == ["top_probability", "accuracy"]


def test_copies_are_found_wherever_in_the_training_set_they_come_from():
    train = feature_set(0, 900)
    later = feature_set(0, 900)._replace(features=train.features[800:])
    seen = feature_set(0, 900)._replace(features=train.features[:100])
    sets = Sets(seen, later, feature_set(2), train)
    assert score(sets, ["memorisation"])["memorised"].value == 1


def test_memorisation_is_not_told_by_a_part_of_the_training_set():
    assert "memorisation" not in suited(FULL._replace(train=None))
    with pytest.raises(UserError, match="all that the generator was trained on"):
        score(FULL._replace(train=None), ["memorisation"])


def test_the_same_distribution_scores_well():
    same = score(Sets(feature_set(0, 300), feature_set(1, 300)), ["fid", "kid", "pr", "dc"])
    assert same["fid"].value < 0.2
    assert abs(same["kid"].value) < 5 * same["kid"].error + 0.05
    assert min(same[name].value for name in ("precision", "recall", "coverage")) > 0.9
    assert same["density"].value == pytest.approx(1, abs=0.1)


def test_a_distribution_far_off_scores_badly():
    far = score(
        Sets(feature_set(0, 300), feature_set(1, 300, shift=9.0)), ["fid", "kid", "pr", "dc"]
    )
    assert far["fid"].value == pytest.approx(5 * 9**2, rel=0.05)
    assert far["kid"].value > 100
    for name in ("precision", "recall", "density", "coverage"):
        assert far[name].value == 0


def test_copies_of_the_training_set_are_memorised():
    copies = score(FULL._replace(fake=FULL.real), ["memorisation"])
    assert copies["memorised"].value == 1
    assert copies["copying_z"].value < -3


@pytest.mark.parametrize(("count", "told"), [(5, True), (6, False)])
@pytest.mark.parametrize("name", ["fid", "intra"])
def test_examples_too_few_for_their_dimensions_are_told_of_where_it_is_computed(name, count, told):
    count *= {"fid": 2, "intra": 3}[name]
    sets = Sets(feature_set(0), feature_set(1, count))
    wide = [part._replace(features=part.features.repeat(2, axis=1)) for part in sets[:2]]
    sets = sets if name == "intra" else Sets(*wide)  # 10 dimensions, for fifths to have examples
    (figure,) = score(sets, [name]).values()
    assert ("biased upward" in figure.how) is told


def test_a_class_that_the_data_do_not_have_is_infinitely_far():
    missing = FULL.real._replace(logits=FULL.real.logits - np.float32([0, 0, 100]))
    assert score(FULL._replace(real=missing), ["modes"])["reverse_kl"].value == math.inf


def test_accuracy_is_of_an_extractor_that_knows_the_labels():
    real, fake = (
        part._replace(logits=part.logits.repeat(2, axis=1)) for part in (FULL.real, FULL.fake)
    )
    assert "accuracy" not in score(FULL._replace(real=real, fake=fake), ["classes"])


def test_films_are_beside_those_of_the_data():
    still = np.zeros((3, 4, 8, 8, 1), np.uint8)
    still[:, :, 2, 2] = 200
    moving = np.stack([np.roll(still[:, t], t, axis=1) for t in range(4)], axis=1)
    real, fake = (FeatureSet(Video(), np.zeros((3, 2)), x) for x in (moving, still))
    found = {name: figure.value for name, figure in score(Sets(real, fake), ["films"]).items()}
    told = {"content_distance": (0, 0), "motion_distance": (0, 1), "acceleration": (0, 0)}
    for name, values in told.items():
        assert [found[name], found[f"{name}_real"]] == pytest.approx(values, abs=1e-6), name


def without(part, *names):
    return getattr(FULL, part)._replace(**dict.fromkeys(names))


REFUSED = {
    "is": (FULL._replace(fake=without("fake", "logits")), "classes"),
    "classes": (FULL._replace(fake=without("fake", "logits")), "classes"),
    "modes": (FULL._replace(real=without("real", "logits")), "classes"),
    "intra": (FULL._replace(fake=without("fake", "label")), "label"),
    "transfer": (FULL._replace(real=without("real", "label")), "label"),
    "memorisation": (FULL._replace(held_out=None), "held-out"),
    "diversity": (FULL._replace(real=FULL.real._replace(kind=Real())), "images"),
    "spectrum": (FULL._replace(fake=without("fake", "spectra")), "images"),
    "ngrams": (FULL, "texts"),
    "marginals": (FULL, "numbers"),
    "films": (FULL, "films"),
    "pairs": (FULL._replace(wanted=None), "made from an example"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_metric_lacks_is_said_in_one_line(name):
    sets, lacking = REFUSED[name]
    with pytest.raises(UserError, match=rf"\A[^\n]*{lacking}[^\n]*\Z"):
        score(sets, [name])


def test_an_unknown_metric_is_answered_with_those_there_are():
    with pytest.raises(UserError, match=r"no metric 'fdi'; there are: fid, kid"):
        score(FULL, ["kid", "fdi"])


def points(seed):
    features = feature_set(seed).features
    return FeatureSet(Real(), features, features)


def texts(seed):
    tokens = np.random.default_rng(seed).integers(3, size=(40, 6)).astype(np.int32)
    return FeatureSet(Tokens(("a", "b", "c")), tokens.astype(np.float32), tokens)


def sounds(seed):
    return points(seed)._replace(kind=Audio())


def classes(seed):
    return texts(seed)._replace(kind=Category(("a", "b", "c")))


def test_texts_are_compared_by_their_ngrams():
    real, fake = texts(0), texts(1)
    figures = score(Sets(real, fake), ["ngrams"])
    assert list(figures) == OF_TOKENS
    for order in (1, 4):
        expected = metrics.ngram_divergence(real.examples, fake.examples, order)
        assert figures[f"ngram_divergence_{order}"].value == expected
    assert figures["distinct_share"].value == metrics.distinct_share(fake.examples)


def test_short_texts_have_no_long_ngrams():
    short = [part._replace(examples=part.examples[:, :2]) for part in (texts(0), texts(1))]
    figures = score(Sets(*short), ["ngrams"])
    assert list(figures) == ["ngram_divergence_1", "ngram_divergence_2", "distinct_share"]


def test_numbers_are_compared_column_by_column():
    real, fake = points(0), points(1)
    figures = score(Sets(real, fake), ["marginals"])
    assert list(figures) == OF_NUMBERS
    distances = metrics.marginal_distances(real.examples, fake.examples)
    assert figures["wasserstein"].value == distances.wasserstein.mean()
    assert figures["kolmogorov_smirnov"].value == distances.kolmogorov_smirnov.mean()


SUITED = {
    "all there is": (FULL, OF_IMAGES),
    "points alone": (Sets(points(0), points(1)), ["fid", "kid", "pr", "dc", "marginals"]),
    "sounds": (Sets(sounds(0), sounds(1)), ["fid", "kid", "pr", "dc"]),
    "no test split": (
        FULL._replace(held_out=None),
        [name for name in OF_IMAGES if name != "memorisation"],
    ),
    "no pairs": (
        FULL._replace(wanted=None),
        [name for name in OF_IMAGES if name != "pairs"],
    ),
    "no labels": (
        FULL._replace(fake=without("fake", "label")),
        [name for name in OF_IMAGES if name not in ("intra", "transfer")],
    ),
    "no classes": (
        FULL._replace(real=without("real", "logits"), fake=without("fake", "logits")),
        [name for name in OF_IMAGES if name not in ("is", "classes", "modes")],
    ),
    "small images": (
        FULL._replace(
            fake=FULL.fake._replace(examples=FULL.fake.examples[:, :10]),
            wanted=FULL.wanted[:, :10],
        ),
        [name for name in OF_IMAGES if name != "diversity"],
    ),
    "a class on one side alone": (
        FULL._replace(fake=FULL.fake._replace(label=FULL.fake.label % 2)),
        [name for name in OF_IMAGES if name != "intra"],
    ),
    "a single class": (
        FULL._replace(
            real=FULL.real._replace(label=0 * FULL.real.label),
            fake=FULL.fake._replace(label=0 * FULL.fake.label),
        ),
        [name for name in OF_IMAGES if name not in ("is", "modes", "intra", "transfer")],
    ),
}


@pytest.mark.parametrize("case", SUITED)
def test_what_suits_is_what_works(case):
    sets, expected = SUITED[case]
    assert suited(sets) == expected
    for name in METRICS:
        if name in expected:
            assert score(sets, [name])
        else:
            with pytest.raises(UserError):
                score(sets, [name])


@pytest.mark.parametrize(("make", "expected"), [(texts, ["ngrams"]), (classes, [])])
def test_distances_of_numbers_that_stand_for_words_suit_nobody(make, expected):
    sets = Sets(make(0), make(1))
    assert suited(sets) == expected
    with pytest.raises(UserError, match="'fid' needs features"):
        score(sets, [*expected, "fid"])


@pytest.mark.parametrize("name", ["kid", "is", "transfer", "diversity"])
def test_what_is_drawn_is_drawn_by_the_seed(name):
    one, again, other = (score(FULL._replace(seed=seed), [name]) for seed in (0, 0, 1))
    assert one == again
    assert one != other


@pytest.mark.parametrize(("classes", "expected"), [(3, [0, 1]), (1_008, None)])
def test_labels_are_the_extractors_classes_where_the_data_have_as_many(classes, expected):
    def feature_set(label):
        features = np.zeros((len(label), 1), np.float32)
        logits = np.zeros((len(label), classes), np.float32)
        return FeatureSet(Real(), features, features, logits, label=np.array(label))

    seen = Sets(feature_set([0, 2, 1]), feature_set([0, 1])).class_label
    assert (None if seen is None else seen.tolist()) == expected
