"""What is compared with what: numbers and names alone, read by every process at no cost."""

import dataclasses
import math
import os
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Problem:
    """A GAN to be trained.

    A step is one update of the discriminator and one of the generator by Adam, on the same latents,
    and of the generator's averaged parameters.

    Attributes:
      family: "mlp", "dcgan" (64 channels in its largest map), "resnet" (of its paper's widths),
        "wavegan" (16 channels in its longest map, no phase shuffle), or "cyclegan": two translators
        of six residual blocks and two discriminators of 70x70 patches, all of 32 channels at first,
        with cycles, without identity terms, with a pool of 50.
      shape: of an example, [H, W, C], [T, C] or [D].
      latent_dim: of the latent; 0 for none.
      hidden: widths of an MLP's hidden layers.
      activation: of an MLP, "leaky_relu" or "relu".
      loss: "non_saturating", "least_squares", "hinge" or "wasserstein"; the last is of a critic's
        update alone, under a gradient penalty of 10 and without batch normalisation.
      batch: examples a batch.
    """

    family: str
    shape: tuple[int, ...]
    latent_dim: int = 100
    hidden: tuple[int, ...] = ()
    activation: str = "leaky_relu"
    loss: str = "non_saturating"
    batch: int = 64

    @property
    def critic(self) -> bool:
        """Whether it is the critic's update alone."""
        return self.loss == "wasserstein"

    @property
    def adam(self) -> tuple[float, float, float]:
        """Learning rate and decays of both players' Adam."""
        return (2e-4, 0.0, 0.9) if self.loss in ("hinge", "wasserstein") else (2e-4, 0.5, 0.999)

    @property
    def base(self) -> int:
        """Side of a DCGAN's smallest map."""
        return 7 if self.shape[0] % 7 == 0 else 4

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of a DCGAN's maps, from that of half the image's side to the smallest."""
        stages = (self.shape[0] // self.base).bit_length() - 1
        return tuple(64 << stage for stage in range(stages))

    def examples(self) -> np.ndarray:
        """4,096 random ones: uint8 images, int16 sounds, or float32 points."""
        random, shape = np.random.default_rng(0), (4_096, *self.shape)
        if len(self.shape) == 1:
            return random.uniform(-1, 1, shape).astype(np.float32)
        if len(self.shape) == 2:
            return random.integers(-(2**15), 2**15, shape, np.int16)
        return random.integers(0, 256, shape, np.uint8)


@dataclasses.dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
      name: as `--cases` takes it.
      what: in a line.
      problem: what is trained.
      steps_per_call: of ours; 0 for the back end's default. Peers take one.
      seeds: that ours trains at once; peers train one.
      devices: virtual ones that a CPU counts for, of ours alone; an accelerator stays one.
      samples: drawn in a call, in place of training; 0 for training.
    """

    name: str
    what: str
    problem: Problem
    steps_per_call: int = 0
    seeds: int = 1
    devices: int = 1
    samples: int = 0

    @property
    def unit(self) -> str:
        """What a rate counts a second."""
        return "images" if self.samples else "steps" if self.seeds == 1 else "seed-steps"

    @property
    def contenders(self) -> tuple[str, ...]:
        """Ours first; the peers' first word is their module, the rest which variant of it."""
        last = () if self.problem.family in ("mlp", "wavegan") else ("torch channels_last",)
        flax = () if self.problem.family in ("cyclegan", "wavegan") else ("flax",)
        return ("ours", *flax, "torch eager", *last, *(() if self.samples else ("torch compile",)))

    def environment(self, contender: str) -> Mapping[str, str]:
        """What a contender's process is to find in its environment."""
        own = os.environ.get("XLA_FLAGS", "")
        count = self.devices if contender == "ours" else 1
        return {
            "XLA_FLAGS": f"{own} --xla_force_host_platform_device_count={count}".strip(),
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "JAX_ENABLE_COMPILATION_CACHE": "false",  # compile time is to be measured
            **({"JAX_PLATFORMS": "cpu"} if contender == "flops" else {}),
        }


def threads() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_LARGE = Problem("mlp", (28, 28, 1), hidden=(1024, 1024, 1024))
_SMALL = Problem("mlp", (28, 28, 1), hidden=(128,), activation="relu")
_RING = Problem("mlp", (2,), latent_dim=2, hidden=(128, 128), batch=256)
_DCGAN_32 = Problem("dcgan", (32, 32, 3))
_CRITIC = dataclasses.replace(_DCGAN_32, loss="wasserstein")
_RESNET = Problem("resnet", (32, 32, 3), latent_dim=128, loss="hinge")
_CYCLEGAN = Problem("cyclegan", (64, 64, 3), latent_dim=0, loss="least_squares", batch=4)
_WAVEGAN = Problem("wavegan", (4_096, 1), loss="wasserstein")
_CORES = math.gcd(16, threads())

CASES = {
    case.name: case
    for case in (
        Case("mlp_large", "MLP 100→1024³→784 / 784→1024³→1", _LARGE),
        Case("mlp_small", "MLP 100→128→784 / 784→128→1, 50 steps a call", _SMALL, 50),
        Case("ring", "MLP 2→128²→2 / 2→128²→1; ours on 2 virtual devices", _RING, 100, devices=2),
        Case("ring16", "16 seeds of it at once; peers: one", _RING, 100, seeds=16, devices=_CORES),
        Case("dcgan28", "DCGAN, 28×28×1, width 64", Problem("dcgan", (28, 28, 1))),
        Case("dcgan32", "DCGAN, 32×32×3, width 64", _DCGAN_32),
        Case("dcgan64", "DCGAN, 64×64×3, width 64", Problem("dcgan", (64, 64, 3))),
        Case("wgan_gp", "WGAN-GP, critic's update alone, 32×32×3", _CRITIC),
        Case("sn_resnet32", "SN-GAN ResNet, hinge, 32×32×3, 2 steps a call", _RESNET, 2),
        Case("cyclegan64", "CycleGAN, ResNet-6, width 32, 64×64×3, batch 4", _CYCLEGAN),
        Case("wavegan", "WaveGAN, critic's update alone, 4,096 samples, width 16", _WAVEGAN),
        Case("sampling", "10,000 samples of DCGAN-32, to the host", _DCGAN_32, samples=10_000),
    )
}
