"""WaveGAN on spoken digits: sound as waves, one-dimensional convolutions of 25 taps.

Donahue et al., 2018, arXiv:1802.04208: WGAN-GP with five critic steps, phase shuffle of 2, Adam
with moments (0.5, 0.9), latents uniform on [-1, 1]^100; here half a second at 8 kHz, narrow nets
and for a short run a rate of 4e-4, four times the paper's. `conditional` asks for digits by their
labels, which `experiments.cas` needs.

    python -m experiments.train --config=configs/audio/wavegan.py
    python -m experiments.sample --workdir=runs/audio_wavegan --out=digits.wav
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import GradientPenalty
from gan_jax.train import Plan, settings

VARIANTS = ("spoken_digit",)
TINY = {"data.length": 256, "net.width": 1, "discriminator_repeats": 2}


def get_config(variant: str = "spoken_digit") -> ConfigDict:
    plan = Plan(
        steps=1_200, batch_size=32, sample_every=200, evaluate_every=400, evaluate_count=1_000
    )
    adam = Adam(learning_rate=4e-4, beta1=0.5, beta2=0.9)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 100, "width": 8, "shuffle": 2}
    config.conditional = False
    config.gradient_penalty = 10.0
    config.discriminator_repeats = 5
    return config


def make_game(config: ConfigDict) -> Game:
    net = config.net
    shared = {
        "num_classes": config.data.num_classes if config.conditional else None,
        "dtype": config.dtype,
    }
    return algorithms.gan(
        nets.wavegan.Generator(config.data.length, width=net.width, **shared),
        nets.wavegan.Discriminator(net.width, shuffle=net.shuffle, **shared),
        prior=priors.uniform(net.latent_dim),
        loss=losses.WASSERSTEIN,
        penalties=[GradientPenalty(config.gradient_penalty)],
        conditional=config.conditional,
        discriminator_repeats=config.discriminator_repeats,
    )
