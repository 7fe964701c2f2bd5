import math

import numpy as np
import pytest

from gan_jax.metrics import bleu, self_bleu
from gan_jax.types import UserError

REFERENCES = [["the", "cat", "sat", "on", "the", "mat"], ["a", "cat", "on", "a", "mat"]]


def test_bleu_by_hand():
    """Clipped by the reference that has most of a word; the shorter of two lengths as near."""
    text = ["the", "the", "the", "cat", "on"]
    # the: 2 of 3, cat, on; two of four pairs.
    np.testing.assert_allclose(bleu([text], REFERENCES, 1), 4 / 5)
    np.testing.assert_allclose(bleu([text], REFERENCES, 2), math.sqrt(4 / 5 * 2 / 4))
    short = ["the", "mat"]  # the nearest reference has five words
    np.testing.assert_allclose(bleu([short], REFERENCES, 1), math.exp(1 - 5 / 2))
    np.testing.assert_allclose(bleu([short], REFERENCES, 3)[0], math.exp(-1.5) * 0.1 ** (1 / 3))


def test_copies_have_bleu_one_and_strangers_none():
    np.testing.assert_allclose(bleu(REFERENCES, REFERENCES, 4), 1)
    np.testing.assert_array_equal(bleu([["zzz"], []], REFERENCES, 1), 0)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_self_bleu_is_bleu_against_all_others(order):
    texts = [*np.random.default_rng(0).integers(3, size=(8, 6)).tolist(), [0, 1], [2]]
    expected = [bleu([x], texts[:i] + texts[i + 1 :], order)[0] for i, x in enumerate(texts)]
    np.testing.assert_allclose(self_bleu(texts, order), expected)


def test_too_few_texts_are_refused():
    with pytest.raises(UserError, match="against 0"):
        bleu(REFERENCES, [], 2)
    with pytest.raises(UserError, match="take two"):
        self_bleu(REFERENCES[:1], 2)
