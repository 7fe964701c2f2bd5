import tracemalloc

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

from gan_jax.metrics import (
    density_coverage,
    memorisation,
    nearest_neighbours,
    precision_recall,
)
from gan_jax.types import UserError

RANDOM = np.random.default_rng(0)
REAL, FAKE = RANDOM.normal(size=(90, 6)), RANDOM.normal(size=(70, 6)) * 0.8 + 0.3
FAR = 1_000  # away from everything


def column(*values):
    return np.array(values, float)[:, None]


@pytest.mark.parametrize("k", [3, 5])
def test_scores_are_those_of_their_authors_package(peers, k):
    real, fake, expected = peers
    expected = expected["prdc"][f"k = {k}"]
    ours = precision_recall(real, fake, k=k)._asdict() | density_coverage(real, fake, k=k)._asdict()
    assert ours == pytest.approx(expected, rel=1e-12)


def test_precision_and_recall_are_those_of_torch_fidelity(peers):
    real, fake, expected = peers
    theirs = expected["torch-fidelity"]
    ours = precision_recall(real, fake)
    assert ours == pytest.approx((theirs["precision"], theirs["recall"]), rel=1e-6)


@pytest.mark.parametrize(("dtype", "offset"), [(np.float32, 0), (np.float64, 1e7)])
def test_neighbours_are_those_of_every_distance(dtype, offset):
    queries, references = (FAKE + offset).astype(dtype), (REAL + offset).astype(dtype)
    distances, indices = nearest_neighbours(queries, references, 4)
    every = cdist(queries.astype(np.float64), references.astype(np.float64))
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :4], rtol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(every, indices, axis=1), distances, rtol=1e-12)


def test_equal_points_are_at_distance_zero():
    distances, indices = nearest_neighbours(REAL[::-1] + 1e6, REAL + 1e6, 1)
    assert (distances == 0).all()
    assert indices[:, 0].tolist() == list(range(len(REAL)))[::-1]


def test_blocks_change_nothing(monkeypatch):
    def everything():
        return (
            precision_recall(REAL, FAKE),
            density_coverage(REAL, FAKE),
            memorisation(REAL[:40], REAL[40:], FAKE),
            nearest_neighbours(REAL, FAKE, 3)[1].tolist(),
        )

    whole = everything()
    monkeypatch.setattr("gan_jax.metrics.neighbours._BLOCK", 1_000)
    assert everything() == whole


def test_memory_is_that_of_a_few_blocks(monkeypatch):
    monkeypatch.setattr("gan_jax.metrics.neighbours._BLOCK", 2**16)
    points = RANDOM.normal(size=(2, 1_500, 2))
    for measure in precision_recall, density_coverage, lambda a, b: nearest_neighbours(a, b, 2):
        tracemalloc.start()
        measure(*points)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 * 1_500**2 / 6


def test_far_supports_have_no_precision_and_no_recall():
    assert precision_recall(REAL, FAKE + FAR) == (0, 0)
    assert density_coverage(REAL, FAKE + FAR) == (0, 0)


def test_half_the_modes_are_half_the_recall():
    real = np.concatenate([REAL, REAL + FAR])
    assert precision_recall(real, REAL) == (1, 0.5)
    assert density_coverage(real, REAL) == (1, 0.5)


def test_samples_half_of_which_are_elsewhere_have_half_the_precision():
    fake = np.concatenate([REAL, REAL + FAR])
    assert precision_recall(REAL, fake) == (0.5, 1)
    assert density_coverage(REAL, fake) == (0.5, 1)


def test_scores_by_hand():
    real, fake = column(0, 1, 3), column(0.5, 10)  # radii 1, 1 and 2; both 9.5
    assert precision_recall(real, fake, k=1) == (0.5, 1)
    assert density_coverage(real, fake, k=1) == (1, 2 / 3)


def test_a_point_on_the_border_is_in_closed_balls_alone():
    real, fake = column(0.1, 1.1), column(2.1, 90)
    assert precision_recall(real, fake, k=1).precision == 0.5
    assert density_coverage(real, fake, k=1) == (0, 0)


