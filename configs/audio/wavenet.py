"""WaveNet on spoken digits: the likelihood of each sample given those before it and the digit.

van den Oord et al., 2016, arXiv:1609.03499: dilated causal convolutions with gates, residuals and
skips over 256 classes of the μ-law, conditioned on a label by a bias of every layer. Here a narrow
net sees an eighth of a second at 8 kHz, and learns at 2e-3. `held_out/nll`, nats a sample, is the
mean over half a second, silence at its end included, and compares with other nets' on these very
clips alone.
Sampling keeps queues of the past, and is sequential: 4,096 steps a clip.

    python -m experiments.train --config=configs/audio/wavenet.py
    python -m experiments.sample --workdir=runs/audio_wavenet --label=7 --count=8 --out=sevens.wav
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, sound
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = ("spoken_digit",)
TINY = {"data.length": 64, "net.width": 2, "net.skip": 2, "net.layers": 2}


def get_config(variant: str = "spoken_digit") -> ConfigDict:
    plan = Plan(steps=1_500, batch_size=8, sample_every=500, evaluate_every=750, evaluate_count=300)
    source = data.SOURCES[variant]
    generator = Adam(learning_rate=2e-3, beta1=0.9, clip_norm=1.0)
    config = ConfigDict(settings(plan, source, generator=generator))
    config.net = {"vocabulary": 256, "width": 32, "skip": 64, "layers": 10, "cycles": 1}
    config.conditional = True
    return config


def make_game(config: ConfigDict) -> Game:
    levels, classes = config.net.vocabulary, config.data.num_classes if config.conditional else None
    return algorithms.language_model(
        nets.wavenet.WaveNet(**config.net, num_classes=classes, dtype=config.dtype),
        length=config.data.length,
        conditional=config.conditional,
        encode=lambda x: sound.mu_law(x[..., 0], levels),
        decode=lambda tokens: sound.inverse_mu_law(tokens, levels)[..., None],
    )
