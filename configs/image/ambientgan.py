"""AmbientGAN: whole images learnt from images of which a share of the pixels is missing.

Bora et al., 2018, openreview.net/forum?id=Hy7fDog0b, block-pixels: each training image lacks pixels
of its own, drawn once for good, which are black. `method` says what becomes of it:

- `ambient`: samples lose pixels as the data did before the discriminator sees them;
- `inpaint`: gaps are filled by the blurred surroundings, and a plain GAN is trained on that;
- `ignore`: a plain GAN is trained on images with gaps.

Samples are compared with whole images, the split `whole`. DCGAN's nets and R1 as in
`image/dcgan.py`.

    python -m experiments.train --config=configs/image/ambientgan.py
"""

import numpy as np
from ml_collections import ConfigDict
from scipy import ndimage

from gan_jax import algorithms, augment, data, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import R1
from gan_jax.train import Plan, settings

VARIANTS = {"digits": 8_000, "mnist": 12_000, "fashion_mnist": 12_000, "cifar10": 20_000}
TINY = {"net.width": 4}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000, evaluate_split="whole"
    )
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 64, "width": 32, "sync_batch_norm": False}
    config.r1 = 1.0
    config.missing = 0.5
    config.method = "ambient"
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    """The split with gaps if it is trained on, else whole."""
    source = data.Source(**config.data)
    if split != config.data.split:
        return source.load(config.data.split if split == "whole" else split)
    whole = data.materialise(source.load(split))
    x = whole.columns["x"]
    shown = np.random.default_rng(0).random((*x.shape[:3], 1)) >= config.missing
    gaps = x * shown
    if config.method == "inpaint":
        blur = lambda values: ndimage.gaussian_filter(values.astype(np.float32), (0, 1, 1, 0))
        around = blur(gaps) / np.maximum(blur(shown), 1e-6)
        gaps = np.where(shown, x, np.clip(np.rint(around), 0, 255)).astype(x.dtype)
    return data.ArrayDataset(whole.name, split, {**whole.columns, "x": gaps}, whole.kinds)


def make_game(config: ConfigDict) -> Game:
    width = config.net.width
    generator = nets.dcgan.Generator(
        config.data.resolution,
        config.data.channels,
        width,
        axis_name=AXIS if config.net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    lose = lambda keys, x: augment.drop_pixels(keys, x, config.missing)
    return algorithms.gan(
        generator,
        nets.dcgan.Discriminator(width, batch_norm=False, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        penalties=[R1(config.r1)],
        observe=lose if config.method == "ambient" else None,
    )
