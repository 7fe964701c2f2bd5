"""GMAN: a generator against several discriminators, with a mean or a softmax over what they say.

Generative Multi-Adversarial Networks, Durugkar et al., 2016, arXiv:1611.01673.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from gan_jax import algorithms, data, loop, losses, nets, priors
from gan_jax.step import init_state


class Ensemble(nn.Module):
    """Several discriminators of one architecture: logits [B, count]."""

    hidden: tuple[int, ...]
    count: int

    @nn.compact
    def __call__(self, x, label=None, train=False):
        several = nn.vmap(
            nets.mlp.Discriminator,
            in_axes=None,
            out_axes=-1,
            axis_size=self.count,
            variable_axes={"params": 0},
            split_rngs={"params": True},
        )
        return several(self.hidden)(x, label, train)


def make_game(shape=(2,), hidden=(128, 128), count=3, sharpness=0.0, latent_dim=2):
    """`sharpness`: 0 for the mean; the greater, the more the strictest discriminator counts."""
    single = losses.NON_SATURATING
    # Of each discriminator its own loss, all added up; of the generator the term below alone.
    loss = losses.AdversarialLoss(
        discriminator=lambda real, fake: count * single.discriminator(real, fake),
        generator=lambda fake, real: jnp.zeros_like(fake),
    )

    def aggregate(view, real, fake):
        each = single.generator(fake, real)
        weights = jax.nn.softmax(sharpness * view.mean(each))
        return each @ weights

    return algorithms.gan(
        nets.mlp.Generator(shape, hidden, final=None),
        Ensemble(hidden, count),
        prior=priors.normal(latent_dim),
        loss=loss,
        terms=[algorithms.Term("aggregate", generator=aggregate)],
    )


def main(steps=5_000):
    game, ring = make_game(), data.ring(10_000, seed=0)
    loader = data.make_loader(ring, batch_size=256, steps_per_call=100, seed=0)
    adam = optax.adam(1e-3, b1=0.5)
    optimizers = {"generator": adam, "discriminator": adam}
    state = init_state(game, optimizers, jax.random.key(0), data.first(ring, 2))
    settings = {"steps": steps, "steps_per_call": 100, "devices": jax.devices()}
    for done, _, metrics in loop.play(game, state, loader, **settings):
        print(done, {name: float(value.mean()) for name, value in metrics.items()})


if __name__ == "__main__":
    main()
