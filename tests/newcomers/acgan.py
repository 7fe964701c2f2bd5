"""AC-GAN: a discriminator that also names the class, of data and samples alike.

Conditional Image Synthesis with Auxiliary Classifier GANs, Odena et al., 2016, arXiv:1610.09585.
"""

import jax
import jax.numpy as jnp
import optax

from gan_jax import algorithms, data, loop, nets, parallel, priors
from gan_jax.step import init_state


def make_game(shape=(8, 8, 1), classes=10, hidden=(256, 256), latent_dim=32):
    generator = nets.mlp.Generator(shape, hidden, num_classes=classes)
    discriminator = nets.mlp.Discriminator(hidden, heads={"class": classes})

    def named(view, output):
        """-log P(class | x), per example."""
        logits, label = output["class"], view.batch["label"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, label)

    auxiliary = algorithms.Term(
        "class",
        discriminator=lambda view, real, fake: named(view, real) + named(view, fake),
        generator=lambda view, real, fake: named(view, fake),
    )
    game = algorithms.gan(
        generator,
        discriminator,
        prior=priors.normal(latent_dim),
        conditional=True,
        terms=[auxiliary],
    )

    def metrics(players, batch, keys):
        output = discriminator.apply(players["discriminator"], batch["x"])
        right = jnp.argmax(output["class"], axis=-1) == batch["label"]
        return {**game.metrics(players, batch, keys), "accuracy": jnp.mean(right)}

    return game._replace(metrics=metrics)


def main(steps=2_000):
    game, key = make_game(), jax.random.key(0)
    digits, test = data.digits("train"), data.first(data.digits("test"), 359)
    loader = data.make_loader(digits, batch_size=64, steps_per_call=100, seed=0)
    adam = optax.adam(2e-4, b1=0.5)
    optimizers = {"generator": adam, "discriminator": adam}
    start = init_state(game, optimizers, key, data.first(digits, 2))
    settings = {"steps": steps, "steps_per_call": 100, "devices": jax.devices()}
    for done, state, _ in loop.play(game, start, loader, **settings):
        players = parallel.unreplicate(state).variables()
        print(done, game.metrics(players, test, jax.random.split(key, 359)))


if __name__ == "__main__":
    main()