def test_ties_of_equal_sets_do_not_hang_on_rounding():
    # Every distance is there several times, computed in different blocks and orders.
    grid = np.stack(np.meshgrid(*3 * [np.arange(6)]), axis=-1).reshape(-1, 3) * 0.1 + 1e3
    shuffled = RANDOM.permutation(grid)
    assert precision_recall(grid, shuffled, k=1) == (1, 1)
    # The open ball to a lattice's next point holds its centre alone.
    assert density_coverage(grid, shuffled, k=1) == (1, 1)


def test_repeated_points_are_one_anothers_neighbours():
    real = np.repeat(REAL, 3, axis=0)
    assert precision_recall(real, REAL, k=2) == (1, 1)
    assert precision_recall(real, REAL + 1e-3, k=2).precision == 0


@pytest.mark.parametrize("value", [0, 0.1])
def test_a_set_all_alike_lies_in_closed_balls_of_radius_zero_alone(value):
    points = np.full((9, 3), value)
    assert precision_recall(points, points) == (1, 1)
    assert density_coverage(points, points) == (0, 0)


def test_scores_know_no_direction_origin_or_unit():
    rotation = np.linalg.qr(RANDOM.normal(size=(6, 6))).Q
    moved = [10 * x @ rotation + 5 for x in (REAL, FAKE)]
    assert precision_recall(*moved) == precision_recall(REAL, FAKE)
    assert density_coverage(*moved) == density_coverage(REAL, FAKE)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda: precision_recall(REAL, FAKE[:3]), "3 nearest neighbours of 2"),
        (lambda: density_coverage(REAL[:5], FAKE), "5 nearest neighbours of 4"),
        (lambda: nearest_neighbours(REAL, FAKE, 71), "71 nearest neighbours of 70"),
        (lambda: nearest_neighbours(REAL, FAKE, 0), "0 nearest neighbours"),
        (lambda: precision_recall(REAL, FAKE[:, :2]), r"\(90, 6\), \(70, 2\)"),
    ],
)
def test_what_has_no_neighbours_is_refused(measure, message):
    with pytest.raises(UserError, match=message):
        measure()


TRAIN, TEST, FRESH = RANDOM.normal(size=(3, 1_000, 3))


def test_fresh_samples_are_as_near_as_test_examples():
    share, z = memorisation(TRAIN, TEST, FRESH)
    assert share == pytest.approx(0.05, abs=0.025)
    assert abs(z) < 3


def test_copies_are_nearer_than_test_examples():
    share, z = memorisation(TRAIN, TEST, TRAIN[::-1])
    assert share == 1
    assert z == pytest.approx(-np.sqrt(3 * 1_000**2 / 2_001))  # every pair won by the copy


def test_copies_are_told_though_held_out_examples_are_copies_too():
    test = np.concatenate([TEST[:900], TRAIN[:100]])
    share, _ = memorisation(TRAIN, test, TRAIN[::-1])
    assert share == 1
    assert memorisation(TRAIN, test, FRESH).share < 0.1


def test_half_the_samples_copied_show_in_the_share():
    share, z = memorisation(TRAIN, TEST, np.concatenate([TRAIN[:500], FRESH[:500]]), alpha=0.1)
    assert share == pytest.approx(0.55, abs=0.03)
    assert z < -3


def test_samples_elsewhere_are_farther_than_test_examples():
    share, z = memorisation(TRAIN, TEST, FRESH + FAR)
    assert share == 0
    assert z == pytest.approx(np.sqrt(3 * 1_000**2 / 2_001))


def test_the_score_of_memorisation_is_mann_and_whitneys():
    nearest = [cdist(x, TRAIN).min(axis=1) for x in (FRESH[:300], TEST)]
    p = scipy.stats.mannwhitneyu(
        *nearest, method="asymptotic", use_continuity=False, alternative="less"
    ).pvalue
    z = memorisation(TRAIN, TEST, FRESH[:300]).z
    assert scipy.stats.norm.cdf(z) == pytest.approx(p)
