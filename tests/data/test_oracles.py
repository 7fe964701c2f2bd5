import numpy as np
import pytest

from gan_jax.data import make_oracle, oracle
from gan_jax.types import UserError


def test_sequences_are_drawn_as_the_oracle_says_they_are_likely():
    """All pairs of three tokens: their shares among many samples against exp(-nll)."""
    model = make_oracle(vocabulary=3, width=2, seed=1)
    pairs = np.stack(np.meshgrid(range(3), range(3), indexing="ij"), -1).reshape(-1, 2)
    likely = np.exp(-model.nll(pairs).sum(axis=1))
    assert likely.sum() == pytest.approx(1, rel=1e-5)
    drawn = model.sample(20_000, 2, np.random.default_rng(0))
    shares = np.bincount(drawn @ [3, 1], minlength=9) / len(drawn)
    np.testing.assert_allclose(shares, likely, atol=0.015)  # four standard errors


def test_splits_are_of_one_oracle_and_a_function_of_the_seed():
    settings = {"length": 8, "vocabulary": 20}
    train, again, test, other = (
        oracle(50, seed=seed, split=split, **settings)
        for seed, split in ((1, "train"), (1, "train"), (1, "test"), (2, "train"))
    )
    x = train.columns["x"]
    assert x.shape == (50, 8)
    np.testing.assert_array_equal(x, again.columns["x"])
    assert not np.array_equal(x, test.columns["x"])
    nll = lambda of, x: of.kinds["x"].oracle.nll(x).mean()
    assert nll(train, x) == nll(test, x) < nll(other, x)


def test_nothing_is_refused():
    with pytest.raises(UserError, match="0 sequences"):
        oracle(0)
    with pytest.raises(UserError, match="no split 'all'"):
        oracle(1, split="all")
