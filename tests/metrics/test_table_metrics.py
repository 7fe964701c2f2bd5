"""Rows of tables beside others: closed forms and faults that must show."""

import numpy as np
import pytest

from gan_jax import metrics

RANDOM = np.random.default_rng(0)
LABEL = RANDOM.choice(3, 2_000, p=[0.5, 0.3, 0.2])
NUMBER = RANDOM.normal(size=2_000)
ROWS = np.stack([NUMBER, LABEL], axis=1)
CLASSES = (0, 3)


def test_distances_of_columns_are_statistics_of_two_samples():
    other = ROWS.copy()
    other[:, 1] = 0
    other[:1_000, 0] = 100
    distances = metrics.column_distances(ROWS, other, CLASSES)
    assert distances[0] == pytest.approx(0.5, abs=0.03)
    assert distances[1] == pytest.approx(np.mean(LABEL > 0))
    np.testing.assert_allclose(metrics.column_distances(ROWS, ROWS[::-1], CLASSES), 0, atol=1e-12)


def test_what_columns_tell_of_one_another():
    x = np.stack([NUMBER, -2 * NUMBER + 1, LABEL, LABEL % 2, 5.0 * LABEL, NUMBER * 0], axis=1)
    found = metrics.associations(x, (0, 0, 3, 2, 0, 0))
    np.testing.assert_allclose(found, found.T)
    assert found[0, 1] == pytest.approx(-1)
    assert found[2, 3] == pytest.approx(1)  # the second is a function of the first
    assert found[2, 4] == pytest.approx(1)
    assert found[0, 2] < 0.1
    np.testing.assert_allclose(found[5, :5], 0, atol=1e-12)


def test_cramers_v_and_the_correlation_ratio_are_their_formulas():
    a, b = np.array([0, 0, 0, 1, 1, 1, 1, 0]), np.array([0, 0, 1, 1, 1, 1, 0, 0])
    x = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    found = metrics.associations(np.stack([a, b, x], axis=1), (2, 2, 0))
    # Of two binary columns V is the absolute correlation; so is η of a binary one and a number.
    assert found[0, 1] == pytest.approx(abs(np.corrcoef(a, b)[0, 1]))
    assert found[0, 2] == pytest.approx(abs(np.corrcoef(a, x)[0, 1]))


def test_the_nearest_record_is_by_gowers_distance():
    records = np.array([[0.0, 0], [10.0, 1], [4.0, 1]])
    rows = np.array([[4.0, 1], [5.0, 0], [10.0, 2]])
    found = metrics.record_distances(rows, records, CLASSES)
    np.testing.assert_allclose(found, [0, 0.25, 0.5], atol=1e-6)
    alone = metrics.record_distances(records, records, CLASSES, itself=True)
    np.testing.assert_allclose(alone, [0.7, 0.3, 0.3], atol=1e-6)


def test_many_rows_at_once_are_the_same_as_few():
    found = metrics.record_distances(ROWS[:600], ROWS[600:1_000], CLASSES)
    few = metrics.record_distances(ROWS[500:510], ROWS[600:1_000], CLASSES)
    np.testing.assert_array_equal(found[500:510], few)


def test_classifiers_of_real_rows_beat_those_of_noise():
    x = RANDOM.normal(size=(900, 1))
    label = (x[:, 0] + 0.3 * RANDOM.normal(size=900) > 0.7).astype(int)
    test = x[600:], label[600:]
    real = metrics.classifier_f1((x[:600], label[:600]), test, 1)
    noise = metrics.classifier_f1((RANDOM.permutation(x[:600]), label[:600]), test, 1)
    assert set(real) == {"tree", "AdaBoost", "logistic", "perceptron"}
    assert min(real.values()) > 0.75
    assert np.mean(list(noise.values())) < 0.6


def test_likelihoods_of_samples_and_of_fresh_points_are_those_of_their_densities():
    centres = np.array([[0.0, 0], [4.0, 0], [0.0, 4]])
    draw = lambda: centres[RANDOM.choice(3, 4_000)] + 0.5 * RANDOM.normal(size=(4_000, 2))
    known, fitted = metrics.mixture_likelihoods(centres, 0.5, draw(), draw())
    expected = -np.log(3) - 1 - np.log(2 * np.pi * 0.25)  # minus the entropy
    assert known.mean() == pytest.approx(expected, abs=0.05)
    assert fitted.mean() == pytest.approx(expected, abs=0.05)
    poor, of_poor = metrics.mixture_likelihoods(centres, 0.5, draw()[:, ::-1] + 2, draw())
    assert poor.mean() < known.mean() - 1
    assert of_poor.mean() < fitted.mean() - 1
