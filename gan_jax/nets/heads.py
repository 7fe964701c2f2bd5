"""What discriminators end in: from features to a logit, and to whatever else is asked of them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.layers.spectral import run
from gan_jax.types import Array

Heads = Mapping[str, int] | tuple[tuple[str, int], ...]
"""How many numbers each further head gives, by its name; a mapping or pairs."""

Judgement = Array | dict[str, Array]
"""Logits `[B]`; or, of a net that was asked for more, these as `logits` among others by name."""


def with_label(x: Array, label: Array | None, num_classes: int | None) -> Array:
    """`x` [B, D] followed by the one-hot label: [B, D + num_classes]; `x` itself without classes.

    Raises:
      ValueError: when a net with classes is given no label.
    """
    if num_classes is None:
        return x
    label = needed(label, num_classes)
    return jnp.concatenate([x, jax.nn.one_hot(label, num_classes, dtype=x.dtype)], axis=-1)


def needed(label: Array | None, num_classes: int) -> Array:
    """The label of a net with classes.

    Raises:
      ValueError: when it is given none.
    """
    if label is None:
        raise ValueError(f"a net with num_classes={num_classes} needs a label")
    return label


class WithHeads(nn.Module, kw_only=True):  # type: ignore[call-arg]
    """A discriminator that can be asked for more than logits; what `Head` gives, it gives.

    Attributes:
      heads: further outputs, such as `{"class": 10}`, by keyword alone.
      features: whether the features that logits are made from are given too, by keyword alone.
    """

    heads: Heads = ()
    features: bool = False

    def __post_init__(self) -> None:
        """Keeps the heads as pairs: a net can be hashed."""
        self.heads = tuple(dict(self.heads).items())
        super().__post_init__()

    def head(self, **settings: Any) -> "Head":
        """What the net ends in, with all that it was asked for."""
        return Head(heads=self.heads, features=self.features, **settings)


class Head(WithHeads):
    """From features to logits, and to further outputs where they are asked for.

    With classes the label enters by projection (cGANs with Projection Discriminator, Miyato &
    Koyama, 2018, arXiv:1802.05637). Further heads are linear in the same features: a classifier's
    logits (Conditional Image Synthesis with Auxiliary Classifier GANs, Odena et al., 2016,
    arXiv:1610.09585) or the parameters of a code's posterior (InfoGAN, Chen et al., 2016,
    arXiv:1606.03657).

    Attributes:
      num_classes: of the labels the logit is conditioned on; None for none.
      spectral: whether every kernel is divided by its largest singular value.
      kernel_init: initialiser of kernels and of the classes' rows.
      dtype: of the computation; the outputs are float32.
    """

    num_classes: int | None = None
    spectral: bool = False
    kernel_init: Callable = nn.linear.default_kernel_init
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Judgement:
        """Maps features [B, D] to logits [B].

        With `heads` or `features` the output is a mapping with `logits` [B], `features` [B, D]
        where they are asked for, and each head's [B, outputs] by its name.

        Raises:
          ValueError: for classes without a label, and a head called `logits` or `features`.
        """
        through = partial(run, spectral=self.spectral, train=train)

        def linear(outputs: int) -> Array:
            dense = nn.Dense(outputs, kernel_init=self.kernel_init, dtype=self.dtype)
            return through(dense, x).astype(jnp.float32)

        exact = x.astype(jnp.float32)
        logits = linear(1)[:, 0]
        if self.num_classes is not None:
            embed = nn.Embed(self.num_classes, x.shape[-1], embedding_init=self.kernel_init)
            rows = through(embed, needed(label, self.num_classes))
            logits = logits + jnp.sum(rows * exact, axis=-1)
        heads = dict(self.heads)
        if taken := {"logits", "features"} & set(heads):
            raise ValueError(f"a head cannot be called {min(taken)!r}: the name is taken")
        if not heads and not self.features:
            return logits
        shown = {"features": exact} if self.features else {}
        return {"logits": logits, **shown, **{name: linear(n) for name, n in heads.items()}}
