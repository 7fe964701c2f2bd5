"""What training runs makes a generator's forward pass once, in a loop over steps too."""

from functools import partial

import jax
import jax.numpy as jnp
import optax
import pytest

from gan_jax import algorithms, losses, nets, penalties, priors
from gan_jax.game import apply, part
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


def assert_passes_are_merged(game, state, batch, loop, forward):
    """Both turns together cost what they cost apart, less the passes that both make."""

    def cost(turns):
        step = partial(train_step, game._replace(turns=turns))
        calls = jax.tree.map(lambda x: x[None], batch)
        if not loop:
            return operations(step, state, calls)
        many = jax.tree.map(lambda x: jnp.stack([x] * 3), calls)
        return operations(lambda state, xs: jax.lax.scan(step, state, xs), state, many)

    both, first, second = cost(game.turns), cost(game.turns[:1]), cost(game.turns[1:])
    assert forward > 0.05 * both
    assert both < first + second - 0.8 * forward


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_both_turns_share_the_generators_pass(name, loop):
    critic = nets.dcgan.Discriminator(width=2, batch_norm=name == "dcgan")
    game = algorithms.gan(GENERATOR, critic, prior=priors.normal(64), **SETTINGS[name])
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(0.1))
    state = init_state(game, optimizers, KEY, {"x": X})

    variables, latent = state.players["generator"].variables, jnp.zeros((8, 64))
    forward = operations(lambda v: apply(GENERATOR, v, latent, None, train=True)[0], variables)
    assert_passes_are_merged(game, state, {"x": X}, loop, forward)


def test_both_turns_share_the_passes_of_cyclegans_translators():
    translator = nets.residual.Translator(1, width=8, halvings=0, blocks=1, kernel=3)
    critic = nets.patch.Discriminator(width=2, layers=1)
    game = algorithms.cyclegan(translator, critic, identity_weight=0.0, pool_size=0)
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(0.1))
    batch = {"a": X, "b": -X}
    state = init_state(game, optimizers, KEY, batch)
    variables = part(state.players["generator"].variables, "ab")
    forward = operations(lambda v: apply(translator, v, X, None, train=True)[0], variables)
    assert_passes_are_merged(game, state, batch, True, 2 * forward)
