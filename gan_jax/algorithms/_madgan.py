"""MAD-GAN: several generators, which the discriminator tells apart."""

from typing import Any

import flax.linen as nn

from gan_jax.algorithms._by_code import by_code
from gan_jax.algorithms._gan import gan
from gan_jax.algorithms.terms import identification
from gan_jax.game import Game
from gan_jax.nets.several import Mixture
from gan_jax.priors import Prior, one_hot


def madgan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    count: int,
    prior: Prior,
    **settings: Any,
) -> Game:
    """A GAN of several generators that share the data among them.

    The discriminator also names the generator of a sample, `-E[log P(k | G_k(z))]`, which drives
    the generators apart.

    Multi-Agent Diverse Generative Adversarial Networks, Ghosh et al., 2018, arXiv:1704.02906.

    Args:
      generator: the architecture of each.
      discriminator: gives a mapping with `logits` and `class` [B, count].
      count: of generators.
      prior: of the latent.
      **settings: as `gan` takes them.

    Returns:
      A game on batches of `x` [B, ...].
    """
    game = gan(
        Mixture(generator, count),
        discriminator,
        prior={"generator": one_hot(count), "latent": prior},
        terms=[identification(), *settings.pop("terms", ())],
        **settings,
    )
    return game._replace(show=by_code(game, "generator", count))
