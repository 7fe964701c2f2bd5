"""Convolutional LSTMs: from the first frames of a film to those that follow.

Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting, Shi et al.,
2015, arXiv:1506.04214; here without the cell's peepholes.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.layers import Conv, ConvTranspose, leaky_relu
from gan_jax.types import Array, UserError

State = tuple[Array, Array]


class Cell(nn.Module):
    """One layer of a convolutional LSTM: `c ← f c + i g`, `h ← o tanh(c)`.

    The gates i, f and o are sigmoids and g a tanh of one convolution of input and h; f begins near
    σ(1).

    Attributes:
      width: channels of the state.
      dtype: of the convolution; the state is float32.
    """

    width: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, state: State, x: Array) -> tuple[State, Array]:
        """Maps the state (c, h), each [B, H, W, width], and [B, H, W, C] to both, and h."""
        c, h = state
        conv = Conv(4 * self.width, (3, 3), dtype=self.dtype)
        gates = conv(jnp.concatenate([x.astype(jnp.float32), h], axis=-1)).astype(jnp.float32)
        i, f, o, g = jnp.split(gates, 4, axis=-1)
        c = nn.sigmoid(f + 1) * c + nn.sigmoid(i) * nn.tanh(g)
        h = nn.sigmoid(o) * nn.tanh(c)
        return (c, h), h


class _Step(nn.Module):
    """Reads a frame, or after the past the one foretold last, and foretells what changes in it."""

    channels: int
    width: int
    layers: int
    halvings: int
    dtype: Any

    @nn.compact
    def __call__(
        self, carry: tuple[tuple[State, ...], Array], seen: tuple[Array, Array]
    ) -> tuple[tuple[tuple[State, ...], Array], Array]:
        (states, foretold), (frame, given) = carry, seen
        x = before = jnp.where(given, frame, foretold)
        for _ in range(self.halvings):
            x = leaky_relu(Conv(self.width, (4, 4), 2, dtype=self.dtype)(x))
        after = []
        for state in states:
            new, x = Cell(self.width, self.dtype)(state, x)
            after.append(new)
        for halving in reversed(range(self.halvings)):
            x = ConvTranspose(
                self.width if halving else self.channels, (4, 4), 2, dtype=self.dtype
            )(x)
            x = leaky_relu(x) if halving else x
        x = before + x.astype(jnp.float32)
        return (tuple(after), x), x


class Predictor(nn.Module):
    """Layers of a convolutional LSTM between strided convolutions, fed with their own frames.

    A frame is the one before and a change of it. A tanh at the end would hold the net where L2
    leads it first, at all that is commonest: before a dark ground, at black.

    Attributes:
      frames: how many it foretells.
      width: channels of every map.
      layers: of the LSTM.
      halvings: of the sides, before the LSTM; they are undone after it.
      dtype: of the convolutions; the film is float32, in [-1, 1] but in training.
    """

    frames: int
    width: int = 64
    layers: int = 2
    halvings: int = 2
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> Array:
        """Maps films [B, T, H, W, C] to those that follow, [B, frames, H, W, C].

        Raises:
          UserError: for sides that cannot be halved so often.
        """
        del label
        batch, past, height, width, channels = x.shape
        scale = 2**self.halvings
        if height % scale or width % scale:
            raise UserError(f"frames of {height}×{width} are not halved {self.halvings} times")
        state = jnp.zeros((batch, height // scale, width // scale, self.width))
        states = ((state, state),) * self.layers
        frames = jnp.moveaxis(x, 1, 0)
        unseen = jnp.broadcast_to(frames[-1:], (self.frames - 1, *frames.shape[1:]))
        given = jnp.arange(past + self.frames - 1) < past
        step = nn.scan(_Step, variable_broadcast="params", split_rngs={"params": False})
        run = step(channels, self.width, self.layers, self.halvings, self.dtype)
        _, made = run((states, frames[0]), (jnp.concatenate([frames, unseen]), given))
        film = jnp.moveaxis(made[past - 1 :], 0, 1)
        return film if train else jnp.clip(film, -1.0, 1.0)
