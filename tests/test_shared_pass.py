"""What training runs makes the generator's forward pass once, in a loop over steps too."""

import jax
import numpy as np
import pytest

from gan_jax import algorithms, data, nets, parallel
from gan_jax.game import init_state
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, make_play


@pytest.mark.parametrize("steps_per_call", [1, 4])
def test_both_turns_share_the_generators_pass(steps_per_call):
    images = np.zeros((16, 8, 8, 1), np.uint8)
    source = data.ArrayDataset("black", "train", {"x": images})
    plan = Plan(batch_size=8, steps_per_call=steps_per_call)
    loader = data.make_loader(source, batch_size=8, steps_per_call=steps_per_call, seed=0)
    discriminator = nets.dcgan.Discriminator(4, batch_norm=False)
    game = algorithms.gan(nets.dcgan.Generator(8, 1, 4), discriminator, latent_dim=3)
    optimizers = {name: Adam().build(10) for name in ("generator", "discriminator")}
    x = np.zeros((2, 8, 8, 1), np.float32)
    state = init_state(game, optimizers, jax.random.key(0), {"x": x})

    devices = jax.devices()[:1]
    play = make_play(game, plan, loader, devices)
    arguments = parallel.replicate((state, loader.resident), devices)
    item = parallel.shard(next(loader.items(0)), 1)
    program = play.lower(*arguments, item).compile().as_text()
    # The generator ends in the only tanh there is.
    assert program.count(" tanh(") == 1
