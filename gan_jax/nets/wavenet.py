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
from gan_jax.types import Array

Queues = tuple[Array, ...]
"""What each layer saw in as many steps as its dilation, `[dilation, B, width]`."""


class WaveNet(nn.Module):
    """From classes to logits of each, given those before it.

    A layer with dilation d sees its input now and d steps before. The dilations double from 1,
    `layers` times, in each of so many `cycles`; `1 + cycles (2^layers - 1)` classes are seen.

    Attributes:
      levels: classes.
      width: of the residual stream.
      skip: width of what every layer tells the end.
      layers: in a cycle; 10 in the paper.
      cycles: how often.
      num_classes: of the labels the net is conditioned on; None for none.
      dtype: of the computation; the logits are float32.
    """

    levels: int = 256
    width: int = 32
    skip: int = 64
    layers: int = 10
    cycles: int = 1
    num_classes: int | None = None
    dtype: Any = jnp.float32

    def setup(self) -> None:
        """Layers in the order of their dilations."""
        dense = lambda features, **settings: nn.Dense(features, dtype=self.dtype, **settings)
        count = self.layers * self.cycles
        self.embed = nn.Embed(self.levels, self.width, dtype=self.dtype)
        self.gates = [dense(2 * self.width) for _ in range(count)]
        self.residuals = [dense(self.width) for _ in range(count - 1)]
        self.skips = [dense(self.skip) for _ in range(count)]
        self.last = dense(self.skip), dense(self.levels)
        if self.num_classes is not None:
            self.of_label = nn.Embed(self.num_classes, 2 * self.width * count, dtype=self.dtype)

    @property
    def dilations(self) -> tuple[int, ...]:
        """Of every layer, in order."""
        return tuple(2**layer for layer in range(self.layers)) * self.cycles

    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps classes [B, T] to logits [B, T, levels]; those of t see no class from t on."""
        del train
        before = jnp.pad(x[:, :-1], ((0, 0), (1, 0)), constant_values=self.levels // 2)
        past = lambda h, i: jnp.pad(h, ((0, 0), (self.dilations[i], 0), (0, 0)))[:, : h.shape[1]]
        return self._through(before, label, past)

    def begin(self, count: int) -> tuple[Array, Queues]:
        """The class before the first of so many examples, silence, and queues of nothing."""
        silence = jnp.full((count,), self.levels // 2)
        return silence, tuple(jnp.zeros((d, count, self.width), self.dtype) for d in self.dilations)

    def step(
        self, x: Array, queues: Queues, t: Array, label: Array | None = None
    ) -> tuple[Array, Queues]:
        """Logits [B, levels] of class t, from 0, given the one before it, x [B], and the queues."""
        found = list(queues)

        def past(h: Array, i: int) -> Array:
            place = t % self.dilations[i]
            then = found[i][place]
            found[i] = found[i].at[place].set(h)
            return then

        return self._through(x, label, past), tuple(found)

    def _through(self, x: Array, label: Array | None, past: Callable[[Array, int], Array]) -> Array:
        """The net over classes [B] or [B, T]; `past` gives a layer's input so much earlier."""
        h, count = self.embed(x), len(self.dilations)
        told, bias = jnp.zeros(()), jnp.zeros((1,) * x.ndim + (count, 1))
        if self.num_classes is not None:
            bias = self.of_label(needed(label, self.num_classes))
            bias = bias.reshape(len(x), *(1,) * (x.ndim - 1), count, 2 * self.width)
        for i in range(count):
            z = self.gates[i](jnp.concatenate([past(h, i), h], axis=-1)) + bias[..., i, :]
            z = nn.tanh(z[..., : self.width]) * nn.sigmoid(z[..., self.width :])
            told = told + self.skips[i](z)
            if i < count - 1:
                h = h + self.residuals[i](z)
        return self.last[1](nn.relu(self.last[0](nn.relu(told)))).astype(jnp.float32)
