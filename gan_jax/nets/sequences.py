"""Sequences of tokens: nets that write them, one token after the other, and nets that judge them.

A net that writes is called with whole sequences, and says of each place what it expects there of
what stands before it. To write, it goes place by place: `embed` makes its inputs of tokens, or of
distributions over them, `begin` its first state, and `step` maps a state and an input to the next
state and to logits. Token V, one beyond the vocabulary, stands before the first. All of them take
a label, which those here make nothing of; `nets.wavenet` is another net that writes.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from gan_jax.layers import Conv, Dropout
from gan_jax.types import Array, PRNGKey

State = Any


def embedded(table: Array, x: Array) -> Array:
    """Rows of a table [V', E] for tokens [...], or means of its first V for weights [..., V]."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return table[x]
    return x.astype(table.dtype) @ table[: x.shape[-1]]


def shifted(x: Array, first: int) -> Array:
    """Tokens [B, L] one place later, after the token `first`."""
    return jnp.pad(x[:, :-1], ((0, 0), (1, 0)), constant_values=first)


class LSTM(nn.Module):
    """One layer of long short-term memory.

    Long Short-Term Memory, Hochreiter & Schmidhuber, 1997, Neural Computation 9(8).

    Attributes:
      vocabulary: V, how many tokens there are.
      width: of the state, and numbers that stand for a token.
      dtype: of the computation; logits are float32.
    """

    vocabulary: int
    width: int = 32
    dtype: Any = jnp.float32

    def setup(self) -> None:  # noqa: D102
        table, glorot = nn.initializers.normal(0.1), nn.initializers.glorot_uniform()
        self.table = self.param("table", table, (self.vocabulary + 1, self.width))
        self.recurrent = self.param("recurrent", glorot, (self.width, 4 * self.width))
        self.gates = nn.Dense(4 * self.width, dtype=self.dtype)
        self.output = nn.Dense(self.vocabulary, dtype=self.dtype)

    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps tokens [B, L] to logits [B, L, V], each place's of what stands before it."""
        del label, train
        entering = self.gates(self.embed(shifted(x, self.vocabulary)))
        recurrent = self.recurrent.astype(self.dtype)

        def advance(state: State, entering: Array) -> tuple[State, Array]:
            state = _lstm(state, entering, recurrent)
            return state, state[0]

        _, hidden = lax.scan(advance, self.begin(*x.shape), jnp.swapaxes(entering, 0, 1))
        return self.output(jnp.swapaxes(hidden, 0, 1)).astype(jnp.float32)

    def begin(self, count: int, length: int) -> State:
        """The state of so many sequences before their first token."""
        del length
        return (jnp.zeros((count, self.width), self.dtype),) * 2

    def embed(self, x: Array) -> Array:
        """Inputs [..., E] of tokens [...] in 0..V, or of distributions [..., V]."""
        return embedded(self.table.astype(self.dtype), x)

    def step(self, state: State, x: Array, label: Array | None = None) -> tuple[State, Array]:
        """The next state, and logits [B, V], after an input [B, E]."""
        del label
        state = _lstm(state, self.gates(x), self.recurrent.astype(self.dtype))
        return state, self.output(state[0]).astype(jnp.float32)


class Transformer(nn.Module):
    """A small causal Transformer, of which every place looks at itself and what stands before.

    Attention Is All You Need, Vaswani et al., 2017, arXiv:1706.03762, with sinusoids for places;
    normalised before each layer.

    Attributes:
      vocabulary: V, how many tokens there are.
      width: of the hidden maps, an even number.
      blocks: how many.
      heads: of attention, whose number divides the width.
      dtype: of the computation; logits are float32.
    """

    vocabulary: int
    width: int = 64
    blocks: int = 2
    heads: int = 4
    dtype: Any = jnp.float32

    def setup(self) -> None:  # noqa: D102
        normal = nn.initializers.normal(0.1)
        self.table = self.param("table", normal, (self.vocabulary + 1, self.width))
        self.layers = [_Block(self.width, self.heads, self.dtype) for _ in range(self.blocks)]
        self.norm = nn.LayerNorm(dtype=self.dtype)
        self.output = nn.Dense(self.vocabulary, dtype=self.dtype)

    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps tokens [B, L] to logits [B, L, V], each place's of what stands before it."""
        del label, train
        length = x.shape[1]
        x = self._placed(self.embed(shifted(x, self.vocabulary)), jnp.arange(length))
        causal = jnp.tril(jnp.ones((length, length), bool))
        for layer in self.layers:
            x = layer(x, layer.look(x), causal)
        return self._logits(x)

    def begin(self, count: int, length: int) -> State:
        """The state of so many sequences, of that length at most, before their first token."""
        shape = (count, length, self.heads, self.width // self.heads)
        return jnp.zeros((), jnp.int32), [
            (jnp.zeros(shape, self.dtype),) * 2 for _ in range(self.blocks)
        ]

    def embed(self, x: Array) -> Array:
        """Inputs [..., E] of tokens [...] in 0..V, or of distributions [..., V]."""
        return embedded(self.table.astype(self.dtype), x)

    def step(self, state: State, x: Array, label: Array | None = None) -> tuple[State, Array]:
        """The next state, and logits [B, V], after an input [B, E]."""
        del label
        place, seen = state
        x, found = self._placed(x[:, None], place[None]), []
        for layer, past in zip(self.layers, seen, strict=True):
            now = [
                lax.dynamic_update_slice_in_dim(old, new, place, axis=1)
                for old, new in zip(past, layer.look(x), strict=True)
            ]
            known = jnp.arange(now[0].shape[1])[None] <= place
            x = layer(x, now, known)
            found.append(tuple(now))
        return (place + 1, found), self._logits(x)[:, 0]

    def _placed(self, x: Array, places: Array) -> Array:
        """Inputs [B, Q, E] that tell of their places [Q]."""
        half = self.width // 2
        angles = places[:, None] * 10_000.0 ** (-jnp.arange(half) / half)[None]
        waves = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
        return x + 0.1 * waves.astype(self.dtype)[None]

    def _logits(self, x: Array) -> Array:
        return self.output(self.norm(x)).astype(jnp.float32)


class _Block(nn.Module):
    """Attention and two dense layers, each beside the identity."""

    width: int
    heads: int
    dtype: Any = jnp.float32

    def setup(self) -> None:
        dense = partial(nn.Dense, dtype=self.dtype)
        self.norms = [nn.LayerNorm(dtype=self.dtype) for _ in range(2)]
        self.query, self.value, self.mix = (dense(self.width) for _ in range(3))
        self.key = dense(self.width, use_bias=False)  # which the softmax would not see
        self.wide, self.narrow = dense(4 * self.width), dense(self.width)

    def look(self, x: Array) -> tuple[Array, Array]:
        """What others find at places [B, L, width]: keys and values [B, L, heads, D]."""
        x = self.norms[0](x)
        return self._parted(self.key(x)), self._parted(self.value(x))

    def __call__(self, x: Array, seen: Sequence[Array], known: Array) -> Array:
        """Maps [B, Q, width] to its like by keys and values of K places, those `known` [Q, K]."""
        query = self._parted(self.query(self.norms[0](x)))
        scores = jnp.einsum("bqhd,bkhd->bhqk", query, seen[0], preferred_element_type=jnp.float32)
        scores = jnp.where(known[None, None], scores / math.sqrt(query.shape[-1]), -jnp.inf)
        gathered = jnp.einsum("bhqk,bkhd->bqhd", nn.softmax(scores).astype(self.dtype), seen[1])
        x = x + self.mix(gathered.reshape(x.shape))
        return x + self.narrow(nn.gelu(self.wide(self.norms[1](x))))

    def _parted(self, x: Array) -> Array:
        return x.reshape(*x.shape[:-1], self.heads, -1)


class Discriminator(nn.Module):
    """Convolutions over places, the highest value of each, a highway and logits.

    SeqGAN's, Yu et al., 2017, arXiv:1609.05473; with several representations, each by an embedding
    of its own and seen by the same layers, that of RelGAN: Relational Generative Adversarial
    Networks for Text Generation, Nie, Narodytska & Patel, 2019, openreview.net/forum?id=rJedV3R5tm.

    Attributes:
      vocabulary: V, how many tokens there are.
      embedding: numbers that stand for a token, in each representation.
      representations: R, how many there are.
      sizes: places that kernels reach over, none of them longer than a sequence.
      width: kernels of each size.
      dropout: share that is dropped before the logit.
      dtype: of the computation; logits are float32.
    """

    vocabulary: int
    embedding: int = 64
    representations: int = 1
    sizes: Sequence[int] = (1, 2, 3, 4, 5)
    width: int = 64
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Array,
        label: Array | None = None,
        train: bool = False,
        keys: PRNGKey | None = None,
    ) -> Array:
        """Maps tokens [B, L] or distributions [B, L, V] to logits [B], or [B, R] of several."""
        del label
        batch, length = x.shape[:2]
        numbers = self.representations * self.embedding
        table = self.param("table", nn.initializers.normal(0.1), (self.vocabulary, numbers))
        x = embedded(table.astype(self.dtype), x)
        x = x.reshape(batch, length, self.representations, self.embedding)
        x = jnp.swapaxes(x, 1, 2).reshape(-1, length, self.embedding)
        found = []
        for size in self.sizes:
            maps = Conv(self.width, (size,), padding="VALID", dtype=self.dtype)(x)
            found.append(jnp.max(nn.relu(maps), axis=1))
        x = jnp.concatenate(found, axis=-1)
        gate = nn.sigmoid(nn.Dense(x.shape[-1], dtype=self.dtype)(x))
        x = gate * nn.relu(nn.Dense(x.shape[-1], dtype=self.dtype)(x)) + (1 - gate) * x
        x = Dropout(self.dropout)(x.reshape(batch, self.representations, -1), keys, train)
        x = nn.Dense(1, dtype=self.dtype)(x)[..., 0].astype(jnp.float32)
        return x[:, 0] if self.representations == 1 else x


def _lstm(state: State, entering: Array, recurrent: Array) -> State:
    """The next (hidden, cell), of what the input gives the gates [B, 4 H]."""
    hidden, cell = state
    enter, forget, new, leave = jnp.split(entering + hidden @ recurrent, 4, axis=-1)
    cell = nn.sigmoid(forget) * cell + nn.sigmoid(enter) * jnp.tanh(new)
    return nn.sigmoid(leave) * jnp.tanh(cell), cell
