"""StyleGAN2's path length regularisation, for any game with such a generator."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.game import MEMORY, Aux, Game, Turn, View, apply
from gan_jax.penalties import path_length
from gan_jax.types import Array, Batch, PRNGKey, UserError, Variables


def path_regularised(
    game: Game,
    generator: nn.Module,
    *,
    weight: float = 2.0,
    every: int = 4,
    decay: float = 0.01,
) -> Game:
    """A game whose generator also moves its image evenly with its style, wherever it is.

    In a turn of its own, every so many steps, the generator minimises

        λ E[(‖Jᵀ y‖ - a)²],  a ← a + decay (E[‖Jᵀ y‖] - a),

    times the number of steps; see `penalties.path_length`. The average a, 0 at first, is the
    generator's memory.

    Analyzing and Improving the Image Quality of StyleGAN, Karras et al., 2020, arXiv:1912.04958,
    section 3.2 and appendix B.

    Args:
      game: such as `gan` makes of that generator, with one prior.
      generator: with the methods `styles` and `synthesise` of `nets.stylegan2.Generator`.
      weight: λ, 2 in the authors' code.
      every: steps from one use to the next, 4 in the authors' code, where they are 16 for R1.
      decay: how fast the average follows.

    Returns:
      The game.

    Raises:
      UserError: for a weight below 0, and for fewer steps than one.
    """
    if weight < 0 or every < 1:
        raise UserError(f"path length with weight {weight}, every {every} steps: at least 0 and 1")
    if weight == 0:
        return game

    def loss(view: View) -> tuple[Array, Aux]:
        variables, keys = view.players["generator"], prng.fold_in(view.keys, "path length")
        label = next((view.batch[name] for name in game.conditions), None)
        run = partial(apply, generator, variables, train=True, keys=prng.fold_in(keys, "generator"))
        styles, _ = run(view.batch["latent"], label, method="styles")
        render = lambda styles: run(styles, method="synthesise")[0]
        lengths = path_length(render, styles, keys)
        square = (lengths - variables[MEMORY]["path_length"]) ** 2
        metrics = {"length": jnp.mean(lengths)}
        return weight * every * jnp.mean(square), Aux(metrics, seen=jax.lax.stop_gradient(lengths))

    def update(memory: dict, lengths: Array, keys: PRNGKey, step: Array) -> dict:
        del keys, step
        average = memory["path_length"]
        return {"path_length": average + decay * (jnp.mean(lengths) - average)}

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        players = game.init(key, batch)
        memory = {MEMORY: {"path_length": jnp.zeros(())}}
        return {**players, "generator": {**players["generator"], **memory}}

    due = lambda step: step % every == 0
    turn = Turn("generator", loss, name="path_length", when=due, update=update)
    return game._replace(init=init, turns=(*game.turns, turn))
