"""Small games for the script that writes steps.npz and the test that reads it.

Adam is set such that five steps move weights far and float32 suffices to follow them. Rates are
high. Epsilon is of the size of small gradients: one of 1e-8 would make whole steps of the rounding
errors of gradients that all but cancel, and beside this one it shows where epsilon is added. And
β₂ is 0.99 where recipes have 0.999, whose `1 - β₂` optax takes in float32: 1.3e-5 too small, which
would be the largest deviation of all.
"""

import zlib
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from gan_jax import algorithms, losses, nets, priors
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.penalties import GradientPenalty
from gan_jax.step import GameState, init_state

STEPS = 5
EMA_DECAY = 0.3  # which binds from the third step on
LATENT_DIM = 4
NUM_CLASSES = 3
GRADIENT_PENALTY = 10.0
BETA = 0.5
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Case(NamedTuple):
    """A game and what it is played with.

    Attributes:
      game: the game.
      resolution: side of its images, of one channel.
      size: B, of a batch.
      adams: every player's optimizer.
    """

    game: Game
    resolution: int
    size: int
    adams: dict[str, Adam]


PRIOR = priors.normal(LATENT_DIM)
CASES = {
    "dcgan": Case(
        algorithms.gan(
            nets.dcgan.Generator(16, 1, width=4),
            nets.dcgan.Discriminator(width=4),
            prior=PRIOR,
            loss=losses.NON_SATURATING,
        ),
        resolution=16,
        size=6,
        adams={
            "generator": Adam(1e-2, 0.5, 0.99, 1e-3),
            "discriminator": Adam(5e-3, 0.5, 0.99, 1e-3),
        },
    ),
    "wgan_gp": Case(
        algorithms.gan(
            nets.dcgan.Generator(16, 1, width=4),
            nets.dcgan.Discriminator(width=4, batch_norm=False),
            prior=PRIOR,
            loss=losses.WASSERSTEIN,
            penalties=[GradientPenalty(GRADIENT_PENALTY)],
            discriminator_repeats=2,
        ),
        resolution=16,
        size=6,
        adams={
            "generator": Adam(1e-2, 0.0, 0.9, 1e-2),
            "discriminator": Adam(2e-2, 0.0, 0.9, 1e-2),
        },
    ),
    "sngan": Case(
        algorithms.gan(
            nets.resnet.Generator(8, 1, width=4, num_classes=NUM_CLASSES),
            nets.resnet.Discriminator(width=4, num_classes=NUM_CLASSES),
            prior=PRIOR,
            loss=losses.HINGE,
            conditional=True,
        ),
        resolution=8,
        size=8,
        adams={
            "generator": Adam(1e-2, 0.0, 0.9, 1e-2),
            "discriminator": Adam(2e-2, 0.0, 0.9, 1e-2),
        },
    ),
    "vae": Case(
        algorithms.vae(
            nets.dcgan.Encoder(2 * LATENT_DIM, width=4),
            nets.mlp.Generator((16, 16, 1), (8,), nn.relu, None),
            latent_dim=LATENT_DIM,
            beta=BETA,
        ),
        resolution=16,
        size=6,
        adams={"vae": Adam(2e-2, 0.9, 0.99, 1e-1)},
    ),
}


def batches(name: str) -> dict[str, np.ndarray]:
    """Columns `[STEPS, repeats, B, ...]`, by NumPy's RandomState, whose streams are frozen."""
    case = CASES[name]
    random = np.random.RandomState(zlib.crc32(name.encode()))
    shape = (STEPS, case.game.repeats, case.size)
    image = (case.resolution, case.resolution, 1)
    columns = {"x": random.uniform(-1, 1, size=(*shape, *image)).astype(np.float32)}
    if "label" in case.game.conditions:
        columns["label"] = random.randint(NUM_CLASSES, size=shape).astype(np.int32)
    return columns


def start(name: str) -> GameState:
    """The state before the first step."""
    game, _, _, adams = CASES[name]
    batch = {column: values[0, 0] for column, values in batches(name).items()}
    optimizers = {player: adam.build(STEPS) for player, adam in adams.items()}
    init = jax.jit(partial(init_state, game, optimizers), compiler_options=QUICKLY)
    return init(jax.random.key(0), batch)


def flat(tree: Any) -> dict[str, np.ndarray]:
    """A tree's leaves by their paths, such as `generator/params/Dense_0/kernel`."""
    leaves = jax.tree.leaves_with_path(tree)
    names = (jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves)
    return {name: np.asarray(leaf) for name, (_, leaf) in zip(names, leaves, strict=True)}
