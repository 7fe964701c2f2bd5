"""A game is a value: what players there are, what each descends, how samples are drawn.

An algorithm is a function that returns a `Game`, a tuple of pure functions; `step.train_step` plays
any of them. A loss sees a `View`, and is differentiated with respect to its own player's parameters
alone; the other players' variables enter as constants.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.errors import InvalidRngError
from jax import lax

from gan_jax.collectives import pmean
from gan_jax.types import Array, Batch, Metrics, PRNGKey, UserError, Variables

Players = Mapping[str, Variables]
"""The variables of every player, by name."""

MEMORY = "memory"
"""The collection of a player's variables that neither its optimizer nor its layers own."""


class View(NamedTuple):
    """All that a loss sees.

    Attributes:
      players: every player's variables, by name; only one's own parameters are differentiated.
      batch: columns `[B, ...]`, the data's and the game's inputs.
      keys: `[B]`, one PRNG key an example; fold the name of the purpose in before you draw.
      step: int32 scalar, steps taken before this one.
      axis_name: the mapped axis over whose devices the batch is spread; None for one device.
    """

    players: Players
    batch: Batch
    keys: PRNGKey
    step: Array | int = 0
    axis_name: str | None = None

    def mean(self, x: Any) -> Any:
        """The means `[...]` of a tree of `[B, ...]` over the whole batch, on all devices.

        Differentiable, as `gather` is. Under accumulation the whole is a micro-batch. Gradients
        that a loss takes by itself are each device's own: their mean is `mean` of `g[None]`.
        """
        means = jax.tree.map(lambda x: jnp.mean(x, axis=0), x)
        return means if self.axis_name is None else pmean(means, self.axis_name)

    def gather(self, x: Any) -> Any:
        """A tree of `[B, ...]` of the whole batch, on all devices, in the batch's order."""
        return x if self.axis_name is None else lax.all_gather(x, self.axis_name, tiled=True)


class Alone(View):
    """A view of one example, of whose gradient no other is to be part."""

    def mean(self, x: Any) -> Any:
        """Refused, as `gather` is."""
        raise UserError(
            "this loss couples examples, so none has a gradient of its own to be clipped: leave "
            "out the term or the relativistic average"
        )

    gather = mean


class Aux(NamedTuple):
    """What a loss reports beside its value.

    Attributes:
      metrics: scalars by name; as floats, they are averaged over devices and micro-batches.
      stats: the collections of the player's layers after this turn (batch statistics,
        spectral-norm vectors), floats, which are averaged over devices; None keeps the old.
      seen: what `Turn.update` is to get of every example, leaves `[B, ...]`.
    """

    metrics: Metrics
    stats: Variables | None = None
    seen: Any = None


LossFn = Callable[[View], tuple[Array, Aux]]
"""`view -> (scalar loss, Aux)`, the mean over the examples of this device."""


class Turn(NamedTuple):
    """A player descends a loss.

    Attributes:
      player: its name.
      loss: what it descends.
      name: of the turn, where a player takes several; its metrics are `player/name/metric`.
      repeats: how often in a step, each time on fresh data and noise. Repeat `r` of every turn sees
        the same batch and keys, so that a generated batch which two players both look at is
        computed once.
      when: `step -> bool`, the steps in which the turn is taken; None for all.
      update: `(memory, seen, keys, step) -> memory`, once a turn, after the gradients: the player's
        collection `memory` (pools, controllers, running averages; of any dtype) made anew from what
        the loss has `seen` of the whole batch, in its order, with a key an example. It is equal on
        all devices, and not shown to the optimizer.
      clip: the loss sees one example at a time, an `Alone`, and a gradient of a larger global norm
        is scaled down to this one before the mean is taken; 0 for neither.
    """

    player: str
    loss: LossFn
    name: str = ""
    repeats: int = 1
    when: Callable[[Array], Array] | None = None
    update: Callable[[Any, Any, PRNGKey, Array], Any] | None = None
    clip: float = 0.0


