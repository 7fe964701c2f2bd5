"""InceptionV3 as the Fréchet inception distance has it; for reading images, not for training.

Rethinking the Inception Architecture for Computer Vision, Szegedy et al., 2015, arXiv:1512.00567,
as TensorFlow's graph of 2015-12-05 has it, which GANs Trained by a Two Time-Scale Update Rule
Converge to a Local Nash Equilibrium, Heusel et al., 2017, arXiv:1706.08500, measures in. That graph
departs from the paper where scores feel it: a mean at a border is of the pixels within, the last
block pools by maxima where all others take means, and there are 1008 classes.

Layers have the names of the graph's PyTorch ports, mseitzer/pytorch-fid and toshas/torch-fidelity.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from gan_jax.types import Array

SIDE = 299
"""Of the images that the net reads."""


class Conv(NamedTuple):
    """A convolution without bias, batch normalisation with running statistics, ReLU."""

    name: str
    features: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"


Layer = Conv | list["Chain"] | Callable[[Array], Array]
"""A list is of chains side by side, whose channels are joined."""

Chain = tuple[Layer, ...]

_halve = partial(nn.max_pool, window_shape=(3, 3), strides=(2, 2))
_max = partial(nn.max_pool, window_shape=(3, 3), padding="SAME")
_mean = partial(nn.avg_pool, window_shape=(3, 3), padding="SAME", count_include_pad=False)


def _a(pool: int) -> Layer:
    return [
        (Conv("branch1x1", 64),),
        (Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3)),
        ),
        (_mean, Conv("branch_pool", pool)),
    ]


def _b() -> Layer:
    return [
        (Conv("branch3x3", 384, (3, 3), 2, "VALID"),),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3), 2, "VALID"),
        ),
        (_halve,),
    ]


def _c(width: int) -> Layer:
    return [
        (Conv("branch1x1", 192),),
        (
            Conv("branch7x7_1", width),
            Conv("branch7x7_2", width, (1, 7)),
            Conv("branch7x7_3", 192, (7, 1)),
        ),
        (
            Conv("branch7x7dbl_1", width),
            Conv("branch7x7dbl_2", width, (7, 1)),
            Conv("branch7x7dbl_3", width, (1, 7)),
            Conv("branch7x7dbl_4", width, (7, 1)),
            Conv("branch7x7dbl_5", 192, (1, 7)),
        ),
        (_mean, Conv("branch_pool", 192)),
    ]


def _d() -> Layer:
    return [
        (Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, (3, 3), 2, "VALID")),
        (
            Conv("branch7x7x3_1", 192),
            Conv("branch7x7x3_2", 192, (1, 7)),
            Conv("branch7x7x3_3", 192, (7, 1)),
            Conv("branch7x7x3_4", 192, (3, 3), 2, "VALID"),
        ),
        (_halve,),
    ]


def _e(pool: Callable[[Array], Array]) -> Layer:
    return [
        (Conv("branch1x1", 320),),
        (
            Conv("branch3x3_1", 384),
            [(Conv("branch3x3_2a", 384, (1, 3)),), (Conv("branch3x3_2b", 384, (3, 1)),)],
        ),
        (
            Conv("branch3x3dbl_1", 448),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            [(Conv("branch3x3dbl_3a", 384, (1, 3)),), (Conv("branch3x3dbl_3b", 384, (3, 1)),)],
        ),
        (pool, Conv("branch_pool", 192)),
    ]


_STEM: Chain = (  # from maps of 299²
    Conv("Conv2d_1a_3x3", 32, (3, 3), 2, "VALID"),  # 149²
    Conv("Conv2d_2a_3x3", 32, (3, 3), 1, "VALID"),  # 147²
    Conv("Conv2d_2b_3x3", 64, (3, 3)),
    _halve,  # 73²
    Conv("Conv2d_3b_1x1", 80),
    Conv("Conv2d_4a_3x3", 192, (3, 3), 1, "VALID"),  # 71²
    _halve,  # 35²
)
_BLOCKS = {
    "Mixed_5b": _a(pool=32),
    "Mixed_5c": _a(pool=64),
    "Mixed_5d": _a(pool=64),
    "Mixed_6a": _b(),  # 17²
    "Mixed_6b": _c(width=128),
    "Mixed_6c": _c(width=160),
    "Mixed_6d": _c(width=160),
    "Mixed_6e": _c(width=192),
    "Mixed_7a": _d(),  # 8²
    "Mixed_7b": _e(_mean),
    "Mixed_7c": _e(_max),
}


class InceptionV3(nn.Module):
    """From an image to its features and its logits over 1008 classes, in full float32.

    A layer's variables go by its name in the ports: `Mixed_5b.branch1x1.conv`, say, or `fc`.
    """

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Reads images that `extractors.resize` has prepared.

        Args:
          x: [B, 299, 299, 3], in [-1, 1].

        Returns:
          features [B, 2048], the means of the last maps, none negative; logits [B, 1008].
        """

        def convolve(x: Array, name: str, layer: Conv) -> Array:
            x = nn.Conv(
                layer.features,
                layer.kernel,
                layer.stride,
                layer.padding,
                use_bias=False,
                precision=lax.Precision.HIGHEST,
                name=f"{name}.conv",
            )(x)
            norm = nn.BatchNorm(use_running_average=True, epsilon=1e-3, name=f"{name}.bn")
            return nn.relu(norm(x))

        def run(x: Array, chain: Chain, block: str = "") -> Array:
            for layer in chain:
                if isinstance(layer, Conv):
                    x = convolve(x, block + layer.name, layer)
                elif isinstance(layer, list):
                    x = jnp.concatenate([run(x, branch, block) for branch in layer], axis=-1)
                else:
                    x = layer(x)
            return x

        x = run(x, _STEM)
        for name, layer in _BLOCKS.items():
            x = run(x, (layer,), f"{name}.")
        features = jnp.mean(x, axis=(1, 2))
        return features, nn.Dense(1008, precision=lax.Precision.HIGHEST, name="fc")(features)
