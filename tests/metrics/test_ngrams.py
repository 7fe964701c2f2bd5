from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from gan_jax.metrics import distinct_share, ngram_divergence
from gan_jax.types import UserError

RANDOM = np.random.default_rng(0)
REAL = RANDOM.integers(5, size=(40, 12))
FAKE = RANDOM.choice(5, size=(30, 9), p=[0.6, 0.1, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_divergence_is_that_of_scipy_on_counted_ngrams(order):
    counts = [
        Counter(tuple(row[i : i + order]) for row in x for i in range(x.shape[1] - order + 1))
        for x in (REAL, FAKE)
    ]
    grams = sorted(counts[0] | counts[1])
    p, q = ([count[gram] for gram in grams] for count in counts)
    expected = jensenshannon(p, q, base=2) ** 2
    assert ngram_divergence(REAL, FAKE, order) == pytest.approx(expected, rel=1e-9)
    assert ngram_divergence(FAKE, REAL, order) == pytest.approx(expected, rel=1e-9)


def test_the_same_texts_in_another_order_have_divergence_zero():
    assert ngram_divergence(REAL, REAL[::-1], 3) == pytest.approx(0, abs=1e-12)


def test_texts_without_a_common_ngram_have_divergence_one():
    assert ngram_divergence(REAL, REAL + 5, 1) == pytest.approx(1)


def test_an_ngram_does_not_reach_over_the_end_of_a_text():
    # Beginning to end, both read 0 1 0 1.
    assert ngram_divergence(np.array([[0, 1], [0, 1]]), np.array([[0, 1]]), 2) == 0


def test_large_vocabularies_do_not_overflow():
    x = RANDOM.integers(2**31 - 1, size=(20, 30))
    assert ngram_divergence(x, x, 12) == 0
    assert ngram_divergence(x, x[:10], 12) == pytest.approx(
        ngram_divergence(np.arange(20)[:, None], np.arange(10)[:, None], 1)
    )


def test_the_distinct_are_counted_once():
    assert distinct_share(np.array([[1, 2], [2, 1], [1, 2], [1, 2]])) == 0.5


@pytest.mark.parametrize(
    ("real", "order", "fault"),
    [
        (REAL[:, :2], 3, "no 3-grams"),
        (REAL, 0, "no 0-grams"),
        (REAL[:0], 1, "at least one"),
        (REAL.astype(float), 1, "float64"),
        (REAL[0], 1, r"\[12\]"),
    ],
    ids=["short", "order", "none", "floats", "one row"],
)
def test_what_are_no_texts_is_refused(real, order, fault):
    with pytest.raises(UserError, match=fault):
        ngram_divergence(real, FAKE, order)
