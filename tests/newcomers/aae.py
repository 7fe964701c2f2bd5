"""The adversarial autoencoder: codes that a discriminator cannot tell from draws of the prior.

Adversarial Autoencoders, Makhzani et al., 2015, arXiv:1511.05644.
"""

import jax
import jax.numpy as jnp
import optax

from gan_jax import data, loop, losses, nets, priors, prng
from gan_jax.game import Aux, Game, Turn, apply, initialise, join, part
from gan_jax.step import init_state


def make_game(shape=(8, 8, 1), hidden=(256, 256), latent_dim=2, loss=losses.NON_SATURATING):
    encoder, decoder = nets.mlp.Encoder(latent_dim, hidden), nets.mlp.Generator(shape, hidden)
    discriminator, prior = nets.mlp.Discriminator(hidden), priors.normal(latent_dim)

    def encode(players, x, train=True):
        return apply(encoder, part(players["autoencoder"], "encoder"), x, None, train=train)[0]

    def decode(players, code, train=True):
        return apply(decoder, part(players["autoencoder"], "decoder"), code, None, train=train)[0]

    def judge(players, code):
        return apply(discriminator, players["discriminator"], code, None, train=True)[0]

    def reconstruction(view):
        x = view.batch["x"]
        return jnp.mean((decode(view.players, encode(view.players, x)) - x) ** 2), Aux({})

    def discriminator_loss(view):
        real = judge(view.players, view.batch["latent"])
        fake = judge(view.players, encode(view.players, view.batch["x"]))
        return jnp.mean(loss.discriminator(real, fake)), Aux({"fake_logit": jnp.mean(fake)})

    def regularisation(view):
        fake = judge(view.players, encode(view.players, view.batch["x"]))
        return jnp.mean(loss.generator(fake, judge(view.players, view.batch["latent"]))), Aux({})

    def inputs(keys_, batch):
        return {"latent": prior.sample(prng.fold_in(keys_, "latent"))}

    def init(key, batch):
        first, second, third = jax.random.split(key, 3)
        code = jnp.zeros((batch["x"].shape[0], latent_dim))
        autoencoder = join(
            encoder=initialise(encoder, first, batch["x"], None),
            decoder=initialise(decoder, second, code, None),
        )
        critic = initialise(discriminator, third, code, None)
        return {"autoencoder": autoencoder, "discriminator": critic}

    return Game(
        init=init,
        turns=(
            Turn("autoencoder", reconstruction, name="reconstruction"),
            Turn("discriminator", discriminator_loss),
            Turn("autoencoder", regularisation, name="regularisation"),
        ),
        inputs=inputs,
        sample=lambda players, inputs: decode(players, inputs["latent"], train=False),
        sampler="autoencoder",
        show=lambda players, batch, keys: {
            "input": batch["x"],
            "reconstruction": decode(
                players, encode(players, batch["x"], train=False), train=False
            ),
        },
    )


def main(steps=2_000):
    game, digits = make_game(), data.digits("train")
    loader = data.make_loader(digits, batch_size=64, steps_per_call=100, seed=0)
    optimizers = {"autoencoder": optax.adam(1e-3), "discriminator": optax.adam(2e-4, b1=0.5)}
    state = init_state(game, optimizers, jax.random.key(0), data.first(digits, 2))
    settings = {"steps": steps, "steps_per_call": 100, "devices": jax.devices()}
    for done, _, metrics in loop.play(game, state, loader, **settings):
        print(done, {name: float(value.mean()) for name, value in metrics.items()})


if __name__ == "__main__":
    main()
