"""Games made from games, whose players look at what the others will do."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gan_jax.game import Aux, Game, Turn, View
from gan_jax.types import Array, Params, UserError


def unrolled(game: Game, *, steps: int, optimizer: optax.GradientTransformation) -> Game:
    """A game whose second player foresees the first one's answer, and differentiates through it.

    Its loss is taken against the first player after so many descents of that one's own loss:

        θ_0 = θ,  θ_{k+1} = θ_k - update(∇ l_D(θ_k)),  G minimises l_G(θ_K),

    on one batch, and the opponent itself still takes its ordinary turn, before it is foreseen.
    Turns of lazy penalties are not foreseen.

    Unrolled Generative Adversarial Networks, Metz et al., 2017, arXiv:1611.02163, eq. 4 to 8.

    Args:
      game: such as `gan`'s, D's turn first.
      steps: K, from 0.
      optimizer: of the foreseen descents, whose state begins anew in every step. It is
        differentiated: Adam needs an `eps_root` above 0, since its root has no slope where a
        gradient is 0.

    Returns:
      The game.

    Raises:
      UserError: there is no such number of steps, or the game is private.
    """
    _check_public(game)
    if not 0 <= steps < 2**31:
        raise UserError(f"unrolled: {steps} steps are not in 0..2^31 - 1")
    answer = game.turns[0]
    opponent = answer.player

    def foreseen(view: View) -> View:
        def descend(carry: tuple, _: Any) -> tuple[tuple, None]:
            params, state = carry
            slopes = _slopes(answer, view, params)
            updates, state = optimizer.update(slopes, state, params)
            return (optax.apply_updates(params, updates), state), None

        params = view.players[opponent]["params"]
        start = params, optimizer.init(params)
        (params, _), _ = jax.lax.scan(descend, start, length=steps)
        return _with(view, opponent, params)

    def foreseeing(turn: Turn) -> Turn:
        if turn.player == opponent:
            return turn
        return turn._replace(loss=lambda view: turn.loss(foreseen(view)))

    return game._replace(turns=tuple(map(foreseeing, game.turns)))


def consensus(game: Game, *, weight: float) -> Game:
    """A game whose players also lower the norm of all players' gradients together.

        each minimises l_i + γ / 2 ‖v‖²,  v = (∇_1 l_1, ∇_2 l_2, ...),

    which makes equilibria attract that plain descent circles.

    The Numerics of GANs, Mescheder et al., 2017, arXiv:1705.10461, eq. 9.

    Args:
      game: of players who take one turn each, once in every step.
      weight: γ, at least 0.

    Returns:
      The game; each turn's metric `consensus` is `‖v‖² / 2`.

    Raises:
      UserError: a player takes several turns, or repeats one, or not in every step; or the game is
        private.
    """
    _check_public(game)
    turns = game.turns
    once = len({turn.player for turn in turns}) == len(turns)
    if not once or any(turn.repeats != 1 or turn.when is not None for turn in turns):
        raise UserError("consensus is of players who all move once in every step")

    def agreeing(turn: Turn) -> Turn:
        def loss(view: View) -> tuple[Array, Aux]:
            value, aux = turn.loss(view)
            field = [_slopes(each, view, view.players[each.player]["params"]) for each in turns]
            norm = 0.5 * sum((jnp.vdot(g, g) for g in jax.tree.leaves(field)), jnp.zeros(()))
            metrics = {**aux.metrics, "consensus": norm}
            return value + weight * norm, aux._replace(metrics=metrics)

        return turn._replace(loss=loss)

    return game._replace(turns=tuple(map(agreeing, turns)))


def _check_public(game: Game) -> None:
    """Other players differentiate through one who sees data, and no noise covers that."""
    if game.private:
        raise UserError("gradients through a private game's player have no noise: leave it public")


def _with(view: View, player: str, params: Params) -> View:
    """The view of a player with other parameters."""
    players = {**view.players, player: {**view.players[player], "params": params}}
    return view._replace(players=players)


def _slopes(turn: Turn, view: View, params: Params) -> Params:
    """The gradient of a turn's loss over the whole batch, differentiable."""
    of: Callable = lambda params: turn.loss(_with(view, turn.player, params))[0]
    return view.mean(jax.tree.map(lambda slope: slope[None], jax.grad(of)(params)))
