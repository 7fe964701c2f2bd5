"""The Dirac-GAN under losses, penalties and ways of descending; see `convergence`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import algorithms, dynamics, losses, penalties, priors
from gan_jax.game import Game
from gan_jax.optimizers import extragradient
from gan_jax.step import GameState, init_state, train_step
from gan_jax.types import Array

_NODES = 32  # places that a normal distribution is spread over, all as likely
_NEUTRAL = 1e-4  # from 1, of a modulus

LOSSES = ("MINIMAX", "NON_SATURATING", "HINGE", "WASSERSTEIN", "RELATIVISTIC")
PENALTIES: Mapping[str, tuple[penalties.Penalty, ...]] = {
    "none": (),
    "R1, γ = 1": (penalties.R1(1.0),),
    "R1 and R2, γ = 1": (penalties.R1(1.0), penalties.R2(1.0)),
    "gradient penalty, λ = 1": (penalties.GradientPenalty(1.0),),
}


class Rule(NamedTuple):
    """A way of descending.

    Attributes:
      optimizer: of either player, from the learning rate.
      change: of the game.
      simultaneous: whether the players move at once.
      steps: of the game that make up one of the rule.
      repeats: of the discriminator.
    """

    optimizer: Callable[[float], optax.GradientTransformation] = optax.sgd
    change: Callable[[Game], Game] = lambda game: game
    simultaneous: bool = False
    steps: int = 1
    repeats: int = 1


RULES = {
    "at once": Rule(simultaneous=True),
    "in turn": Rule(),
    "in turn, D five times": Rule(repeats=5),
    "momentum 0.5": Rule(partial(optax.sgd, momentum=0.5)),
    "momentum -0.5": Rule(partial(optax.sgd, momentum=-0.5)),
    "unrolled, 5 steps": Rule(
        change=lambda game: algorithms.unrolled(game, steps=5, optimizer=optax.sgd(0.1))
    ),
    "consensus, γ = 1": Rule(
        change=lambda game: algorithms.consensus(game, weight=1.0), simultaneous=True
    ),
    "optimistic": Rule(optax.optimistic_gradient_descent, simultaneous=True),
    "extragradient": Rule(lambda rate: extragradient(optax.sgd(rate)), simultaneous=True, steps=2),
}


class Generator(nn.Module):
    """Puts samples at θ, apart by what stands in the latent's place."""

    @nn.compact
    def __call__(self, latent: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps [B, 1] to [B, 1]."""
        theta = self.param("theta", nn.initializers.ones, (1,))
        return latent + theta[None]


class Discriminator(nn.Module):
    """Gives x the logit ψ x."""

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, train: bool = False) -> Array:
        """Maps [B, 1] to [B]."""
        return x @ self.param("psi", nn.initializers.ones, (1,))


class Told(NamedTuple):
    """What is found of a game.

    Attributes:
      field: eigenvalues of the vector field's Jacobian at rest.
      modulus: the largest of a step's multipliers there.
      path: `[steps + 1, 2]`, θ and ψ.
      arrows: `(points [N, 2], directions [N, 2])` of the field.
    """

    field: np.ndarray
    modulus: float
    path: np.ndarray
    arrows: tuple[np.ndarray, np.ndarray]

    def verdict(self) -> str:
        """What rest does to what is near, in a word."""
        if abs(self.modulus - 1) < _NEUTRAL:
            return "neither"
        return "attracts" if self.modulus < 1 else "repels"


def study(loss: str, penalty: str, rule: Rule, *, rate: float, std: float, steps: int) -> Told:
    """Follows one game from (θ, ψ) = (1, 0), and looks at it where it should rest."""
    places = std * jax.scipy.stats.norm.ppf((jnp.arange(_NODES) + 0.5) / _NODES)[:, None]
    plain = algorithms.gan(
        Generator(),
        Discriminator(),
        prior=priors.Prior(1, lambda keys: places[: len(keys)], lambda output, value: output),
        loss=getattr(losses, loss),
        penalties=PENALTIES[penalty],
    )
    discriminator, generator = plain.turns
    turns = discriminator._replace(repeats=rule.repeats), generator
    game, batch = rule.change(plain._replace(turns=turns)), {"x": places[None]}
    batches = {"x": jnp.broadcast_to(places, (rule.repeats, _NODES, 1))}

    def begun(tx: optax.GradientTransformation) -> GameState:
        players = dict.fromkeys(("generator", "discriminator"), tx)
        return init_state(game, players, jax.random.key(0), {"x": places})

    state = begun(rule.optimizer(rate))
    at_once = rule.simultaneous
    for _ in range(rule.steps):  # flags of optimizers are then as they stay
        state, _ = train_step(game, state, batches, simultaneous=at_once)
    move, put, of = _with_points(game, state, batches, steps=rule.steps, simultaneous=at_once)
    step, there, back = _with_points(plain, begun(optax.sgd(1.0)), batch, simultaneous=True)

    direction = lambda point: back(step(there(point))) - point
    ticks = jnp.linspace(-1.5, 1.5, 13)
    grid = jnp.stack(jnp.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    start, rest = put(jnp.array([1.0, 0.0])), put(jnp.zeros(2))
    path = jax.jit(lambda start: dynamics.trajectory(move, start, steps))(start)
    jacobian = jax.jit(jax.jacobian(direction))(jnp.zeros(2))
    return Told(
        np.linalg.eigvals(np.asarray(jacobian, np.float64)),
        float(np.abs(dynamics.multipliers(move, rest))[0]),
        np.asarray(jax.vmap(of)(path)),
        (np.asarray(grid), np.asarray(jax.jit(jax.vmap(direction))(grid))),
    )


def _with_points(*arguments: Any, **settings: Any) -> tuple[Callable, Callable, Callable]:
    """`dynamics.as_map`; from (θ, ψ) a vector whose other numbers are 0; and from a vector both."""
    move, vector, at = dynamics.as_map(*arguments, **settings)

    def of(vector: Array) -> Array:
        players = at(vector).players
        theta, psi = players["generator"].params["theta"], players["discriminator"].params["psi"]
        return jnp.concatenate([theta, psi])

    transposed = jax.linear_transpose(of, vector)
    return move, lambda point: transposed(point)[0], of


def table(head: str, found: Mapping[str, Told]) -> str:
    """In Markdown."""
    columns = (head, "eigenvalues of the field", "modulus of a step", "distance at the end", "")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, told in found.items():
        end = float(np.linalg.norm(told.path[-1]))
        figures = (_complex(told.field), f"{told.modulus:.4f}", f"{end:.3g}", told.verdict())
        lines.append(f"| {' | '.join((name, *figures))} |")
    return "\n".join(lines) + "\n"


def _complex(values: np.ndarray) -> str:
    real, imaginary = values.real, np.abs(values.imag)
    if np.allclose(imaginary, 0, atol=1e-6):
        return ", ".join(f"{value:.3f}" for value in sorted(real))
    return f"{real.mean():.3f} ± {imaginary.max():.3f} i"
