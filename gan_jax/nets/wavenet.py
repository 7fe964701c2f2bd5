"""WaveNet: dilated causal convolutions over classes of samples, each a guess of the next.

WaveNet: A Generative Model for Raw Audio, van den Oord et al., 2016, arXiv:1609.03499, section 2.
Its samples are drawn with queues of each layer's past, so that a sample costs a matrix product a
layer, whatever came before: Fast Wavenet Generation Algorithm, Le Paine et al., 2016,
arXiv:1611.09482.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.nets.heads import needed
from gan_jax.nets.sequences import embedded, shifted
from gan_jax.types import Array

State = tuple[Array, tuple[Array, ...]]
"""The place that is next, and of each layer a queue of what it saw, `[dilation, B, width]`."""


class WaveNet(nn.Module):
    """From classes to logits of each, given those before it; a net that writes, see `sequences`.

    A layer with dilation d sees its input now and d steps before. The dilations double from 1,
    `layers` times, in each of so many `cycles`; `1 + cycles (2^layers - 1)` classes are seen.

    Attributes:
      vocabulary: V, how many classes there are.
      width: of the residual stream.
      skip: width of what every layer tells the end.
      layers: in a cycle; 10 in the paper.
      cycles: how often.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the logits are float32.
    """

    vocabulary: int = 256
    width: int = 32
    skip: int = 64
    layers: int = 10
    cycles: int = 1
    num_classes: int | None = None
    dtype: Any = jnp.float32

    def setup(self) -> None:
        """Layers in the order of their dilations."""
        dense = lambda features, **settings: nn.Dense(features, dtype=self.dtype, **settings)
        count, normal = self.layers * self.cycles, nn.initializers.normal(self.width**-0.5)
        self.table = self.param("table", normal, (self.vocabulary + 1, self.width))
        self.gates = [dense(2 * self.width) for _ in range(count)]
        self.residuals = [dense(self.width) for _ in range(count - 1)]
        self.skips = [dense(self.skip) for _ in range(count)]
        self.last = dense(self.skip), dense(self.vocabulary)
        if self.num_classes is not None:
            self.of_label = nn.Embed(self.num_classes, 2 * self.width * count, dtype=self.dtype)

    @property
    def dilations(self) -> tuple[int, ...]:
        """Of every layer, in order."""
        return tuple(2**layer for layer in range(self.layers)) * self.cycles

    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps classes [B, L] to logits [B, L, V], each place's of what stands before it."""
        del train
        past = lambda h, i: jnp.pad(h, ((0, 0), (self.dilations[i], 0), (0, 0)))[:, : h.shape[1]]
        return self._through(self.embed(shifted(x, self.vocabulary)), label, past)

    def begin(self, count: int, length: int) -> State:
        """The state of so many sequences before their first class: queues of nothing."""
        del length
        queues = tuple(jnp.zeros((d, count, self.width), self.dtype) for d in self.dilations)
        return jnp.zeros((), jnp.int32), queues

    def embed(self, x: Array) -> Array:
        """Inputs [..., width] of classes [...] in 0..V, or of distributions [..., V]."""
        return embedded(self.table.astype(self.dtype), x)

    def step(self, state: State, x: Array, label: Array | None = None) -> tuple[State, Array]:
        """The next state, and logits [B, V], after an input [B, width]."""
        place, queues = state
        found = list(queues)

        def past(h: Array, i: int) -> Array:
            there = place % self.dilations[i]
            then = found[i][there]
            found[i] = found[i].at[there].set(h)
            return then

        logits = self._through(x, label, past)
        return (place + 1, tuple(found)), logits

    def _through(self, h: Array, label: Array | None, past: Callable[[Array, int], Array]) -> Array:
        """From inputs [B, width] or [B, L, width]; `past` gives a layer's input so much earlier."""
        count = len(self.dilations)
        told, bias = jnp.zeros(()), jnp.zeros((1,) * (h.ndim - 1) + (count, 1))
        if self.num_classes is not None:
            bias = self.of_label(needed(label, self.num_classes))
            bias = bias.reshape(len(h), *(1,) * (h.ndim - 2), count, 2 * self.width)
        for i in range(count):
            z = self.gates[i](jnp.concatenate([past(h, i), h], axis=-1)) + bias[..., i, :]
            z = nn.tanh(z[..., : self.width]) * nn.sigmoid(z[..., self.width :])
            told = told + self.skips[i](z)
            if i < count - 1:
                h = h + self.residuals[i](z)
        return self.last[1](nn.relu(self.last[0](nn.relu(told)))).astype(jnp.float32)
