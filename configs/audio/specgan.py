"""SpecGAN on spoken digits: images of sound, which phases found afterwards make sound again.

Donahue et al., 2018, arXiv:1802.04208: log-magnitudes of frames of 16 ms, 8 ms apart, each
frequency normalised by the data and cut off at three deviations; WGAN-GP with five critic steps,
Adam with moments (0.5, 0.9), latents uniform on [-1, 1]^100; waves by 16 iterations of Griffin and
Lim. Here half a second at 8 kHz is an image of 64×64; the nets are narrow, and for a short run
the rate is 4e-4, four times the paper's. The data stay waves, and so are the samples. `conditional`
asks for digits by their labels, which `experiments.cas` needs. The normalisation becomes part of
the run's config, so samples need the run alone.

    python -m experiments.train --config=configs/audio/specgan.py
    python -m experiments.sample --workdir=runs/audio_specgan --out=digits.wav
"""

import math

import numpy as np
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors, sound
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import GradientPenalty
from gan_jax.train import Plan, settings

VARIANTS = ("spoken_digit",)
TINY = {"data.length": 256, "net.width": 1, "discriminator_repeats": 2}


def get_config(variant: str = "spoken_digit") -> ConfigDict:
    plan = Plan(
        steps=2_000, batch_size=32, sample_every=250, evaluate_every=500, evaluate_count=1_000
    )
    adam = Adam(learning_rate=4e-4, beta1=0.5, beta2=0.9)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 100, "width": 8}
    config.conditional = True
    config.gradient_penalty = 10.0
    config.discriminator_repeats = 5
    return config


def complete(config: ConfigDict) -> ConfigDict:
    """With the normalisation of as square an image as the clips' length allows."""
    clips = data.Source(**config.data).load(config.data.split)
    hop = math.isqrt(config.data.length)
    stored = np.stack([clips[i]["x"] for i in range(len(clips))])
    waves = np.asarray(clips.kinds["x"].to_float(stored))
    config.spectra = sound.fit_log_spectra(waves, 2 * hop, hop)._asdict()
    return config


def make_game(config: ConfigDict) -> Game:
    net, spectra = config.net, sound.LogSpectra(**config.spectra)
    shared = {
        "num_classes": config.data.num_classes if config.conditional else None,
        "dtype": config.dtype,
    }
    return algorithms.gan(
        nets.wavegan.Generator(config.data.length, width=net.width, square=True, **shared),
        nets.wavegan.Discriminator(net.width, **shared),
        prior=priors.uniform(net.latent_dim),
        loss=losses.WASSERSTEIN,
        penalties=[GradientPenalty(config.gradient_penalty)],
        conditional=config.conditional,
        encode=spectra.encode,
        decode=spectra.decode,
        discriminator_repeats=config.discriminator_repeats,
    )
