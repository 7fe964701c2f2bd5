"""The one update rule: players take turns descending their own losses."""

from collections.abc import Callable, Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from flax.training.train_state import TrainState
from jax import lax

from gan_jax import prng
from gan_jax.collectives import pmean
from gan_jax.game import MEMORY, Alone, Game, Players, Turn, View, check_alone
from gan_jax.types import Array, Batch, Metrics, Params, PRNGKey, UserError, Variables

RESERVED = ("loss", "gradient_norm", "taken", "clipped")
"""Metrics that the step itself reports of every turn."""

AVERAGED = ("params", "batch_stats")
"""Collections of which the sampler keeps averages: statistics too, since averaged weights have not
those of the newest. Spectral-norm vectors follow the weights within a few steps by themselves."""


class Player(TrainState):
    """A TrainState with what its optimizer does not own.

    Attributes:
      stats: collections other than `params`: batch statistics, spectral-norm vectors, memory, ...
      ema: exponential moving averages of the collections `AVERAGED`, or None where none are kept.
    """

    stats: Variables
    ema: Variables | None

    @property
    def variables(self) -> Variables:
        """The collections as a net takes them."""
        return {"params": self.params, **self.stats}

    @property
    def averaged(self) -> Variables:
        """The same with averaged parameters and batch statistics, where they are kept."""
        return self.variables if self.ema is None else {**self.variables, **self.ema}


class GameState(flax.struct.PyTreeNode):
    """All that training carries from step to step.

    Attributes:
      step: int32 scalar, steps taken.
      key: the run's PRNG key, never consumed: a step's key is folded from it and the step.
      players: by name.
    """

    step: Array
    key: PRNGKey
    players: dict[str, Player]

    def variables(self, *, ema: bool = True) -> Players:
        """Every player's variables, as `Game.sample` takes them."""
        return {n: p.averaged if ema else p.variables for n, p in self.players.items()}


def init_state(
    game: Game,
    optimizers: Mapping[str, optax.GradientTransformation],
    key: PRNGKey,
    batch: Batch,
) -> GameState:
    """The state before the first step.

    Args:
      game: the game.
      optimizers: any optax transformation, by name of the players that take turns.
      key: `jax.random.key(seed)`; the parameters' and the run's keys are split from it.
      batch: any batch `[B, ...]` of the right shapes.

    Raises:
      ValueError: when the optimizers' names are not those of the players that take turns, or a turn
        is of no player or of one without the collection `params`.
      UserError: for another key than a scalar of that kind.
    """
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not typed or key.ndim:
        raise UserError(f"the key must be one of jax.random.key(seed), not {jax.typeof(key)}")
    init_key, run_key = jax.random.split(key)
    if game.transform is not None:
        size = jax.tree.leaves(batch)[0].shape[0]
        batch = game.transform(prng.per_example(init_key, size), batch)
    players = game.init(init_key, batch)
    movers = {turn.player for turn in game.turns}
    if movers - set(players):
        raise ValueError(f"turns of {sorted(movers)}, but the players are {sorted(players)}")
    if movers != set(optimizers):
        raise ValueError(
            f"optimizers for {sorted(optimizers)}, but the players {sorted(movers)} take turns"
        )

    def create(name: str, variables: Variables) -> Player:
        stats = {c: v for c, v in variables.items() if c != "params"}
        if name in movers and "params" not in variables:
            raise ValueError(f"the player {name!r} takes turns but has no collection 'params'")
        params = variables.get("params", {})
        averaged = {c: jax.tree.map(jnp.copy, variables[c]) for c in AVERAGED if c in variables}
        ema = averaged if name == game.sampler and name in movers else None
        tx = optimizers.get(name, optax.identity())  # which keeps nothing: for the frozen
        player = Player.create(apply_fn=None, params=params, tx=tx, stats=stats, ema=ema)
        return player.replace(step=jnp.zeros((), jnp.int32))

    return GameState(
        step=jnp.zeros((), jnp.int32),
        key=run_key,
        players={name: create(name, variables) for name, variables in players.items()},
    )


