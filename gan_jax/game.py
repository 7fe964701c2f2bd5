"""The one update rule: players take turns descending their own losses.

An algorithm is a function that returns a `Game`, a tuple of pure functions; `init_state` and
`train_step` play any of them. A turn differentiates its loss with respect to its own player's
parameters; the other players' variables enter as constants.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.training.train_state import TrainState
from jax import lax

from gan_jax import keys as per_example
from gan_jax.collectives import pmean
from gan_jax.types import Array, Batch, Metrics, Params, PRNGKey, Variables

Players = Mapping[str, Variables]
"""The variables of every player, by name."""


class Aux(NamedTuple):
    """What a loss reports beside its value.

    Attributes:
      metrics: scalars by name.
      stats: the player's collections other than `params` after this turn; None keeps the old.
    """

    metrics: Metrics
    stats: Variables | None = None


LossFn = Callable[[Players, Batch, PRNGKey], tuple[Array, Aux]]
"""`(players, batch, keys [B]) -> (scalar loss, Aux)`."""


class Turn(NamedTuple):
    """A player descends a loss, `repeats` times a step, each time on fresh data and noise.

    Repeat `r` of every turn sees the same batch and keys, so that a generated batch which two
    players both look at is computed once.
    """

    player: str
    loss: LossFn
    repeats: int = 1


class Game(NamedTuple):
    """An algorithm as a value.

    Attributes:
      init: `(key, batch) -> players`, the initial variables; only the batch's shapes matter.
      turns: in the order they are taken.
      prior: `(keys [B], batch) -> inputs`, what a sample is made from, such as `latent` [B, Z] and
        `label` [B]; reads of the batch the entries named in `conditions` only.
      sample: `(players, inputs) -> x` [B, ...], in evaluation mode.
      sampler: the player whose averaged parameters (EMA) are kept, since `sample` uses them.
      conditions: entries of the batch that `prior` needs.
      prepare: `(keys [B], batch) -> batch`, adds what all turns share, such as a latent, where a
        game has such; see `train_step`.
      held_out: `(players, batch, keys) -> metrics` on data not trained on, where a game has such.
      show: `(players, batch, keys) -> {title: images}`, matching strips such as input and
        reconstruction, where a game has such; an OrderedDict keeps its order under jit.
    """

    init: Callable[[PRNGKey, Batch], dict[str, Variables]]
    turns: tuple[Turn, ...]
    prior: Callable[[PRNGKey, Batch], Mapping[str, Array]]
    sample: Callable[[Players, Mapping[str, Array]], Array]
    sampler: str = "generator"
    conditions: tuple[str, ...] = ()
    prepare: Callable[[PRNGKey, Batch], Batch] | None = None
    held_out: Callable[[Players, Batch, PRNGKey], Metrics] | None = None
    show: Callable[[Players, Batch, PRNGKey], Mapping[str, Array]] | None = None

    @property
    def repeats(self) -> int:
        """How many batches a step takes."""
        return max(turn.repeats for turn in self.turns)


class Player(TrainState):
    """A TrainState with what its optimizer does not own.

    Attributes:
      stats: collections other than `params`: batch statistics, spectral-norm vectors, ...
      ema: the exponential moving average of the parameters, or None where none is kept.
    """

    stats: Variables
    ema: Params | None

    @property
    def variables(self) -> Variables:
        """The collections as a net takes them."""
        return {"params": self.params, **self.stats}

    @property
    def averaged(self) -> Variables:
        """The same with averaged parameters, where they are kept."""
        return self.variables if self.ema is None else {"params": self.ema, **self.stats}


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
      optimizers: one by player's name.
      key: a scalar key; the parameters' and the run's are split from it.
      batch: any batch `[B, ...]` of the right shapes.

    Raises:
      ValueError: when the optimizers' names are not the players'.
    """
    init_key, run_key = jax.random.split(key)
    players = game.init(init_key, batch)
    if set(players) != set(optimizers):
        raise ValueError(f"optimizers for {sorted(optimizers)}, players {sorted(players)}")

    def create(name: str, variables: Variables) -> Player:
        stats = {c: v for c, v in variables.items() if c != "params"}
        params = variables["params"]
        ema = jax.tree.map(jnp.copy, params) if name == game.sampler else None
        player = Player.create(
            apply_fn=None, params=params, tx=optimizers[name], stats=stats, ema=ema
        )
        return player.replace(step=jnp.zeros((), jnp.int32))

    return GameState(
        step=jnp.zeros((), jnp.int32),
        key=run_key,
        players={name: create(name, variables) for name, variables in players.items()},
    )


