"""Differential privacy: of a game's players one alone sees data, by clipped gradients."""

import jax

from gan_jax import prng
from gan_jax.game import Game, Turn, View, check_alone
from gan_jax.types import Array, Batch, PRNGKey, UserError, Variables


def private(game: Game, player: str = "discriminator", *, clip: float) -> Game:
    """The game, in which data move one player alone, by gradients clipped example by example.

    With `optimizers.private` for that player, and with as many updates, `privacy.epsilon` holds of
    its weights, and of all that is made from them without the data: the other players' weights, and
    samples. It does not hold of metrics that a run logs of data.

        g = 1/B Σ_i g_i min(1, clip / |g_i|) + N(0, (σ clip / B)²)

    Differentially Private Generative Adversarial Network, Xie et al., 2018, arXiv:1802.06739;
    gradients as in Deep Learning with Differential Privacy, Abadi et al., 2016, arXiv:1607.00133.

    Args:
      game: whose other players' losses do not depend on the data. All columns that are no
        inputs count as data, and so do inputs that are made of them; conditions are refused.
      player: who sees them; it takes one turn a step.
      clip: the largest norm of an example's gradient, above 0.

    Returns:
      A game whose `init` raises a UserError, in one line, where something breaks the accounting:
      a second turn on the same batch, other players that see the data, batch statistics, packs,
      memory. A loss that couples examples is refused when the first step is traced.

    Raises:
      UserError: `clip` is not above 0, or the player does not take one turn.
    """
    if not clip > 0:
        raise UserError(f"clip {clip} is not above 0: it is the norm that noise is measured by")
    if sum(turn.player == player for turn in game.turns) != 1:
        raise UserError(
            f"private: the {player} takes several turns on one batch, or none, and one can be "
            "accounted for: leave out lazy penalties"
        )
    if game.conditions:
        raise UserError(
            f"private: the game is conditioned on {', '.join(game.conditions)} of the data: take "
            "an unconditional one"
        )

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        players = game.init(key, batch)
        keys = prng.per_example(key, jax.tree.leaves(batch)[0].shape[0])
        check_alone(clipped[player], players, game.group)
        for turn in game.turns:
            if turn.player != player and _sees(game, turn, players, dict(batch), keys):
                raise UserError(
                    f"private: the {turn.player} sees the data too, whose gradients have no noise: "
                    "take a loss and terms of samples alone, none that is relativistic"
                )
        return players

    turns = [t._replace(clip=clip) if t.player == player else t for t in game.turns]
    clipped = {turn.player: turn for turn in turns}
    return game._replace(turns=tuple(turns), init=init)


def _sees(
    game: Game, turn: Turn, players: dict[str, Variables], batch: Batch, keys: PRNGKey
) -> bool:
    """Whether a turn's loss, statistics or memory depend on the data's columns."""

    def outcome(batch: Batch) -> tuple[Array, object, object]:
        loss, aux = turn.loss(View(players, {**batch, **game.inputs(keys, batch)}, keys))
        return loss, aux.stats, aux.seen

    try:  # under vmap, an output that does not depend on what is mapped is not mapped either
        jax.eval_shape(
            jax.vmap(outcome, out_axes=None), jax.tree.map(lambda x: x[None], dict(batch))
        )
    except ValueError as error:
        if "out_axes" in str(error):
            return True
        raise
    return False