def train_step(
    game: Game,
    state: GameState,
    batch: Batch,
    *,
    simultaneous: bool = False,
    accumulate: int = 1,
    ema_decay: float | Callable[[Array], Array] = 0.999,
    axis_name: str | None = None,
) -> tuple[GameState, Metrics]:
    """One step of a game: every turn once, in order, with its repeats.

    Args:
      game: the game.
      state: the state before the step.
      batch: columns `[repeats, B, ...]`, with `game.repeats` and one B: what this device holds of
        the batch. Images and sound are floats, as `data.Kind.to_float` makes them.
      simultaneous: every player descends from the state before the step, not from what the turns
        before its own made of it.
      accumulate: splits a batch into so many micro-batches, whose gradients are averaged; example i
        goes to the (i mod `accumulate`)-th, however many devices there are. Memory falls; the
        update stays, but for what couples examples or moves with each pass, such as statistics.
      ema_decay: of the averages `Player.ema`, once a step, in [0, 1); they are younger at
        first, since the decay in force after t steps is at most `(1 + t) / (10 + t)`. Or a function
        of the step, which is taken as it is.
      axis_name: the mapped axis, of `jax.pmap` or of `jax.shard_map` with `check_vma=False`, over
        which gradients, statistics and metrics are averaged.

    Returns:
      The state after the step and the step's metrics, `player/metric` or, of a named turn,
      `player/turn/metric`; those of repeated turns are averaged over the repeats. A turn with a
      condition also says whether it was `taken`, 1 or 0; in a step without it its metrics are 0.
      One that clips says the share of examples whose gradients it has `clipped`.

    Raises:
      UserError: for a turn that clips gradients of examples which are coupled, and for repeated
        turns in simultaneous updates.
      ValueError: for turns or a batch that do not go together.
    """
    size = _check(game, batch, accumulate, simultaneous)
    devices = 1 if axis_name is None else lax.axis_size(axis_name)
    offset = 0 if axis_name is None else size * lax.axis_index(axis_name)
    step_key = jax.random.fold_in(state.key, state.step)
    repeat_keys = jax.vmap(lambda r: jax.random.fold_in(step_key, r))(jnp.arange(game.repeats))
    keys = jax.vmap(lambda key: prng.per_example(key, size, offset))(repeat_keys)
    batch = jax.vmap(lambda keys, batch: _prepared(game, keys, batch))(keys, batch)

    def descend(turn: Turn, start: GameState, player: Player, data: tuple) -> tuple:
        """The player after one update, whose gradients are those at `start`, and its metrics."""
        batch, keys, key = data
        grads, stats, metrics, seen = _gradients(
            turn, start, player.stats, batch, keys, accumulate, game.group, axis_name
        )
        if axis_name is not None and devices > 1:
            grads, stats, metrics = pmean((grads, stats, metrics), axis_name)
        metrics["gradient_norm"] = optax.tree.norm(grads)
        if turn.update is not None:
            everything = View({}, {}, keys, axis_name=axis_name).gather(seen)
            all_keys = prng.fold_in(prng.per_example(key, size * devices), MEMORY)
            memory = _updated(turn, player, everything, all_keys, state.step)
            stats = {**stats, MEMORY: memory}
        return player.apply_gradients(grads=grads, stats={**player.stats, **stats}), metrics

    before = state
    metrics: dict[str, Array] = {}
    for turn in game.turns:

        def take(state: GameState, data: tuple, turn: Turn = turn) -> tuple[GameState, Metrics]:
            start = before if simultaneous else state
            player, new = descend(turn, start, state.players[turn.player], data)
            return state.replace(players={**state.players, turn.player: player}), new

        def take_all(state: GameState, turn: Turn = turn, take: Callable = take) -> tuple:
            data = jax.tree.map(lambda x: x[: turn.repeats], (batch, keys, repeat_keys))
            if turn.repeats == 1:
                return take(state, jax.tree.map(lambda leaf: leaf[0], data))
            state, new = lax.scan(take, state, data)
            return state, jax.tree.map(lambda values: jnp.mean(values, axis=0), new)

        if turn.when is None:
            state, new = take_all(state)
        else:
            taken = turn.when(before.step)
            state, new = lax.cond(taken, take_all, _skipping(take_all), state)
            new["taken"] = jnp.asarray(taken, jnp.float32)
        prefix = f"{turn.player}/{turn.name}/" if turn.name else f"{turn.player}/"
        metrics |= {prefix + name: value for name, value in new.items()}
    state = state.replace(step=state.step + 1)
    return _averaged(state, ema_decay), metrics


