"""MoCoGAN: films of one content and a motion for each frame, against judges of frame and film.

Tulyakov et al., 2018, arXiv:1707.04993: content normal of 50 numbers, motion of 10 by a recurrent
net, a discriminator of one random frame beside one of the film, 16 frames. Where the paper's
discriminators normalise by the batch, these are under R1, lazily; films are small, the rate is that
of `image/dcgan.py`.

- `shapes`: a coloured shape that moves as it began;
- `moving_mnist`: two digits that bounce off the walls.

    python -m experiments.train --config=configs/video/mocogan.py
    python -m experiments.sample --workdir=runs/video_mocogan --out=films.gif
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings

VARIANTS = {"shapes": "moving_shapes", "moving_mnist": "moving_mnist"}
TINY = {
    "data.name": "moving_shapes",
    "data.resolution": 16,
    "data.channels": 3,
    "data.length": 4,
    "net.content": 4,
    "net.motion": 2,
    "net.width": 2,
}


def get_config(variant: str = "shapes") -> ConfigDict:
    plan = Plan(
        steps=4_000, batch_size=16, sample_every=500, evaluate_every=1_000, evaluate_count=500
    )
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[VARIANTS[variant]]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"content": 50, "motion": 10, "width": 16, "sync_batch_norm": False}
    config.r1, config.r1_every = 1.0, 4
    return config


def make_game(config: ConfigDict) -> Game:
    net, frames = config.net, config.data.length
    generator = nets.mocogan.Generator(
        config.data.resolution,
        config.data.channels,
        frames,
        net.motion,
        net.width,
        axis_name=AXIS if net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    return algorithms.gan(
        generator,
        nets.mocogan.Discriminator(net.width, dtype=config.dtype),
        prior={"content": priors.normal(net.content), "motion": priors.normal(frames * net.motion)},
        penalties=[R1(config.r1, config.r1_every)],
    )
