"""The unrolled GAN: the generator foresees how the discriminator will answer.

Unrolled Generative Adversarial Networks, Metz et al., 2016, arXiv:1611.02163.
"""

import jax
import optax

from gan_jax import algorithms, data, loop, nets, priors
from gan_jax.step import init_state


def unroll(game, steps, rate):
    """Any `algorithms.gan`, whose generator differentiates through `steps` of D's descent."""
    discriminator, generator = game.turns

    def loss(view):
        variables = view.players["discriminator"]

        def against(params):
            players = {**view.players, "discriminator": {**variables, "params": params}}
            return view._replace(players=players)

        params = variables["params"]
        for _ in range(steps):
            slopes = jax.grad(lambda params: discriminator.loss(against(params))[0])(params)
            slopes = view.mean(jax.tree.map(lambda slope: slope[None], slopes))  # over devices
            params = jax.tree.map(lambda w, slope: w - rate * slope, params, slopes)
        return generator.loss(against(params))

    return game._replace(turns=(discriminator, generator._replace(loss=loss)))


def make_game(shape=(2,), hidden=(128, 128), latent_dim=256, steps=5, rate=0.1):
    game = algorithms.gan(
        nets.mlp.Generator(shape, hidden, final=None),
        nets.mlp.Discriminator(hidden),
        prior=priors.normal(latent_dim),
    )
    return unroll(game, steps, rate)


def main(steps=5_000):
    game, ring = make_game(), data.ring(10_000, seed=0)
    loader = data.make_loader(ring, batch_size=512, steps_per_call=100, seed=0)
    optimizers = {"generator": optax.adam(1e-3, b1=0.5), "discriminator": optax.adam(1e-4, b1=0.5)}
    state = init_state(game, optimizers, jax.random.key(0), data.first(ring, 2))
    settings = {"steps": steps, "steps_per_call": 100, "devices": jax.devices()}
    for done, _, metrics in loop.play(game, state, loader, **settings):
        print(done, {name: float(value.mean()) for name, value in metrics.items()})


if __name__ == "__main__":
    main()