def _averaged(state: GameState, ema_decay: float | Callable[[Array], Array]) -> GameState:
    """The state with its averages brought up to what they follow."""
    if callable(ema_decay):
        decay = ema_decay(state.step - 1)
    else:
        decay = jnp.minimum(ema_decay, (1 + state.step) / (10 + state.step))

    def follow(player: Player) -> Player:
        if player.ema is None:
            return player
        new = {collection: player.variables[collection] for collection in player.ema}
        return player.replace(ema=optax.incremental_update(new, player.ema, 1 - decay))

    return state.replace(players={name: follow(p) for name, p in state.players.items()})


def _skipping(take: Callable[[GameState], tuple]) -> Callable[[GameState], tuple]:
    """The branch that leaves the state as it is, with metrics of 0."""

    def skip(state: GameState) -> tuple[GameState, Metrics]:
        _, metrics = jax.eval_shape(take, state)
        return state, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), metrics)

    return skip


def _prepared(game: Game, keys: PRNGKey, batch: Batch) -> Batch:
    """The batch as turns see it: transformed, and with the game's inputs.

    Drawn once for all turns, in a loop over steps too XLA makes a pass that they share only once.
    """
    if game.transform is not None:
        batch = game.transform(prng.fold_in(keys, "transform"), batch)
    return {**batch, **game.inputs(keys, batch)}


def _check(game: Game, batch: Batch, accumulate: int, simultaneous: bool) -> int:
    """The number of examples on this device, if all goes together."""
    if simultaneous and any(turn.repeats != 1 for turn in game.turns):
        raise UserError("simultaneous updates have no use for repeats: let each player move once")
    names = [(turn.player, turn.name) for turn in game.turns]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two turns of {doubled[0][0]!r} have one name: give each its own")
    for name, column in batch.items():
        if column.dtype in (jnp.uint8, jnp.int16):
            raise ValueError(
                f"column {name!r} is {column.dtype}, as it is stored: nets read floats; pass it "
                "through its kind's to_float, as data.Loader.fetch does"
            )
    shapes = {name: column.shape for name, column in batch.items()}
    if any(len(shape) < 2 or shape[0] != game.repeats for shape in shapes.values()):
        raise ValueError(f"columns are [repeats, B, ...] with {game.repeats} repeats, not {shapes}")
    size, *others = {shape[1] for shape in shapes.values()}
    if others:
        raise ValueError(f"columns must have equally many examples B, not {shapes}")
    if size % (accumulate * game.group):
        raise ValueError(
            f"{size} examples on a device cannot be split into {accumulate} micro-batches of "
            f"groups of {game.group}"
        )
    return size


def _gradients(
    turn: Turn,
    state: GameState,
    stats: Variables,
    batch: Batch,
    keys: PRNGKey,
    accumulate: int,
    group: int,
    axis_name: str | None,
) -> tuple[Params, Variables, dict[str, Array], Any]:
    """The mean gradient over micro-batches, its layers' statistics, mean metrics, what was seen."""
    player = state.players[turn.player]
    others = {name: other.variables for name, other in state.players.items()}
    if turn.clip:
        check_alone(turn, others, group)
    layers = {c: v for c, v in stats.items() if c != MEMORY}

    def loss_fn(
        params: Params, stats: Variables, batch: Batch, keys: PRNGKey
    ) -> tuple[Array, tuple]:
        mine = {"params": params, **player.stats, **stats}
        players = {**others, turn.player: mine}
        view = Alone if turn.clip else View
        loss, aux = turn.loss(view(players, batch, keys, state.step, axis_name))
        if taken := set(aux.metrics) & set(RESERVED):
            raise ValueError(f"a loss of {turn.player!r} reports {min(taken)!r}, the step's own")
        metrics = {name: jnp.asarray(x, jnp.float32) for name, x in aux.metrics.items()}
        new_stats = {} if aux.stats is None else _checked_stats(turn.player, stats, aux.stats)
        return loss, (new_stats, {"loss": loss, **metrics}, aux.seen)

    slopes = jax.grad(loss_fn, has_aux=True)

    def gradient(stats: Variables, data: tuple) -> tuple[Variables, tuple]:
        grads, (stats, metrics, seen) = slopes(player.params, stats, *data)
        return stats, (grads, metrics, seen)  # no statistics where the loss gives none back

    def clipped(stats: Variables, data: tuple) -> tuple[Variables, tuple]:
        """As `gradient`, of gradients of single examples that are clipped before their mean."""
        of_one = lambda data: slopes(player.params, stats, *data)
        each, (new, metrics, _) = jax.vmap(of_one)(jax.tree.map(lambda x: x[:, None], data))
        norms = jax.vmap(optax.tree.norm)(each)
        scale = turn.clip / jnp.maximum(norms, turn.clip)
        grads = jax.tree.map(lambda g: jnp.tensordot(scale, g, 1) / len(scale), each)
        metrics["clipped"] = norms > turn.clip
        # Statistics that do not depend on examples, such as spectral vectors, are those of each.
        new, metrics = jax.tree.map(lambda x: jnp.mean(x, axis=0), (new, metrics))
        return new, (grads, metrics, None)

    take, data = clipped if turn.clip else gradient, (batch, keys)
    if accumulate == 1:
        stats, (grads, metrics, seen) = take(layers, data)
    else:
        stats, (grads, metrics, seen) = _accumulated(
            take, player.params, layers, data, accumulate, group
        )
    return grads, stats, metrics, seen


