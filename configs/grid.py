"""A GAN on a grid of twenty-five Gaussians: the harder test of mode collapse.

The mixture of PacGAN (Lin et al., 2018, arXiv:1712.04086): five by five, spacing 2, standard
deviation 0.05; a mode is captured when a sample lies within three standard deviations of its
centre. R1 (Mescheder et al., 2018, arXiv:1801.04406) keeps the modes; `--config.r1=0` shows what
happens without.

    python -m experiments.train --config=configs/grid.py
"""

from dataclasses import asdict

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, penalties
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan


def get_config(variant: str = "") -> ConfigDict:
    plan = Plan(
        steps=20_000,
        batch_size=256,
        steps_per_call=100,
        sample_every=2_000,
        evaluate_every=4_000,
        checkpoint_every=4_000,
    )
    config = ConfigDict(asdict(plan))
    config.data = asdict(data.Source("grid"))
    config.generator = asdict(Adam(learning_rate=1e-3, beta1=0.0, decay="cosine"))
    config.discriminator = asdict(Adam(learning_rate=1e-3, beta1=0.0, decay="cosine"))
    config.net = {"latent_dim": 2, "hidden": (128, 128)}
    config.r1 = 0.1
    config.dtype = "float32"
    config.evaluation = {"by": "modes", "count": 10_000}
    if variant == "tiny":
        config.net.hidden = (8,)
        config.evaluation.count = 500
    return config


def make_game(config: ConfigDict) -> Game:
    generator = nets.mlp.Generator((2,), config.net.hidden, final=None, dtype=config.dtype)
    discriminator = nets.mlp.Discriminator(config.net.hidden, dtype=config.dtype)
    r1 = lambda critic, real, fake, keys: config.r1 * penalties.r1(critic, real)
    return algorithms.gan(
        generator,
        discriminator,
        latent_dim=config.net.latent_dim,
        penalties=[r1] if config.r1 else [],
    )
