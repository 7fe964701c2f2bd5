"""HiFi-GAN on spoken digits: waves from their mel spectrograms, of speakers' held-out takes too.

Kong et al., 2020, arXiv:2010.05646: least squares against discriminators of several periods and
scales, twice the distance of their features, 45 times that of log-mels; AdamW 2e-4 with moments
(0.8, 0.99), as the authors decay weights by 0.01; segments of clips. Here Adam, frames of 32 ms and
a hop of 8 ms at 8 kHz, 40 mels, and narrow nets: V3's blocks in two stages at a quarter of its
width, three periods and one scale at an eighth of theirs. The paper's largest is `net.size=V1`,
`net.width=512`, `net.rates=(8, 8, 2, 2)`. `source` is the wave whose mels are heard, `x` itself.

    python -m experiments.train --config=configs/audio/hifigan.py
    python -m experiments.sample --workdir=runs/audio_hifigan --out=digits.wav
"""

from functools import partial

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, losses, nets, sound
from gan_jax.algorithms import targets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings
from gan_jax.types import Array

VARIANTS = ("spoken_digit",)
TINY = {
    "data.length": 256,
    "segment": 128,
    "mel.frame": 32,
    "mel.hop": 8,
    "mel.mels": 4,
    "net.width": 4,
    "net.rates": (8,),
    "discriminator_net.width": 1,
    "discriminator_net.periods": (2,),
    "discriminator_net.scales": 0,
}


def get_config(variant: str = "spoken_digit") -> ConfigDict:
    plan = Plan(
        steps=3_000, batch_size=8, sample_every=500, evaluate_every=1_000, evaluate_count=300
    )
    adam = Adam(learning_rate=2e-4, beta1=0.8, beta2=0.99)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"size": "V3", "width": 64, "rates": (8, 8)}
    config.discriminator_net = {"width": 4, "periods": (2, 3, 5), "scales": 1}
    config.mel = {"frame": 256, "hop": 64, "mels": 40, "rate": 8_000}
    config.segment = 2_048
    config.mel_weight = 45.0
    config.matching = 2.0
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    clips = data.Source(**config.data).load(split)
    return data.transformed(clips, "source", lambda x: x, of="x")


def make_game(config: ConfigDict) -> Game:
    net, mel = config.net, config.mel.to_dict()

    def error(output: Array, x: Array, source: Array) -> Array:
        return losses.mel_error(output[..., 0], x[..., 0], **mel)

    size = getattr(nets.hifigan, net.size)._replace(width=net.width, rates=net.rates)
    game = algorithms.pix2pix(
        nets.hifigan.Generator(size, dtype=config.dtype),
        nets.hifigan.Discriminator(**config.discriminator_net, dtype=config.dtype),
        target=targets.L1._replace(name="mel", error=error),
        loss=losses.LEAST_SQUARES,
        adversarial=2.0,  # whose squares are halved
        error=config.mel_weight,
        matching=config.matching,
        conditional=False,
        encode=lambda source: sound.log_mel(source[..., 0], **mel),
    )
    segment = partial(augment.segment, length=config.segment)
    return game._replace(transform=augment.alike(segment, "x", "source"))