def _accumulated(
    take: Callable[[Variables, tuple], tuple[Variables, tuple]],
    params: Params,
    layers: Variables,
    data: tuple,
    accumulate: int,
    group: int,
) -> tuple[Variables, tuple]:
    """As `take`, `(statistics, data) -> (statistics, (gradients, metrics, seen))`, in parts.

    Gradients and metrics are means over micro-batches; each sees the statistics that the one before
    it left, and what was seen is put together in the batch's order.
    """

    def add(carry: tuple, data: tuple) -> tuple[tuple, tuple]:
        stats, total = carry
        new, (grads, metrics, seen) = take(stats, data)
        return ({**stats, **new}, jax.tree.map(jnp.add, total, grads)), (metrics, seen)

    def split(x: Array) -> Array:
        """`[B, ...]` to `[micro-batches, B / micro-batches, ...]`, dealt out group by group."""
        dealt = jnp.moveaxis(x.reshape(-1, accumulate, group, *x.shape[1:]), 1, 0)
        return dealt.reshape(accumulate, -1, *x.shape[1:])

    def merge(x: Array) -> Array:
        dealt = x.reshape(accumulate, -1, group, *x.shape[2:])
        return jnp.moveaxis(dealt, 0, 1).reshape(-1, *x.shape[2:])

    micro = jax.tree.map(split, data)
    given, _ = jax.eval_shape(take, layers, jax.tree.map(lambda x: x[0], micro))
    begin = layers, jax.tree.map(jnp.zeros_like, params)
    (stats, total), (metrics, seen) = lax.scan(add, begin, micro)
    grads = jax.tree.map(lambda x: x / accumulate, total)
    metrics = jax.tree.map(lambda x: jnp.mean(x, axis=0), metrics)
    return {c: stats[c] for c in given}, (grads, metrics, jax.tree.map(merge, seen))


def _updated(turn: Turn, player: Player, seen: Any, keys: PRNGKey, step: Array) -> Any:
    """The player's memory after a turn, if it is of the shapes and dtypes that it was."""
    if turn.update is None or MEMORY not in player.stats:
        raise ValueError(f"a turn of {turn.player!r} updates a {MEMORY!r} that `init` did not make")
    new = turn.update(player.stats[MEMORY], seen, keys, step)
    kinds = lambda tree: jax.tree.map(lambda x: (jnp.shape(x), jnp.asarray(x).dtype), tree)
    if kinds(new) != kinds(player.stats[MEMORY]):
        raise ValueError(
            f"an update of {turn.player!r} makes {kinds(new)} of its {MEMORY!r}, which was "
            f"{kinds(player.stats[MEMORY])}"
        )
    return new


def _checked_stats(player: str, old: Variables, new: Variables) -> Variables:
    """`new` without a memory, in `old`'s dtypes, if it holds what `old` does, in floats."""
    new = {c: v for c, v in new.items() if c != MEMORY}
    names = lambda tree: {jax.tree_util.keystr(p) for p, _ in jax.tree.leaves_with_path(tree)}
    if different := sorted((names(new) ^ names(old)) or (set(new) ^ set(old))):
        raise ValueError(
            f"a loss of {player!r} gives other statistics back than the player has: see "
            f"{', '.join(different[:3])}"
        )
    for path, leaf in jax.tree.leaves_with_path(new):
        if not jnp.issubdtype(dtype := jnp.result_type(leaf), jnp.floating):
            raise ValueError(
                f"{jax.tree_util.keystr(path)} of {player!r} is {dtype}: statistics of layers are "
                f"averaged over devices; keep what is no float in {MEMORY!r}, by Turn.update"
            )
    return jax.tree.map(lambda x, like: jnp.asarray(x, like.dtype), new, {c: old[c] for c in new})
