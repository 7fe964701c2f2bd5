"""CycleGAN between handwritten digits and inverted, thickened ones, unpaired.

Zhu et al., 2017, arXiv:1703.10593, with small nets at 16×16. Half of the digits stand for each
domain, so no image has its counterpart among the other's. The score is how many translated
held-out digits keep their class, read by a classifier of the target domain.

    python -m experiments.train --config=configs/digits_cyclegan.py
"""

from dataclasses import asdict, replace

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan


def get_config(variant: str = "") -> ConfigDict:
    plan = Plan(steps=2_000, batch_size=32, sample_every=250, evaluate_every=500)
    config = ConfigDict(asdict(plan))
    config.data = asdict(
        data.Source("digits", test_split="test", resolution=16, channels=1, num_classes=10)
    )
    config.generator = asdict(Adam(learning_rate=2e-4, beta1=0.5))
    config.discriminator = asdict(Adam(learning_rate=2e-4, beta1=0.5))
    config.net = {"width": 16, "halvings": 1, "blocks": 2, "kernel": 5, "discriminator_layers": 2}
    config.cycle_weight = 10.0
    config.identity_weight = 0.0
    config.dtype = "float32"
    config.evaluation = {"by": "classifier", "count": 359}
    if variant == "tiny":
        config.net.width = 4
        config.net.blocks = 1
        config.net.discriminator_layers = 1
        config.net.kernel = 3
        config.evaluation.count = 100
    return config


def make_data(config: ConfigDict, split: str) -> dict[str, data.Dataset]:
    digits = data.materialise(data.Source(**config.data).load(split))
    half = {"a": slice(0, None, 2), "b": slice(1, None, 2)}
    columns = {d: {n: c[part] for n, c in digits.columns.items()} for d, part in half.items()}
    columns["b"]["x"] = data.invert(data.thicken(columns["b"]["x"]))
    return {
        "a": replace(digits, columns=columns["a"]),
        "b": replace(digits, name="inverted, thickened digits", columns=columns["b"]),
    }


def make_game(config: ConfigDict) -> Game:
    translator = nets.residual.Translator(
        config.data.channels,
        config.net.width,
        config.net.halvings,
        config.net.blocks,
        kernel=config.net.kernel,
        dtype=config.dtype,
    )
    discriminator = nets.patch.Discriminator(
        config.net.width, config.net.discriminator_layers, dtype=config.dtype
    )
    return algorithms.cyclegan(
        translator,
        discriminator,
        cycle_weight=config.cycle_weight,
        identity_weight=config.identity_weight,
    )
