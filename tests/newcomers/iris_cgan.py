"""A conditional GAN on a table: four lengths of an iris, given its species.

Conditional Generative Adversarial Nets, Mirza & Osindero, 2014, arXiv:1411.1784.
"""

import jax
import numpy as np
import optax

from gan_jax import algorithms, data, loop, nets, parallel, penalties, priors, sampling
from gan_jax.step import init_state

SPECIES = 3


def make_game(hidden=(64, 64), latent_dim=4):
    return algorithms.gan(
        nets.mlp.Generator((4,), hidden, final=None, num_classes=SPECIES),
        nets.mlp.Discriminator(hidden, num_classes=SPECIES),
        prior=priors.normal(latent_dim),
        penalties=[penalties.R1(0.1)],
        conditional=True,
    )


def draw(game, players, label, seed=0):
    inputs = sampling.draw_inputs(game, jax.random.key(seed), len(label), {"label": label})
    return np.asarray(game.sample(players, inputs))


def main(steps=3_000):
    game, iris = make_game(), data.iris("train")
    loader = data.make_loader(iris, batch_size=64, steps_per_call=100, seed=0)
    adam = optax.adam(1e-3, b1=0.5)
    optimizers = {"generator": adam, "discriminator": adam}
    start = init_state(game, optimizers, jax.random.key(0), data.first(iris, 2))
    settings = {"steps": steps, "steps_per_call": 100, "devices": jax.devices()[:1]}
    *_, (_, state, _) = loop.play(game, start, loader, **settings)
    players = parallel.unreplicate(state).variables()
    test = data.first(data.iris("test"), 23)
    samples = draw(game, players, np.repeat(np.arange(SPECIES, dtype=np.int32), 500))
    for k, name in enumerate(iris.kinds["label"].classes):
        print(
            name, test["x"][test["label"] == k].mean(axis=0), samples[500 * k :][:500].mean(axis=0)
        )


if __name__ == "__main__":
    main()
