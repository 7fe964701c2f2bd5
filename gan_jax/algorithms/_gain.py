"""GAIN: missing values are filled in, against a discriminator that tells which were missing."""

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from gan_jax import prng
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise
from gan_jax.types import Array, Batch, PRNGKey, Variables


class _Played(NamedTuple):
    """Both players' pass over a batch; all but the statistics are [B, D]."""

    shown: Array
    judged: Array
    output: Array
    verdict: Array
    generator_stats: Variables
    discriminator_stats: Variables


def gain(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    alpha: float = 10.0,
    hint_rate: float = 0.9,
    noise: float = 0.01,
    hide: float = 0.0,
    binary: Sequence[int] = (),
) -> Game:
    """A generator fills gaps, and a discriminator tells of each entry whether it was one.

    Of a row x with the mask m, 1 where an entry is known, and noise z, entry by entry,

        x̄ = G(m x + (1 - m) z, m),    x̂ = m x + (1 - m) x̄,
        h = b m + (1 - b) / 2,        b_i = 1 with the probability `hint_rate`, else 0;
        D minimises E[Σ_i (1 - b_i) (-m_i log p_i - (1 - m_i) log(1 - p_i))],    p = D(x̂, h),
        G minimises E[Σ_i (1 - b_i) (1 - m_i) (-log p_i)] + α E[Σ_i m_i d(x_i, x̄_i)],

    where d is the squared error, or for a binary column the cross-entropy. The hint h tells D most
    of the mask; without one, more than one distribution of x̂ is an optimum.

    GAIN: Missing Data Imputation using Generative Adversarial Nets, Yoon, Jordon & van der Schaar,
    2018, arXiv:1806.02920. There b lacks exactly one entry of a row; `hint_rate` and the range of
    the noise are those of the authors' code.

    The reconstruction is of what G sees, and can be had by copying. With `hide`, so large a share
    of the known entries is hidden from both players in every step, which take them for missing,
    while d goes on comparing all that are known: G must predict, as the autoencoders do of MIDA:
    Multiple Imputation using Denoising Autoencoders, Gondara & Wang, 2017, arXiv:1705.02737.

    Args:
      generator: `(seen [B, 2 D], label, train) -> logits [B, D]` of x̄; it sees values and mask
        side by side.
      discriminator: `(row [B, 2 D], label, train) -> logits [B, D]` of p; it sees x̂ and hint side
        by side.
      alpha: α of the paper, at least 0.
      hint_rate: from 0, no hint, to below 1.
      noise: z is uniform from 0 to it.
      hide: from 0, the paper's game, to below 1.
      binary: which of the columns are.

    Returns:
      A game on batches of `x` [B, D], values in [0, 1], of any value (also NaN) where they are not
      known, and `observed` [B, D], above 0 where they are. A sample is x̂: what is known of `x`
      as it is, and values in (0, 1) in its gaps. Where a batch has the column `whole` [B, D],
      `metrics` are the root of the mean squared error of all missing entries.
    """

    def impute(
        players: Players, columns: Batch, known: Array, *, train: bool, keys: PRNGKey | None = None
    ) -> tuple[Array, Array, Variables]:
        """x̂ [B, D], the logits of x̄ and G's statistics after them."""
        x = columns["x"]
        seen = _beside(jnp.where(known, x, columns["noise"]), known)
        output, stats = apply(generator, players["generator"], seen, None, train=train, keys=keys)
        return jnp.where(known, x, nn.sigmoid(output)), output, stats

    def play(view: View) -> _Played:
        keys = lambda purpose: prng.fold_in(view.keys, purpose)
        known = _known(view.batch)
        shown = known & (prng.uniform(keys("hide"), known.shape[1:]) >= hide)
        told = prng.uniform(keys("hint"), known.shape[1:]) < hint_rate
        imputed, output, generator_stats = impute(
            view.players, view.batch, shown, train=True, keys=keys("generator")
        )
        verdict, discriminator_stats = apply(
            discriminator,
            view.players["discriminator"],
            _beside(imputed, jnp.where(told, shown, 0.5)),
            None,
            train=True,
            keys=keys("discriminator"),
        )
        return _Played(shown, ~told, output, verdict, generator_stats, discriminator_stats)

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        played = play(view)
        each = optax.sigmoid_binary_cross_entropy(played.verdict, played.shown.astype(float))
        return _total(each, played.judged), Aux({}, played.discriminator_stats)

    def generator_loss(view: View) -> tuple[Array, Aux]:
        played, known = play(view), _known(view.batch)
        x = jnp.where(known, view.batch["x"], 0)
        error = (nn.sigmoid(played.output) - x) ** 2
        if binary:
            columns = jnp.asarray(binary)
            entropy = optax.sigmoid_binary_cross_entropy(played.output, x)
            error = error.at[:, columns].set(entropy[:, columns])
        metrics = {
            "adversarial": _total(nn.softplus(-played.verdict), played.judged & ~played.shown),
            "reconstruction": _total(error, known),
        }
        total = metrics["adversarial"] + alpha * metrics["reconstruction"]
        return total, Aux(metrics, played.generator_stats)

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        x, keys = batch["x"], prng.fold_in(keys, "noise")
        drawn = noise * prng.uniform(keys, x.shape[1:])
        return {"x": x, "observed": batch["observed"], "noise": drawn}

    def sample(players: Players, inputs: Batch) -> Array:
        return impute(players, inputs, _known(inputs), train=False)[0]

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        if "whole" not in batch:
            return {}
        missing = ~_known(batch)
        error = (sample(players, inputs(keys, batch)) - batch["whole"]) ** 2
        return {"rmse": jnp.sqrt(jnp.sum(error * missing) / jnp.maximum(jnp.sum(missing), 1))}

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        generator_key, discriminator_key = jax.random.split(key)
        row = _beside(batch["x"], _known(batch))
        keys = prng.per_example(key, len(row))
        return {
            "generator": initialise(generator, generator_key, row, None, keys=keys),
            "discriminator": initialise(discriminator, discriminator_key, row, None, keys=keys),
        }

    return Game(
        init=init,
        turns=(Turn("discriminator", discriminator_loss), Turn("generator", generator_loss)),
        inputs=inputs,
        sample=sample,
        conditions=("x", "observed"),
        metrics=metrics,
    )


def _known(columns: Batch) -> Array:
    """The mask, [B, D] of booleans."""
    return jnp.asarray(columns["observed"]) > 0


def _beside(values: Array, mask: Array) -> Array:
    return jnp.concatenate([values, mask.astype(values.dtype)], axis=-1)


def _total(each: Array, counted: Array) -> Array:
    """The sum over a row's entries that are counted, in the mean over rows."""
    return jnp.mean(jnp.sum(each * counted, axis=-1))
