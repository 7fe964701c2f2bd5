"""Losses on features of a discriminator rather than on its verdict."""

from typing import Any

import chex
import jax
import jax.numpy as jnp

from gan_jax.types import Array

_TINY = 1e-12  # of a squared norm


def feature_matching(real_mean: Array, fake_mean: Array) -> Array:
    """`‖E[f(x)] - E[f(G(z))]‖²`, of mean features `[...]` over a batch; a scalar.

    Improved Techniques for Training GANs, Salimans et al., 2016, arXiv:1606.03498, section 3.1.
    """
    chex.assert_equal_shape([real_mean, fake_mean])
    return jnp.sum((real_mean - fake_mean) ** 2)


def matched_features(real: Any, fake: Any) -> Array:
    """`Σ_i mean |f_i(x) - f_i(G(s))|` over the maps of a discriminator's layers, or of several.

    MelGAN: Generative Adversarial Networks for Conditional Waveform Synthesis, Kumar et al., 2019,
    arXiv:1910.06711, eq. 4; HiFi-GAN, Kong et al., 2020, arXiv:2010.05646, eq. 6.

    Args:
      real: a tree of maps `[B, ...]`, of data.
      fake: likewise, of what was made in their place.

    Returns:
      `[B]`, at least 0.
    """
    chex.assert_trees_all_equal_shapes(real, fake)
    means = jax.tree.map(
        lambda a, b: jnp.mean(jnp.abs(a - b), axis=tuple(range(1, a.ndim))), real, fake
    )
    return sum(jax.tree.leaves(means), jnp.zeros(()))


def pulling_away(features: Array, everyone: Array) -> Array:
    """The mean squared cosine between an example's features and those of each other one.

    Its mean over a batch is EBGAN's pulling-away term, `Σ_i Σ_{j≠i} cos²(s_i, s_j) / (N (N - 1))`.

    Energy-based Generative Adversarial Network, Zhao et al., 2017, arXiv:1609.03126, section 2.4.

    Args:
      features: `[B, D]`.
      everyone: `[N, D]`, of the whole batch, those of `features` among them.

    Returns:
      `[B]` in [0, 1].

    Raises:
      ValueError: there are no others.
    """
    if len(everyone) < 2:
        raise ValueError("a batch of one example has no others to be pulled away from")
    unit = lambda s: s / jnp.sqrt(jnp.sum(s**2, axis=-1, keepdims=True) + _TINY)
    mine = unit(features)
    squared = (mine @ unit(everyone).T) ** 2
    own = jnp.sum(mine**2, axis=-1) ** 2  # 1, but for features of zero
    return (jnp.sum(squared, axis=1) - own) / (len(everyone) - 1)


def gram_distance(maps: Array, target: Array) -> Array:
    """Style, as what channels have in common wherever: `Σ_ij (G_ij - A_ij)² / (4 C²)`.

    G is the Gram matrix of a map, `G_ij = Σ_k F_ik F_jk / M` over its M places, and A that of the
    target's; sizes may differ.

    Image Style Transfer Using Convolutional Neural Networks, Gatys et al., 2016, CVPR, eq. 3 and 4,
    whose Gram matrices are sums over places, and whose factor is `1 / (4 C² M²)`.

    Args:
      maps: `[B, H, W, C]`.
      target: `[B, H', W', C]`.

    Returns:
      `[B]`, at least 0.
    """
    grams = []
    for x in (maps, target):
        flat = x.reshape(x.shape[0], -1, x.shape[-1])
        grams.append(jnp.einsum("bmi,bmj->bij", flat, flat) / flat.shape[1])
    chex.assert_equal_shape(grams)
    return jnp.sum((grams[0] - grams[1]) ** 2, axis=(1, 2)) / (4 * maps.shape[-1] ** 2)