class Game(NamedTuple):
    """An algorithm as a value.

    Attributes:
      init: `(key, batch) -> players`, the initial variables; only the batch's shapes matter.
      turns: in the order they are taken. A player without a turn is frozen.
      inputs: `(keys [B], batch) -> columns`, what a sample is made from, such as `latent` [B, Z]
        and `label` [B]; reads of the batch the columns named in `conditions` only. Every turn finds
        them in its batch.
      sample: `(players, inputs) -> x` [B, ...], in evaluation mode.
      sampler: the player whose averaged parameters (EMA) are kept, since `sample` uses them.
      conditions: columns of the batch that `inputs` needs.
      target: the column of the data that samples are to resemble.
      transform: `(keys [B], batch) -> batch`, of the data in training alone, such as a random flip.
      metrics: `(players, batch, keys) -> {name: scalar}` on data, held out or not, where a game has
        such.
      show: `(players, batch, keys) -> {title: [B, ...]}`, matching strips such as input and
        reconstruction, where a game has such; an OrderedDict keeps its order under jit.
      group: so many consecutive examples stay on one device and in one micro-batch.
      observed: whether the other players see samples as `observe` of `algorithms.gan` changes them.
      generate: `(players, inputs, keys [B]) -> (x, collections)`, in training mode and as the other
        players see it, and the collections of the sampler's layers after it, where a game has such.
      reverse: the game of the same players whose samples go the other way, where there is such.
      encode: `(players, x [B, ...]) -> code [B, Z]`, in evaluation mode, of a stochastic encoder
        the mean, where a game has such.
    """

    init: Callable[[PRNGKey, Batch], dict[str, Variables]]
    turns: tuple[Turn, ...]
    inputs: Callable[[PRNGKey, Batch], Batch]
    sample: Callable[[Players, Batch], Array]
    sampler: str = "generator"
    conditions: tuple[str, ...] = ()
    target: str = "x"
    transform: Callable[[PRNGKey, Batch], Batch] | None = None
    metrics: Callable[[Players, Batch, PRNGKey], Metrics] | None = None
    show: Callable[[Players, Batch, PRNGKey], Mapping[str, Array]] | None = None
    group: int = 1
    observed: bool = False
    generate: Callable[[Players, Batch, PRNGKey], tuple[Array, Variables]] | None = None
    reverse: "Game | None" = None
    encode: Callable[[Players, Array], Array] | None = None

    @property
    def private(self) -> bool:
        """Whether gradients of single examples are clipped, of which a batch may hold one once."""
        return any(turn.clip for turn in self.turns)

    @property
    def repeats(self) -> int:
        """How many batches a step takes."""
        return max(turn.repeats for turn in self.turns)

    def updates(self, player: str, steps: int) -> int:
        """How many updates a player makes in the first so many steps."""
        total = 0
        for turn in self.turns:
            if turn.player == player:
                total += turn.repeats * (steps if turn.when is None else _taken(turn.when, steps))
        return total


def _taken(when: Callable[[Array], Array], steps: int) -> int:
    with jax.ensure_compile_time_eval():  # the number, while a state's shapes are traced too
        return int(jnp.sum(jax.vmap(when)(jnp.arange(steps))))


def check_alone(turn: Turn, players: Players, group: int) -> None:
    """Raises a UserError where examples are coupled by what a view of one does not tell."""
    if group > 1:
        fault = f"judges packs of {group}: take packs of one"
    elif turn.update is not None:
        fault = "remembers what it saw of all: leave out what has a memory"
    elif normalised := [name for name, v in players.items() if "batch_stats" in v]:
        fault = f"has batch statistics in its {normalised[0]}: take nets without normalisation"
    else:
        return
    raise UserError(f"the {turn.player}'s gradients are clipped by example, and this game {fault}")


def apply(
    net: nn.Module,
    variables: Variables,
    *inputs: Array | None,
    train: bool,
    keys: PRNGKey | None = None,
    method: str = "__call__",
) -> tuple[Any, Variables]:
    """Runs a net; returns its output and the collections of its layers after it.

    In evaluation mode (`train=False`) the collections come back as they were.

    Args:
      net: `(*inputs, train)`, or `(*inputs, train, keys)` where it draws.
      variables: its own.
      *inputs: the net's.
      train: whether in training mode.
      keys: `[B]`, for a net that takes `keys`; others are not given them.
      method: a part of the net, with arguments like the whole one's.

    Raises:
      ValueError: where a net draws from one key for the whole batch, by Flax's `make_rng`.
    """
    variables = {c: v for c, v in variables.items() if c != MEMORY}
    stats = {c: v for c, v in variables.items() if c != "params"}
    options = {**_options(net, train, keys), "method": method}
    try:
        if not train or not stats:
            return net.apply(variables, *inputs, **options), stats
        return net.apply(variables, *inputs, **options, mutable=list(stats))
    except InvalidRngError as error:
        raise ValueError(
            f"{type(net).__name__} draws one noise for a whole batch, which would depend on how it "
            "lies over devices: let it take `keys` [B], and use gan_jax.layers.Dropout"
        ) from error


def initialise(
    net: nn.Module, key: PRNGKey, *inputs: Array | None, keys: PRNGKey | None = None
) -> Variables:
    """A net's variables before training, for inputs of these shapes; arguments as `apply`'s."""
    return net.init(key, *inputs, **_options(net, True, keys))


def _options(net: nn.Module, train: bool, keys: PRNGKey | None) -> dict[str, Any]:
    draws = keys is not None and "keys" in inspect.signature(type(net).__call__).parameters
    return {"train": train, "keys": keys} if draws else {"train": train}


def join(**parts: Variables) -> Variables:
    """One player's variables from those of its nets: `{collection: {net: ...}}`."""
    collections = sorted({c for part in parts.values() for c in part})
    return {c: {n: part[c] for n, part in parts.items() if c in part} for c in collections}


def part(variables: Variables, name: str) -> Variables:
    """The variables of one net of a player: the inverse of `join`."""
    return {c: nets[name] for c, nets in variables.items() if c != MEMORY and name in nets}
