"""What a game says of single examples, and samples that its discriminator takes for data."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logit

from gan_jax import parallel, prng
from gan_jax.game import Game, Players
from gan_jax.types import Array, Batch, PRNGKey, UserError

JUDGE_SIZE = 256
"""Examples judged at once, over all devices of a process together."""

LOGIT = "real_logit"
"""The figure of a game that is its discriminator's logit of data."""

_CEILING = 0.9
_MOST_DRAWS = 100

LogRatio = Callable[[np.ndarray], np.ndarray]
"""`logits [N] -> log(p_data / p_sampled) [N]`."""


def figures_of_each(game: Game, players: Players, batch: Batch) -> dict[str, Array]:
    """The game's own figures of data, `{name: [B]}`, of every example as if it were alone.

    Where a discriminator looks at packs it is shown a pack of copies. A game without figures of its
    own has none.

    Args:
      game: whose figures are asked for, such as logits or a bound.
      players: their variables.
      batch: columns `[B, ...]`.
    """
    if (metrics := game.metrics) is None:
        return {}
    keys = prng.per_example(jax.random.key(0), game.group)

    def of_one(example: Batch) -> dict[str, Array]:
        copies = {n: jnp.repeat(x[None], game.group, axis=0) for n, x in example.items()}
        return dict(metrics(players, copies, keys))

    return jax.vmap(of_one)(dict(batch))


def calibrate(real: np.ndarray, fake: np.ndarray) -> LogRatio:
    """How much likelier a logit is of data than of samples, whatever the discriminator makes of it.

    Only the order of logits is trusted: isotonic regression finds the share of data among data
    and as many samples, after Metropolis-Hastings Generative Adversarial Networks, Turner et al.,
    2019, arXiv:1811.11357.

    Args:
      real: `[N]` logits of data, held out where there are such.
      fake: `[M]` logits of samples.

    Returns:
      `logits -> log ratios`, rising, and no larger than so many logits can show.

    Raises:
      UserError: there is no logit of either, or one is not finite.
    """
    from sklearn.isotonic import IsotonicRegression  # a second, spared where it is not asked for

    if not (len(real) and len(fake)):
        raise UserError("logits of data and of samples are needed, at least one of each")
    logits = np.concatenate([real, fake]).astype(np.float64)
    if not np.isfinite(logits).all():
        raise UserError("the discriminator's logits are not all finite")
    is_real = np.repeat([1.0, 0.0], [len(real), len(fake)])
    weight = np.repeat([0.5 / len(real), 0.5 / len(fake)], [len(real), len(fake)])
    least = weight.min()
    curve = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    curve.fit(logits, is_real, sample_weight=weight)
    return lambda logits: logit(curve.predict(np.asarray(logits, np.float64)))


def rejecting(game: Game, players: Players, real: Batch, key: PRNGKey) -> Game:
    """The game, whose inputs are drawn anew until the discriminator takes their sample for data.

    A draw is kept with a probability in proportion to p_data / p_sampled, as `calibrate` has it of
    the data given and as many samples, or for certain where that ratio is above nine tenths of the
    samples' own. After 100 draws the last is kept. So where the logit tells what the generator
    makes too often, samples are distributed more like data, at the cost of those that are left out;
    where it tells all samples from data alike, all are kept.

    A clipped form of Discriminator Rejection Sampling, Azadi et al., 2019, arXiv:1810.06758.

    Args:
      game: whose discriminator judges samples as `game.sample` makes them, one at a time.
      players: the variables that samples are drawn and judged with.
      real: columns `[N, ...]` of data, held out where there are such.
      key: of the samples that logits are calibrated on.

    Returns:
      A game like it, but that its `inputs` cannot be traced. They depend on an example's key and
      condition alone, as before.

    Raises:
      UserError: the discriminator judges packs, or samples as they are observed, or there is none;
        or it judges beside a column that the data have not.
    """
    if game.group > 1:
        raise UserError(f"this game's discriminator judges packs of {game.group}, not samples")
    if game.observed:
        raise UserError("this game's discriminator judges observations, not samples")
    few = {name: column[:1] for name, column in real.items()}
    try:
        said = jax.eval_shape(functools.partial(figures_of_each, game), players, few)
    except KeyError as error:
        raise UserError(
            f"this game's discriminator judges beside {error}, which data lack"
        ) from None
    if LOGIT not in said:
        raise UserError("this game has no discriminator's logit to choose samples by")
    judge, attempt = parallel.map_batched(_logits(game), JUDGE_SIZE), _attempt(game, key)
    given = {name: real[name] for name in game.conditions}
    keys = jax.random.key_data(prng.per_example(key, len(real[game.target])))
    _, fake, _ = attempt(players, keys, given, 0)
    log_ratio = calibrate(judge(players, dict(real)), fake)
    ceiling = np.quantile(log_ratio(fake), _CEILING)

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        data, left = np.asarray(jax.random.key_data(keys)), np.arange(len(keys))
        kept: Batch = {}
        for number in range(_MOST_DRAWS):
            given = {name: np.asarray(batch[name])[left] for name in game.conditions}
            drawn, logits, coin = attempt(players, data[left], given, number)
            kept = kept or drawn
            for old, new in zip(jax.tree.leaves(kept), jax.tree.leaves(drawn), strict=True):
                old[left] = new
            left = left[coin >= np.exp(log_ratio(logits) - ceiling)]
            if not len(left):
                break
        return kept

    return game._replace(inputs=inputs)


def _logits(game: Game) -> Callable[[Players, Batch], Array]:
    return lambda players, batch: figures_of_each(game, players, batch)[LOGIT]


def _attempt(game: Game, like: PRNGKey) -> Callable[[Players, Any, Batch, int], Any]:
    """`(players, keys' data, conditions, number of the draw) -> (inputs, logits, coins)`."""

    def draw(players: Players, columns: Any) -> Any:
        keys = jax.random.wrap_key_data(columns["key"], impl=jax.random.key_impl(like))
        keys = jax.vmap(jax.random.fold_in)(keys, columns["number"])
        inputs = game.inputs(keys, columns["given"])
        judged = {**columns["given"], **inputs, game.target: game.sample(players, inputs)}
        return inputs, _logits(game)(players, judged), prng.uniform(prng.fold_in(keys, "coin"), ())

    mapped = parallel.map_batched(draw, JUDGE_SIZE)

    def attempt(players: Players, keys: Any, given: Batch, number: int) -> Any:
        numbers = np.full(len(keys), number, np.int32)
        return mapped(players, {"key": np.asarray(keys), "number": numbers, "given": given})

    return attempt
