"""What training runs makes the generator's forward pass once, in a loop over steps too."""

from functools import partial

import jax
import jax.numpy as jnp
import optax
import pytest

from gan_jax import algorithms, losses, nets, penalties, priors
from gan_jax.game import apply
from gan_jax.step import init_state, train_step

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (8, 8, 8, 1))
GENERATOR = nets.dcgan.Generator(8, 1, width=8)
SETTINGS = {
    "dcgan": {},
    "wgan-gp": {"loss": losses.WASSERSTEIN, "penalties": [penalties.GradientPenalty(10.0)]},
}


def operations(function, *args):
    """Floating-point operations of a compiled program; a loop counts as one of its rounds."""
    return jax.jit(function).lower(*args).compile().cost_analysis()["flops"]


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_both_turns_share_the_generators_pass(name, loop):
    critic = nets.dcgan.Discriminator(width=2, batch_norm=name == "dcgan")
    game = algorithms.gan(GENERATOR, critic, prior=priors.normal(64), **SETTINGS[name])
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(0.1))
    state = init_state(game, optimizers, KEY, {"x": X})

    def cost(turns):
        step = partial(train_step, game._replace(turns=turns))
        if not loop:
            return operations(step, state, {"x": X[None]})
        steps = lambda state, x: jax.lax.scan(lambda s, x: step(s, {"x": x}), state, x)
        return operations(steps, state, jnp.stack([X[None]] * 3))

    variables, latent = state.players["generator"].variables, jnp.zeros((8, 64))
    forward = operations(lambda v: apply(GENERATOR, v, latent, None, train=True)[0], variables)
    both, first, second = cost(game.turns), cost(game.turns[:1]), cost(game.turns[1:])
    assert forward > 0.05 * both
    assert both < first + second - 0.8 * forward
