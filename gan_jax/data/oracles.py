"""Sequences of a known distribution: those that a fixed, random LSTM writes.

The set-up of SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient, Yu, Zhang, Wang &
Yu, 2017, arXiv:1609.05473, section 5.1: weights from N(0, 1), 5,000 tokens, sequences of 20. The
authors' weights are others, so figures compare within this project alone.
"""

import dataclasses
import functools

import numpy as np
from scipy.special import expit

from gan_jax.data.dataset import ArrayDataset, check_split
from gan_jax.data.draws import generator
from gan_jax.data.kinds import Tokens
from gan_jax.types import UserError

_SPLITS = {"train": 0, "test": 1}
_AT_ONCE = 500  # sequences
_BLOCK = 64  # columns that are summed first


@dataclasses.dataclass(frozen=True, eq=False)
class Oracle:
    """An LSTM that writes sequences of tokens, and says how likely any are.

    Its first input is token 0, its first state zeros; E and H are 32.

    Attributes:
        embedding: Of tokens, float32 [V, E].
        kernel: Of the input and the state to the gates input, forget, cell, output,
            [E + H, 4 H].
        bias: Of the gates, [4 H].
        output: Of the state to logits, [H, V].
        output_bias: Of the logits, [V].
    """

    embedding: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray

    def sample(self, n: int, length: int, random: np.random.Generator) -> np.ndarray:
        """Draws `n` sequences, int32 [n, length]."""
        tokens = np.zeros((n, length), np.int32)
        for part in _parts(tokens):
            state, token = self._begin(len(part))
            for place in range(length):
                state, logits = self._step(state, token)
                token = _quantile(np.exp(_centred(logits)), random.random(len(part), np.float32))
                part[:, place] = token
        return tokens

    def nll(self, tokens: np.ndarray) -> np.ndarray:
        """Minus the log-likelihood of each token given those before it, [N, L], nats."""
        found = np.zeros(tokens.shape, np.float32)
        for part, row in zip(_parts(np.asarray(tokens)), _parts(found), strict=True):
            state, token = self._begin(len(part))
            for place, following in enumerate(part.T):
                state, logits = self._step(state, token)
                centred, rows = _centred(logits), np.arange(len(part))
                row[:, place] = np.log(np.exp(centred).sum(axis=1)) - centred[rows, following]
                token = following
        return found

    def _begin(self, n: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        zeros = np.zeros((n, len(self.output)), np.float32)
        return (zeros, zeros), np.zeros(n, np.int32)

    def _step(
        self, state: tuple[np.ndarray, np.ndarray], token: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        hidden, cell = state
        gates = np.concatenate([self.embedding[token], hidden], axis=1) @ self.kernel + self.bias
        enter, forget, new, leave = np.split(gates, 4, axis=1)
        cell = expit(forget) * cell + expit(enter) * np.tanh(new)
        hidden = expit(leave) * np.tanh(cell)
        return (hidden, cell), hidden @ self.output + self.output_bias


def make_oracle(vocabulary: int = 5_000, width: int = 32, seed: int = 0) -> Oracle:
    """An oracle of so many tokens, of embedding and state of this width."""
    random = generator(seed)

    def draw(*shape: int) -> np.ndarray:
        return np.asarray(random.standard_normal(shape, np.float32))

    return Oracle(
        embedding=draw(vocabulary, width),
        kernel=draw(2 * width, 4 * width),
        bias=draw(4 * width),
        output=draw(width, vocabulary),
        output_bias=draw(vocabulary),
    )


def oracle(
    n: int, *, seed: int = 0, split: str = "train", length: int = 20, vocabulary: int = 5_000
) -> ArrayDataset:
    """`n` sequences that an oracle has written: `x` int32 [n, length].

    Args:
        n: How many.
        seed: Of the oracle's weights and of what it writes.
        split: `train` or `test`, which have nothing in common but the oracle.
        length: Of a sequence.
        vocabulary: How many tokens there are.

    Raises:
        UserError: for another split, or nothing to write.
    """
    check_split("oracle", split, tuple(_SPLITS))
    if min(n, length) < 1 or vocabulary < 2:
        raise UserError(
            f"an oracle cannot write {n} sequences of {length} out of {vocabulary} tokens"
        )
    model, tokens = _written(n, seed, split, length, vocabulary)
    kind = Tokens(tuple(map(str, range(vocabulary))), " ", oracle=model)
    return ArrayDataset("oracle", split, {"x": tokens.copy()}, {"x": kind})


@functools.lru_cache(maxsize=4)
def _written(
    n: int, seed: int, split: str, length: int, vocabulary: int
) -> tuple[Oracle, np.ndarray]:
    model = make_oracle(vocabulary, seed=seed)
    random = generator(seed, 1 + _SPLITS[split])
    return model, model.sample(n, length, random)


def _quantile(weights: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The first column by which a row's weights [N, V] reach its share [N] of their sum."""
    rows, columns = np.arange(len(weights)), weights.shape[1]
    starts = np.arange(0, columns, _BLOCK)
    blocks = np.cumsum(np.add.reduceat(weights, starts, axis=1), axis=1)
    wanted = shares * blocks[:, -1]
    block = np.minimum((blocks < wanted[:, None]).sum(axis=1), len(starts) - 1)
    before = np.where(block > 0, blocks[rows, block - 1], 0)
    places = np.minimum(starts[block, None] + np.arange(_BLOCK), columns - 1)
    within = np.cumsum(weights[rows[:, None], places], axis=1)
    found = (within < (wanted - before)[:, None]).sum(axis=1)
    return np.minimum(starts[block] + found, columns - 1).astype(np.int32)


def _parts(x: np.ndarray) -> list[np.ndarray]:
    """Views of consecutive rows."""
    return [x[start : start + _AT_ONCE] for start in range(0, len(x), _AT_ONCE)]


def _centred(logits: np.ndarray) -> np.ndarray:
    return logits - logits.max(axis=1, keepdims=True)