def train_step(
    state: GameState,
    batch: Batch,
    *,
    turns: tuple[Turn, ...],
    prepare: Callable[[PRNGKey, Batch], Batch] | None = None,
    simultaneous: bool = False,
    accumulate: int = 1,
    ema_decay: float = 0.999,
    axis_name: str | None = None,
) -> tuple[GameState, Metrics]:
    """One step of a game: every turn once, in order, with its repeats.

    Args:
      state: the state before the step.
      batch: leaves `[repeats, B, ...]`, where `repeats` is at least every turn's; B is what this
        device holds of the batch.
      turns: the game's.
      prepare: the game's. Without it a turn draws its own noise, the same from the same keys; but
        inside a loop over steps XLA no longer sees that it is, and makes the generator's forward
        pass once a turn.
      simultaneous: every player descends from the state before the step, not from what the turns
        before its own made of it.
      accumulate: splits a batch into so many micro-batches, whose gradients are averaged; B must
        be a multiple of it. Memory falls; the update stays, but for batch statistics.
      ema_decay: of the averaged parameters, in [0, 1); the average is younger at first, since the
        decay in force after t updates is `min(ema_decay, (1 + t) / (10 + t))`.
      axis_name: the mapped axis over which gradients, statistics and metrics are averaged.

    Returns:
      The state after the step and the step's metrics, `player/name`; those of repeated turns are
      averaged over the repeats.
    """
    if simultaneous and any(turn.repeats != 1 for turn in turns):
        raise ValueError("simultaneous updates have no use for repeats")
    size = jax.tree.leaves(batch)[0].shape[1]
    offset = 0 if axis_name is None else size * lax.axis_index(axis_name)
    step_key = jax.random.fold_in(state.key, state.step)
    repeats = jnp.arange(max(turn.repeats for turn in turns))
    keys = jax.vmap(
        lambda r: per_example.per_example(jax.random.fold_in(step_key, r), size, offset)
    )(repeats)

    if prepare is not None:
        batch = jax.vmap(prepare)(keys, batch)

    def descend(turn: Turn, seen: GameState, batch: Batch, keys: PRNGKey) -> tuple[Player, Metrics]:
        player = seen.players[turn.player]
        grads, stats, metrics = _gradients(turn, seen, batch, keys, accumulate)
        if axis_name is not None and lax.axis_size(axis_name) > 1:
            grads, stats, metrics = pmean((grads, stats, metrics), axis_name)
        metrics["gradient_norm"] = optax.tree.norm(grads)
        player = player.apply_gradients(grads=grads, stats=stats)
        if player.ema is not None:
            decay = jnp.minimum(ema_decay, (1 + player.step) / (10 + player.step))
            player = player.replace(
                ema=optax.incremental_update(player.params, player.ema, 1 - decay)
            )
        return player, {f"{turn.player}/{name}": value for name, value in metrics.items()}

    before = state
    metrics: dict[str, Array] = {}
    for turn in turns:

        def take(state: GameState, data: tuple, turn: Turn = turn) -> tuple[GameState, Metrics]:
            player, metrics = descend(turn, before if simultaneous else state, *data)
            return state.replace(players={**state.players, turn.player: player}), metrics

        data = jax.tree.map(lambda leaf, n=turn.repeats: leaf[:n], (batch, keys))
        if turn.repeats == 1:
            state, new = take(state, jax.tree.map(lambda leaf: leaf[0], data))
        else:
            state, new = lax.scan(take, state, data)
            new = jax.tree.map(lambda values: jnp.mean(values, axis=0), new)
        metrics |= new
    return state.replace(step=state.step + 1), metrics


def _gradients(
    turn: Turn, state: GameState, batch: Batch, keys: PRNGKey, accumulate: int
) -> tuple[Params, Variables, dict[str, Array]]:
    """The mean gradient over micro-batches, the player's statistics after them, mean metrics."""
    player = state.players[turn.player]
    others = {name: other.variables for name, other in state.players.items()}

    def loss_fn(
        params: Params, stats: Variables, batch: Batch, keys: PRNGKey
    ) -> tuple[Array, tuple]:
        mine = {"params": params, **stats}
        loss, aux = turn.loss({**others, turn.player: mine}, batch, keys)
        new_stats = stats if aux.stats is None else aux.stats
        return loss, (new_stats, {"loss": loss, **aux.metrics})

    def gradient(stats: Variables, data: tuple) -> tuple[Variables, tuple]:
        grads, (stats, metrics) = jax.grad(loss_fn, has_aux=True)(player.params, stats, *data)
        return stats, (grads, metrics)

    if accumulate == 1:
        stats, (grads, metrics) = gradient(player.stats, (batch, keys))
        return grads, stats, metrics

    def add(carry: tuple, data: tuple) -> tuple[tuple, None]:
        stats, total = carry
        stats, new = gradient(stats, data)
        return (stats, jax.tree.map(jnp.add, total, new)), None

    micro = jax.tree.map(lambda x: x.reshape(accumulate, -1, *x.shape[1:]), (batch, keys))
    first = jax.tree.map(lambda x: x[0], micro)
    rest = jax.tree.map(lambda x: x[1:], micro)
    (stats, total), _ = lax.scan(add, gradient(player.stats, first), rest)
    grads, metrics = jax.tree.map(lambda x: x / accumulate, total)
    return grads, stats, metrics


def apply(
    net: nn.Module, variables: Variables, *inputs: Array | None, train: bool
) -> tuple[Array, Variables]:
    """Runs a net; returns its output and its collections other than `params` after it.

    In evaluation mode (`train=False`) the collections come back as they were.
    """
    stats = {c: v for c, v in variables.items() if c != "params"}
    if not train or not stats:
        return net.apply(variables, *inputs, train=train), stats
    return net.apply(variables, *inputs, train=train, mutable=list(stats))


def join(**parts: Variables) -> Variables:
    """One player's variables from those of its nets: `{collection: {net: ...}}`."""
    collections = sorted({c for part in parts.values() for c in part})
    return {c: {n: part[c] for n, part in parts.items() if c in part} for c in collections}


def part(variables: Variables, name: str) -> Variables:
    """The variables of one net of a player: the inverse of `join`."""
    return {c: nets[name] for c, nets in variables.items() if name in nets}
