"""CycleGAN between handwritten digits and inverted, thickened ones, unpaired.

Zhu et al., 2017, arXiv:1703.10593, with small nets at 16×16 and the pool of 50 past fakes. Half of
the digits stand for each domain, so no image has its counterpart among the other's. The score is
how many translated held-out digits keep their class, read by a classifier of the target domain.

    python -m experiments.train --config=configs/translation/cyclegan.py
"""

from dataclasses import replace

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = ("digits",)
TINY = {
    "net.width": 4,
    "net.halvings": 0,
    "net.blocks": 1,
    "net.discriminator_layers": 1,
    "net.kernel": 3,
    "pool_size": 10,
}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=2_000, batch_size=32, sample_every=250, evaluate_every=500)
    adam = Adam(learning_rate=2e-4, beta1=0.5)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"width": 16, "halvings": 1, "blocks": 2, "kernel": 5, "discriminator_layers": 2}
    config.cycle_weight = 10.0
    config.identity_weight = 0.0
    config.pool_size = 50
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    digits = data.materialise(data.Source(**config.data).load(split))
    a, b = ({n: c[i::2] for n, c in digits.columns.items()} for i in range(2))
    b["x"] = data.invert(data.thicken(b["x"]))
    return data.unpaired(
        a=replace(digits, columns=a),
        b=replace(digits, name="inverted, thickened digits", columns=b),
    )


def make_game(config: ConfigDict) -> Game:
    net = config.net
    translator = nets.residual.Translator(
        config.data.channels,
        net.width,
        net.halvings,
        net.blocks,
        kernel=net.kernel,
        dtype=config.dtype,
    )
    return algorithms.cyclegan(
        translator,
        nets.patch.Discriminator(net.width, net.discriminator_layers, dtype=config.dtype),
        cycle_weight=config.cycle_weight,
        identity_weight=config.identity_weight,
        pool_size=config.pool_size,
    )
