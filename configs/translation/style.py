"""Style: photographs redrawn in the manner of other images, by one pass of a net and no adversary.

Perceptual Losses for Real-Time Style Transfer and Super-Resolution, Johnson et al., 2016,
arXiv:1603.08155: a translation has the content of its photograph in the maps of VGG-19, and the
Gram matrices (Gatys et al., 2016, CVPR) of the images of the other domain. It is what
`translation/cyclegan.py:folder` can be compared with, on the same two folders. `perceptual.weights`
names torchvision's file of VGG-19; without one the net was never trained and is narrow. `change` is
how far a translation is from its photograph, in L1; nothing descends by it.

    python -m experiments.train --config=configs/translation/style.py:folder --config.data.name=DIR
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, data, extractors, losses, nets
from gan_jax.algorithms import targets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = {
    "flowers_emoji": data.Source("flowers_128", split="train", resolution=64, channels=3),
    "folder": data.Source("", test_split="test", resolution=256, channels=3),
}
TINY = {
    "data.resolution": 16,
    "net.width": 4,
    "net.halvings": 1,
    "net.blocks": 1,
    "net.kernel": 3,
    "perceptual.width": 2,
}


def get_config(variant: str = "flowers_emoji") -> ConfigDict:
    plan = Plan(steps=2_000, batch_size=4, sample_every=250, evaluate_every=2_000)
    adam = Adam(learning_rate=1e-3, beta1=0.9)
    config = ConfigDict(settings(plan, VARIANTS[variant], generator=adam))
    config.net = {"width": 32, "halvings": 2, "blocks": 5, "kernel": 9}
    config.content = 1.0
    config.style = 100.0
    config.perceptual = {"width": 16, "weights": ""}
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    source = data.Source(**config.data)
    side, channels = source.resolution, source.channels
    if source.name == "flowers_128":
        emoji = data.load("noto_emoji", split="train", resolution=side, channels=channels)
        return data.unpaired(source=data.select(source.load(split)), x=data.select(emoji))
    domains = data.image_domains(
        source.name, split=split, resolution=side, channels=channels
    ).domains
    return data.unpaired(source=domains["a"], x=domains["b"])


def make_game(config: ConfigDict) -> Game:
    net, weights = config.net, config.perceptual.weights
    taps = {"content": ("conv3_3",), "style": ("conv1_2", "conv2_2", "conv3_3")}
    eye = nets.vgg.VGG(taps["style"], 64 if weights else config.perceptual.width)
    variables = None
    if weights:
        state, _ = extractors.read_state_dict(weights)
        variables = nets.vgg.from_torch_state_dict(state, eye.taps)
    content = algorithms.perceptual(
        eye, config.content, maps=taps["content"], source=True, variables=variables, name="content"
    )
    style = algorithms.perceptual(
        eye, config.style, distance=losses.gram_distance, variables=variables, name="style"
    )
    change = lambda output, x, source: losses.absolute_error(output, source)  # there are no pairs
    return algorithms.pix2pix(
        nets.residual.Translator(
            3, net.width, net.halvings, net.blocks, kernel=net.kernel, dtype=config.dtype
        ),
        nets.patch.Discriminator(net.width, 1, dtype=config.dtype),
        target=targets.L1._replace(name="change", error=change),
        adversarial=0.0,
        error=0.0,
        comparisons=[content, style],
        conditional=False,
    )
