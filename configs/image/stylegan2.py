"""StyleGAN2: a mapping network, modulated convolutions, noise by pixel, lazy R1.

Karras et al., 2020, arXiv:1912.04958: the non-saturating loss, R1 every 16th step, Adam with
moments (0, 0.99), the spread of groups of four examples in the discriminator. As for CIFAR-10 in
Training Generative Adversarial Networks with Limited Data, Karras et al., 2020, arXiv:2006.06676,
there are neither mixing of styles nor path length regularisation; for larger images the paper has
`net.mixing=0.9` and `path_length=2`. `net.channel_base` over the side of a map is its width,
`net.channel_max` at most; the paper has 32768 and 512, and 8 mapping layers of 512.

    python -m experiments.train --config=configs/image/stylegan2.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 6_000, "mnist": 6_000, "fashion_mnist": 6_000, "cifar10": 12_000}
TINY = {
    "data.resolution": 8,
    "net.channel_base": 64,
    "net.channel_max": 8,
    "net.style": 8,
    "net.mixing": 0.9,
    "path_length": 2.0,
}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=1_000)
    adam = Adam(learning_rate=2.5e-3, beta1=0.0, beta2=0.99)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "latent_dim": 64,
        "channel_base": 512,
        "channel_max": 64,
        "style": 64,
        "layers": 2,
        "mixing": 0.0,
    }
    config.r1 = 0.1
    config.r1_every = 16
    config.path_length = 0.0
    return config


def make_game(config: ConfigDict) -> Game:
    net, group = config.net, 4
    widths = {"channel_base": net.channel_base, "channel_max": net.channel_max}
    generator = nets.stylegan2.Generator(
        config.data.resolution,
        config.data.channels,
        **widths,
        style=net.style,
        layers=net.layers,
        mixing=net.mixing,
        dtype=config.dtype,
    )
    game = algorithms.gan(
        generator,
        nets.stylegan2.Discriminator(**widths, group=group, dtype=config.dtype),
        prior=priors.normal(net.latent_dim),
        penalties=[R1(config.r1, every=config.r1_every)],
        group=group,
    )
    return algorithms.path_regularised(game, generator, weight=config.path_length)
