"""BiGAN: a generator and the encoder that inverts it, without a word about reconstruction.

Donahue et al., 2017, arXiv:1605.09782, its permutation-invariant MNIST: nets of two layers of 1024
units, latents uniform on (-1, 1)^50, Adam 2e-4 with moments (0.5, 0.999), batches of 128, players
that move at once. Encoder and generator normalise their batches: without, the discriminator wins at
once. `stochastic` is ALI (Dumoulin et al., 2017, arXiv:1606.00704). The pictures show held-out
images, what their codes generate, and samples.

`method=autoencoder` is what the paper sets beside it: the same encoder and generator, trained to
reconstruct, by squared errors. `experiments/representations.py` scores codes and features of both
by a 1-nearest-neighbour classifier; the paper's 97.39 % must be of features, see there.

    python -m experiments.train --config=configs/image/bigan.py:mnist
"""

from flax import linen as nn
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings
from gan_jax.types import UserError

VARIANTS = {"digits": 10_000, "mnist": 40_000, "fashion_mnist": 40_000, "cifar10": 40_000}
TINY = {"net.hidden": (16,)}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant],
        batch_size=128,
        sample_every=1_000,
        evaluate_every=2_000,
        simultaneous=True,
    )
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    players = dict.fromkeys(("encoder", "generator", "discriminator", "autoencoder"), adam)
    config = ConfigDict(settings(plan, data.SOURCES[variant], **players))
    config.net = {"latent_dim": 50, "hidden": (1024, 1024), "sync_batch_norm": False}
    config.method = "bigan"
    config.stochastic = False
    return config


def make_game(config: ConfigDict) -> Game:
    side, latent_dim, hidden = config.data.resolution, config.net.latent_dim, config.net.hidden
    shape, dtype = (side, side, config.data.channels), config.dtype
    outputs = 2 * latent_dim if config.stochastic else latent_dim
    axis_name = AXIS if config.net.sync_batch_norm else None
    encoder = nets.mlp.Encoder(outputs, hidden, dtype=dtype, batch_norm=True, axis_name=axis_name)
    generator = nets.mlp.Generator(
        shape, hidden, nn.relu, dtype=dtype, batch_norm=True, axis_name=axis_name
    )
    prior = priors.uniform(latent_dim)
    if config.method == "autoencoder":
        return algorithms.aae(encoder, generator, None, prior=prior)
    if config.method != "bigan":
        raise UserError(f"method {config.method!r} is none of bigan, autoencoder")
    discriminator = nets.mlp.PairDiscriminator(hidden, dtype=dtype)
    stochastic = config.stochastic
    return algorithms.bigan(encoder, generator, discriminator, prior=prior, stochastic=stochastic)
