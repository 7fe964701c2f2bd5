"""Rows of a table as nets read and write them.

A number is taken for one of a mixture of normal distributions: it is encoded as its place within
the likeliest, `(x - mean) / 4 std` in [-1, 1], and which that is, one-hot; the paper draws one by
how likely it is. A class is one-hot. All lie side by side, in the order of the columns.

Modeling Tabular Data using Conditional GAN, Xu et al., 2019, arXiv:1907.00503, section 4.
"""

import dataclasses
import itertools
import math
import warnings
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data import ArrayDataset, Category, Column, Table
from gan_jax.types import Array

_MODES, _LEAST_WEIGHT = 10, 0.005  # of a mixture, as in the paper's code
_REACH = 4  # standard deviations that a mode is stretched over
_ROWS = 10_000  # that modes are fitted to, at most
_LEAST_STD = 1e-3  # of a mode, relative to the column's

Columns = Sequence[Column]


def fit(table: ArrayDataset) -> Table:
    """The table's kind with the modes of its columns of numbers.

    They are those of a variational mixture of ten with a weight of at least 0.005; a column of few
    different numbers has no more modes than these.
    """
    kind = table.kinds["x"]
    assert isinstance(kind, Table)
    fitted = zip(table.columns["x"].T.astype(np.float64), kind.of, strict=True)
    return dataclasses.replace(kind, of=tuple(_with_modes(x, column) for x, column in fitted))


