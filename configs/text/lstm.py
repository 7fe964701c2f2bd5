"""A language model by maximum likelihood: an LSTM, or a small Transformer.

What every adversarial model of text is compared with, at several temperatures (Caccia et al., 2018,
arXiv:1811.02549). `oracle` is SeqGAN's set-up (Yu et al., 2017, arXiv:1609.05473): 10,000 sequences
of 20 tokens out of 5,000 by a random LSTM, which then says how likely samples are; `lines` reads
`data.name`, a file of a sentence a line, a tenth of which is held out. `net.kind` is `LSTM` or
`Transformer`; `experiments.text` scores samples.

    python -m experiments.train --config=configs/text/lstm.py
    python -m experiments.train --config=configs/text/lstm.py:lines --config.data.name=captions.txt
    python -m experiments.text --workdir=runs/text_lstm --temperatures=0.8,1.0,1.2
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = ("oracle", "lines")
TINY = {"data.length": 6, "net.width": 4}


def get_config(variant: str = "oracle") -> ConfigDict:
    steps = 600 if variant == "oracle" else 2_000  # then it learns by heart
    plan = Plan(steps=steps, batch_size=64, sample_every=200, evaluate_every=200, ema_decay=0.0)
    source = data.SOURCES[variant]
    generator = Adam(learning_rate=1e-2, beta1=0.9)
    config = ConfigDict(settings(plan, source, generator=generator))
    config.net = {"kind": "LSTM", "width": 32}
    config.temperature = 1.0
    return config


def complete(config: ConfigDict) -> ConfigDict:
    """With the size of the file's vocabulary."""
    config.data.vocabulary = config.data.vocabulary or data.vocabulary_size(config.data.name)
    return config


def make_game(config: ConfigDict) -> Game:
    make_net = getattr(nets.sequences, config.net.kind)
    return algorithms.language_model(
        make_net(config.data.vocabulary, config.net.width, dtype=config.dtype),
        length=config.data.length,
        temperature=config.temperature,
        end=data.end_of(config.data.name),
    )
