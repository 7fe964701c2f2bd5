"""Retrieval across two sets of vectors."""

import numpy as np
import pytest

from gan_jax import metrics
from gan_jax.types import UserError

random = np.random.default_rng(0)
X = random.normal(size=(60, 8))
TURN = np.linalg.qr(random.normal(size=(8, 8)))[0]


def test_procrustes_finds_the_rotation_that_there_is():
    np.testing.assert_allclose(metrics.procrustes(X, X @ TURN), TURN, atol=1e-10)


def test_csls_discounts_a_hub():
    candidates = np.array([[1.0, 0.8], [1.0, -0.8], [1.0, 0.0]])  # the last is near to both
    queries = np.array([[1.0, 0.35], [1.0, -0.35]])
    assert np.argmax(metrics.cosines(queries, candidates), axis=1).tolist() == [2, 2]
    assert np.argmax(metrics.csls(queries, candidates, 2), axis=1).tolist() == [0, 1]


def test_csls_is_its_equation():
    cosines = metrics.cosines(X[:5], X[5:12])
    far = np.sort(cosines, axis=1)[:, -3:].mean(axis=1)
    back = np.sort(cosines, axis=0)[-3:].mean(axis=0)
    expected = 2 * cosines - far[:, None] - back
    np.testing.assert_allclose(metrics.csls(X[:5], X[5:12], 3), expected, atol=1e-12)


def test_precision_counts_each_query_of_the_dictionary_once():
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    pairs = np.array([[0, 0], [0, 2], [1, 1]])
    assert metrics.precision_at(scores, pairs, (1, 2)) == {1: 0.5, 2: 1.0}
    with pytest.raises(UserError, match="no pairs"):
        metrics.precision_at(scores, pairs[:0])


def test_refinement_completes_a_mapping_that_is_nearly_right():
    noisy = metrics.procrustes(X, X @ TURN + 2 * random.normal(size=X.shape))
    diagonal = np.stack([np.arange(60)] * 2, axis=1)
    p1 = lambda w: metrics.precision_at(metrics.csls(X @ w, X @ TURN), diagonal)[1]
    assert p1(noisy) < 1
    assert p1(metrics.refine(X, X @ TURN, noisy)) == 1


def test_r_precision_of_a_right_and_of_a_blind_retriever():
    assert metrics.recall_of_own(np.eye(20), 10) == 1
    assert metrics.recall_of_own(np.zeros((20, 20)), 10) == 0  # a tie is no answer
    blind = metrics.recall_of_own(random.normal(size=(2_000, 2_000)), 100)
    assert blind == pytest.approx(0.01, abs=0.009)
    with pytest.raises(UserError, match="among 21"):
        metrics.recall_of_own(np.eye(20), 21)