def _with_modes(x: np.ndarray, column: Column) -> Column:
    from sklearn.exceptions import ConvergenceWarning  # seconds, which samples do not need
    from sklearn.mixture import BayesianGaussianMixture

    if column.classes:
        return column
    if len(x) > _ROWS:
        x = np.random.default_rng(0).choice(x, _ROWS, replace=False)
    spread = max(float(x.std()), 1e-6 * max(float(np.abs(x).max()), 1.0))
    scaled = (x - x.mean()) / spread
    mixture = BayesianGaussianMixture(
        n_components=min(_MODES, len(np.unique(x))),
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=0.001,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an approximation serves
        mixture.fit(scaled[:, None])
    kept = mixture.weights_ > _LEAST_WEIGHT
    stds = np.maximum(np.sqrt(mixture.covariances_.ravel()[kept]), _LEAST_STD)
    means = mixture.means_.ravel()[kept]
    exact = lambda values: tuple(float(v) for v in values)
    return dataclasses.replace(
        column,
        means=exact(means * spread + x.mean()),
        stds=exact(stds * spread),
        weights=exact(mixture.weights_[kept]),
    )


def width(columns: Columns) -> int:
    """Numbers of an encoded row."""
    return sum(len(column.classes) or 1 + len(column.means) for column in columns)


def numbers(columns: Columns) -> int:
    """Columns of numbers."""
    return sum(not column.classes for column in columns)


def conditions(columns: Columns) -> int:
    """Classes of all columns together."""
    return sum(len(column.classes) for column in columns)


def encode(columns: Columns, x: Array) -> Array:
    """Rows [B, D] as [B, width]."""
    parts = []
    for i, column in enumerate(columns):
        value = x[:, i, None]
        if column.classes:
            parts.append(jax.nn.one_hot(value[:, 0].astype(jnp.int32), len(column.classes)))
            continue
        place, std = value - jnp.array([column.means]), jnp.array([column.stds])
        likelihood = -0.5 * (place / std) ** 2 - jnp.log(std)
        if column.weights:
            likelihood += jnp.log(jnp.array([column.weights]))
        mode = jax.nn.one_hot(jnp.argmax(likelihood, axis=-1), len(column.means))
        within = jnp.sum(mode * place / (_REACH * std), axis=-1, keepdims=True)
        parts += [jnp.clip(within, -1, 1), mode]
    return jnp.concatenate(parts, axis=-1)


def decode(columns: Columns, y: Array) -> Array:
    """Encoded rows [B, width], whose one-hot parts may be soft, as rows [B, D]."""
    values = []
    for column, part in zip(columns, split(columns, y), strict=True):
        if column.classes:
            values.append(jnp.argmax(part, axis=-1).astype(jnp.float32))
            continue
        mode = jnp.argmax(part[:, 1:], axis=-1)
        means, stds = jnp.array(column.means), jnp.array(column.stds)
        values.append(means[mode] + _REACH * stds[mode] * jnp.clip(part[:, 0], -1, 1))
    return jnp.stack(values, axis=-1)


def activate(columns: Columns, raw: Array, noise: Array, temperature: float = 0.2) -> Array:
    """What a net says of a row, as an encoded one: tanh of places, Gumbel-softmax of the rest.

    Categorical Reparameterization with Gumbel-Softmax, Jang et al., 2017, arXiv:1611.01144.

    Args:
      columns: of the table.
      raw: `[B, width]`.
      noise: `[B, width]`, uniform on [-1, 1); what stands beside places is not looked at.
      temperature: of the softmax.
    """
    gumbel = -jnp.log(-jnp.log(jnp.clip(0.5 * (1 + noise), 1e-7, 1 - 1e-7)))
    soft = lambda logits: jax.nn.softmax(logits / temperature, axis=-1)
    parts = []
    for column, x, g in zip(columns, split(columns, raw), split(columns, gumbel), strict=True):
        if column.classes:
            parts.append(soft(x + g))
        else:
            parts += [jnp.tanh(x[:, :1]), soft(x[:, 1:] + g[:, 1:])]
    return jnp.concatenate(parts, axis=-1)


def nll(columns: Columns, raw: Array, log_std: Array, x: Array) -> Array:
    """The negative log-likelihood of encoded rows, [B]: TVAE's reconstruction.

    Places are normal about tanh of what the net says, modes and classes are drawn by its logits;
    section 4.5 of the paper.

    Args:
      columns: of the table.
      raw: `[B, width]`.
      log_std: `[N]`, of the place in each column of numbers.
      x: encoded rows [B, width], exactly one-hot.
    """
    total, stds = jnp.zeros(len(raw)), iter(log_std)
    for column, said, wanted in zip(columns, split(columns, raw), split(columns, x), strict=True):
        if not column.classes:
            log, error = next(stds), wanted[:, 0] - jnp.tanh(said[:, 0])
            total += 0.5 * (error * jnp.exp(-log)) ** 2 + log + 0.5 * math.log(2 * math.pi)
            said, wanted = said[:, 1:], wanted[:, 1:]
        total -= jnp.sum(wanted * jax.nn.log_softmax(said, axis=-1), axis=-1)
    return total


def draw(columns: Columns, raw: Array, log_std: Array, noise: Array | None = None) -> Array:
    """Rows [B, D] of what `nll` is told, drawn by noise [B, width], uniform on [-1, 1).

    Without noise they are the likeliest modes, classes and places.
    """
    parts, stds = [], iter(log_std)
    of_noise = jnp.zeros_like(raw) if noise is None else noise
    within = jnp.clip(of_noise, -1 + 1e-6, 1 - 1e-6)
    gumbel = -jnp.log(-jnp.log(0.5 * (1 + within)))  # the same for all without noise
    for column, x, u, g in zip(
        columns, split(columns, raw), split(columns, within), split(columns, gumbel), strict=True
    ):
        if not column.classes:
            normal = math.sqrt(2) * jax.scipy.special.erfinv(u[:, :1])
            parts.append(jnp.tanh(x[:, :1]) + jnp.exp(next(stds)) * normal)
            x, g = x[:, 1:], g[:, 1:]
        parts.append(x + g)
    return decode(columns, jnp.concatenate(parts, axis=-1))


def condition_error(columns: Columns, raw: Array, condition: Array) -> Array:
    """How far rows are from a condition each: the cross-entropy of its column, nats, [B].

    Args:
      columns: of the table.
      raw: `[B, width]`, logits.
      condition: `[B]`, a class among those of all columns.
    """
    of_classes = zip(columns, split(columns, raw), strict=True)
    logs = [jax.nn.log_softmax(part, axis=-1) for column, part in of_classes if column.classes]
    return -jnp.take_along_axis(jnp.concatenate(logs, axis=-1), condition[:, None], axis=-1)[:, 0]


def draw_condition(columns: Columns, key: Array) -> Array:
    """A column of classes, all as likely, and a class of it as often as among the rows."""
    some = [column for column in columns if column.classes]
    shares = np.concatenate([np.array(column.shares) / len(some) for column in some])
    return jax.random.categorical(key, jnp.log(jnp.array(np.maximum(shares, 1e-30))))


def by_conditions(table: ArrayDataset, *, times: int = 10, seed: int = 0) -> ArrayDataset:
    """Rows drawn by conditions, so that rare classes are met: training by sampling.

    Of each a column of classes is drawn, all as likely; a class of it by the logarithm of its
    count; and a row of this class. A table without classes stays as it is.

    Args:
      table: the rows.
      times: so many are drawn for each row.
      seed: of the draws.

    Returns:
      The rows `x` and the condition `label` of each, a class among those of all columns.
    """
    kind, x = table.kinds["x"], table.columns["x"]
    assert isinstance(kind, Table)
    starts = _starts(kind.of)
    if not starts:
        return table
    random, count = np.random.default_rng(seed), times * len(x)
    chosen = random.integers(len(starts), size=count)
    rows, label = np.empty(count, int), np.empty(count, np.int32)
    for k, (i, start) in enumerate(starts):
        codes, classes = x[:, i].astype(int), kind.of[i].classes
        counts = np.bincount(codes, minlength=len(classes))
        order, ends = np.argsort(codes, kind="stable"), np.cumsum(counts)
        logs, mine = np.log1p(counts), np.flatnonzero(chosen == k)
        drawn = random.choice(len(classes), len(mine), p=logs / logs.sum())
        within = (random.random(len(mine)) * counts[drawn]).astype(int)
        rows[mine], label[mine] = order[ends[drawn] - counts[drawn] + within], start + drawn
    names = [f"{kind.columns[i]}={name}" for i, _ in starts for name in kind.of[i].classes]
    kinds = {"x": kind, "label": Category(tuple(names))}
    name = f"{table.name}, rows drawn by condition"
    return ArrayDataset(name, table.split, {"x": x[rows], "label": label}, kinds)


def _starts(columns: Columns) -> list[tuple[int, int]]:
    """Of each column of classes its place and that of its first class among those of all."""
    some = [i for i, column in enumerate(columns) if column.classes]
    ends = itertools.accumulate((len(columns[i].classes) for i in some), initial=0)
    return list(zip(some, ends, strict=False))


def split(columns: Columns, y: Array) -> Iterator[Array]:
    """What belongs to each column of rows encoded [B, width]."""
    start = 0
    for column in columns:
        end = start + (len(column.classes) or 1 + len(column.means))
        yield y[:, start:end]
        start = end
