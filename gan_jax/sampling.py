"""From a game and its players to samples, and to a picture of them."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import metrics, parallel, prng
from gan_jax.data import Dataset, Unpaired, batches, first
from gan_jax.data.kinds import Category, Image, Kind, Real
from gan_jax.game import Game, Players
from gan_jax.kinds import show
from gan_jax.types import Array, Batch, PRNGKey, UserError, Variables

DRAW_SIZE = 256
"""Samples drawn at once, over all devices of a process together."""

_STATISTICS = "batch_stats"
_ROWS, _COLUMNS, _MOST_COLUMNS = 8, 10, 20  # of a picture of images
_STRIP = 12  # examples of a picture of strips
_REAL = 10_000  # examples that samples are drawn over


class Inputs(NamedTuple):
    """What samples are made from.

    Attributes:
      columns: as `Game.sample` takes them, `[N, ...]`.
      label: `[N]`, the class that each sample is asked to be of, where it is: the one it is given,
        or that of the example it is made from.
      wanted: `[N, ...]` as nets read it, what each sample is to be, where it is made from an
        example that says so.
    """

    columns: Batch
    label: np.ndarray | None
    wanted: np.ndarray | None = None


def make_inputs(
    game: Game,
    kinds: Mapping[str, Kind],
    examples: Callable[[], Dataset],
    key: PRNGKey,
    rows: range,
    *,
    label: int | np.ndarray | None = None,
) -> Inputs:
    """The inputs of the samples number `rows` of those that a key gives.

    Args:
      game: the game.
      kinds: of the data's columns.
      examples: opens data to take conditions from; not called where labels are all that is needed,
        which are the classes in turn.
      key: a scalar key; the same key and rows, the same inputs.
      rows: which.
      label: the class of all, or `[len(rows)]` of each, of a game that is conditioned on `label`.
    """
    given: dict[str, Any] = {}
    asked = wanted = None
    of = kinds.get("label")
    if game.conditions == ("label",) and isinstance(of, Category):
        given["label"] = np.array(rows, np.int32) % len(of.classes)
    elif game.conditions:
        dataset = examples()
        batch = next(batches(dataset, [i % len(dataset) for i in rows], len(rows)))
        given = {n: batch[n] for n in game.conditions}
        labels = (batch[f"{n}_label"] for n in game.conditions if f"{n}_label" in batch)
        asked = next(labels, None)
        wanted = None if isinstance(dataset, Unpaired) else batch.get(game.target)
    if label is not None:
        given["label"] = np.broadcast_to(np.asarray(label, np.int32), len(rows))
    keys = prng.per_example(key, len(rows), rows.start)
    return Inputs(game.inputs(keys, given), given.get("label", asked), wanted)


def available(game: Game, examples: Callable[[], Dataset], wanted: int) -> int:
    """As many samples as are wanted, but where each is made from an example, none of it twice."""
    return wanted if set(game.conditions) <= {"label"} else min(wanted, len(examples()))


def draw_inputs(game: Game, key: PRNGKey, count: int, conditions: Batch) -> Batch:
    """What `count` samples are made from: latents and, where asked for, labels or examples.

    Args:
      game: the game.
      key: a scalar key; the same key, the same inputs, and fewer are the first of more.
      count: how many.
      conditions: the columns `game.conditions`, `[count, ...]`.
    """
    return game.inputs(prng.per_example(key, count), conditions)


def sampler(game: Game) -> Callable[[Players, Batch], np.ndarray]:
    """`(players, inputs [N, ...]) -> samples [N, ...]` on the host, for any N, on all devices."""
    return parallel.map_batched(game.sample, DRAW_SIZE)


def standing_statistics(
    game: Game, players: Players, inputs: Iterable[Batch], key: PRNGKey
) -> Players:
    """The players, the sampler's batch statistics the means of those of so many training passes.

    They stand in place of running averages, which follow weights that have moved on: means and
    variances of the maps of these very weights, each the mean over passes of a batch's own. A
    batch lies on one device.

    Large Scale GAN Training for High Fidelity Natural Image Synthesis, Brock et al., 2018,
    arXiv:1809.11096, appendix C.

    Args:
      game: one that tells how it generates in training, as those of `algorithms.gan` do.
      players: their variables, of which the sampler keeps `batch_stats`; a pass is to move each by
        a fixed share towards the batch's own, as in `layers.BatchNorm` and Flax's.
      inputs: of each pass, at least one, as `Game.sample` takes them, `[B, ...]`, all of one size.
      key: of what the sampler draws besides.

    Raises:
      UserError: the game does not tell, or its sampler keeps no batch statistics.
    """
    name, generate = game.sampler, game.generate
    if generate is None:
        raise UserError(f"this game has no passes in training mode of its {name} alone")
    if _STATISTICS not in players[name]:
        raise UserError(f"this game's {name} keeps no batch statistics")

    @jax.jit
    def after(players: Players, stats: Variables, columns: Batch, keys: PRNGKey) -> Variables:
        given = {**players, name: {**players[name], _STATISTICS: stats}}
        run = lambda columns, keys: generate(given, columns, keys)[1][_STATISTICS]
        alone = jax.tree.map(lambda leaf: leaf[None], (columns, keys))
        return jax.tree.map(lambda leaf: leaf[0], jax.vmap(run, axis_name=parallel.AXIS)(*alone))

    exact = functools.partial(jax.tree.map, lambda leaf: np.asarray(leaf, np.float64))
    running, kept, found = players[name][_STATISTICS], None, []
    for i, columns in enumerate(map(dict, inputs)):
        size = len(jax.tree.leaves(columns)[0])
        arguments = columns, prng.per_example(key, size, i * size)
        found.append(exact(after(players, running, *arguments)))
        if kept is None:
            raised = after(players, jax.tree.map(lambda leaf: leaf + 1, running), *arguments)
            kept = jax.tree.map(np.subtract, exact(raised), found[0])

    def mean(old: np.ndarray, kept: np.ndarray, *new: np.ndarray) -> Array:
        return jnp.asarray((np.mean(new, axis=0) - kept * old) / (1 - kept), jnp.float32)

    stats = jax.tree.map(mean, exact(running), kept, *found)
    return {**players, name: {**players[name], _STATISTICS: stats}}


def interpolate(start: Array, end: Array, count: int) -> Array:
    """Latents on great arcs from `start` to `end`, where a Gaussian's samples keep their length.

    Sampling Generative Networks, White, 2016, arXiv:1609.04468.

    Args:
      start: `[N, Z]`.
      end: `[N, Z]`.
      count: points on each arc, both ends included.

    Returns:
      `[N, count, Z]`.
    """
    arc = jax.vmap(jax.vmap(metrics.slerp, (None, None, 0)), (0, 0, None))
    return arc(start, end, jnp.linspace(0.0, 1.0, count))


def along_arcs(inputs: Batch, rows: int, columns: int) -> dict[str, Any]:
    """The first latents of `inputs`, each led to the next of as many others in so many steps.

    Raises:
      UserError: where the inputs have no latents.
    """
    if "latent" not in inputs:
        raise UserError("this game has no latents to interpolate between")
    latent, starts = inputs["latent"], np.arange(rows)
    start, end = (latent[(starts + shift) % len(latent)] for shift in (0, rows))
    arcs = interpolate(start, end, columns).reshape(rows * columns, -1)
    others = {n: jnp.repeat(v[:rows], columns, axis=0) for n, v in inputs.items() if n != "latent"}
    return {**others, "latent": arcs}


def pictured(
    game: Game, kind: Kind, examples: Callable[[], Dataset]
) -> Callable[[np.ndarray, int | None], np.ndarray]:
    """`(samples, columns) -> picture`, beside data where their kind wants it."""

    @functools.cache
    def real() -> np.ndarray | None:
        wanted = isinstance(kind, Real | Category)
        return first(examples(), _REAL)[game.target] if wanted else None

    return lambda samples, columns: show.samples(kind, samples, columns=columns, real=real())


def drawer(
    game: Game, kinds: Mapping[str, Kind], examples: Callable[[], Dataset], key: PRNGKey
) -> Callable[[Players], tuple[np.ndarray, Kind | None, np.ndarray | None]]:
    """What draws the same inputs at every call, as `train` takes it.

    Args:
      game: the game; what it shows by itself comes first.
      kinds: of the data's columns.
      examples: opens data to show, to condition on, or to draw samples over.
      key: of the inputs.
    """
    kind = kinds[game.target]
    if game.show is not None:
        batch = first(examples(), _STRIP)
        shown, keys = jax.jit(game.show), prng.per_example(key, _STRIP)

        def draw_strips(players: Players) -> tuple[np.ndarray, None, None]:
            strips = jax.tree.map(np.asarray, shown(players, batch, keys))
            return show.strips({n: kinds.get(n, kind) for n in strips}, strips), None, None

        return draw_strips
    columns, wanted, label = None, show.WANTED[type(kind)], kinds.get("label")
    if isinstance(kind, Image):
        columns = _COLUMNS
        if "label" in game.conditions and isinstance(label, Category):
            columns = min(len(label.classes), _MOST_COLUMNS)
        wanted = columns * _ROWS
    count = available(game, examples, wanted)
    inputs, _, right = make_inputs(game, kinds, examples, key, range(count))
    draw = sampler(game)
    if isinstance(kind, Category) and right is not None and right.ndim == 1:

        def draw_confusion(players: Players) -> tuple[np.ndarray, None, None]:
            told = draw(players, inputs)
            matrix = metrics.confusion_matrix(right, told, len(kind.classes))
            return show.confusion(kind, matrix), None, None

        return draw_confusion

    picture = pictured(game, kind, examples)

    def draw_samples(players: Players) -> tuple[np.ndarray, Kind, np.ndarray]:
        samples = draw(players, inputs)
        return picture(samples, columns), kind, samples

    return draw_samples
