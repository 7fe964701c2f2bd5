"""What is compared with what: numbers and names alone, read by every process at no cost."""

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

EXAMPLES = 4_096
"""How many examples the random data sets hold."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """A GAN to be trained.

    A step is one update of the discriminator and one of the generator by Adam, on the same latents,
    and of the generator's averaged parameters.

    Attributes:
      family: "mlp", "dcgan" or "resnet".
      shape: of an example, [H, W, C] or [D].
      latent_dim: of the latent.
      hidden: widths of an MLP's hidden layers.
      width: channels of a DCGAN's largest map; a ResNet has its paper's.
      activation: of an MLP, "leaky_relu" or "relu".
      batch_norm: whether a DCGAN's discriminator normalises.
      loss: "non_saturating", "hinge" or "wasserstein", the last under a gradient penalty of 10.
      critic_only: the generator stays as it is.
      batch: examples a batch.
    """

    family: str
    shape: tuple[int, ...]
    latent_dim: int = 100
    hidden: tuple[int, ...] = ()
    width: int = 64
    activation: str = "leaky_relu"
    batch_norm: bool = True
    loss: str = "non_saturating"
    critic_only: bool = False
    batch: int = 64

    @property
    def adam(self) -> dict[str, float]:
        """Learning rate and decays of both players' Adam."""
        gentle = self.loss == "non_saturating"
        return {"rate": 2e-4, "beta1": 0.5 if gentle else 0.0, "beta2": 0.999 if gentle else 0.9}

    def examples(self) -> np.ndarray:
        """Random ones [N, *shape]: uint8 images, or float32 points."""
        random = np.random.default_rng(0)
        if len(self.shape) == 1:
            return random.uniform(-1, 1, (EXAMPLES, *self.shape)).astype(np.float32)
        return random.integers(0, 256, (EXAMPLES, *self.shape), np.uint8)


@dataclasses.dataclass(frozen=True)
class Contender:
    """One implementation, which gets a process of its own.

    Attributes:
      name: in the table; those of PyTorch begin with "torch", that of plain Flax with "flax".
      build: `module:function`; called with the options, it returns a `worker.Work`.
      options: of the function.
      environment: of the process.
      timeout: seconds it may take to be ready.
    """

    name: str
    build: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    timeout: float = 600.0


@dataclasses.dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
      name: as `--cases` takes it.
      what: in a line.
      contenders: the project's first.
      unit: what a rate counts a second.
      examples: in a unit, 0 where that means nothing.
      problem: whose FLOPs a step are counted, if any.
    """

    name: str
    what: str
    contenders: tuple[Contender, ...]
    unit: str = "steps"
    examples: int = 0
    problem: Problem | None = None

    @property
    def counter(self) -> Contender:
        """Not timed: counts the problem's FLOPs."""
        function = "experiments.benchmark.flops:count"
        return Contender("flops", function, {"problem": self.problem}, {"JAX_PLATFORMS": "cpu"})


_OURS = "experiments.benchmark.ours"
_FLAX = "experiments.benchmark.peers.flax_peer"
_TORCH = "experiments.benchmark.peers.torch_peer"


def _peers(function: str, options: Mapping[str, Any], *, images: bool) -> tuple[Contender, ...]:
    eager = Contender("torch eager", f"{_TORCH}:{function}", options)
    last = Contender("torch channels_last", eager.build, {**options, "channels_last": True})
    layouts = (eager, last) if images else (eager,)
    return (Contender("flax", f"{_FLAX}:{function}", options), *layouts)


def _ours(name: str, function: str, **options: Any) -> Contender:
    return Contender(name, f"{_OURS}:{function}", options)


def _on_cpus(contender: Contender, count: int) -> Contender:
    """The contender where a CPU counts for so many devices; an accelerator stays one."""
    own = os.environ.get("XLA_FLAGS", "")
    flags = f"{own} --xla_force_host_platform_device_count={count}".strip()
    options = {**contender.options, "devices": count}
    return dataclasses.replace(contender, options=options, environment={"XLA_FLAGS": flags})


def threads() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _training(
    name: str,
    what: str,
    problem: Problem,
    steps_per_call: int = 0,
    *,
    seeds: int = 1,
    devices: int = 1,
) -> Case:
    """A case of training; 0 steps a call are as many as the back end's default."""
    images, options = problem.family != "mlp", {"problem": problem}
    if seeds == 1:
        ours = _ours("ours", "train", **options, steps_per_call=steps_per_call)
    else:
        ours = _ours("ours", "train_seeds", **options, steps_per_call=steps_per_call, seeds=seeds)
    ours = _on_cpus(ours, devices)
    compiled = Contender(
        "torch compile",
        f"{_TORCH}:train",
        {**options, "compiled": True, "channels_last": images},
        timeout=240,
    )
    return Case(
        name,
        f"{what}; {steps_per_call} steps a call" if steps_per_call else what,
        (ours, *_peers("train", options, images=images), compiled),
        unit="steps" if seeds == 1 else "seed-steps",
        examples=problem.batch,
        problem=problem if seeds == 1 else None,
    )


def _over_devices(
    name: str, what: str, counts: Sequence[int], problem: Problem, steps_per_call: int
) -> Case:
    """A case of training over virtual devices of one CPU."""

    def on(count: int) -> Contender:
        options = {"problem": problem, "steps_per_call": steps_per_call}
        contender = _on_cpus(_ours(f"ours, {count}", "train", **options), count)
        environment = {**contender.environment, "JAX_PLATFORMS": "cpu"}
        return dataclasses.replace(contender, environment=environment)

    return Case(name, what, tuple(map(on, counts)), examples=problem.batch)


_LARGE = Problem("mlp", (28, 28, 1), hidden=(1024, 1024, 1024))
_SMALL = Problem("mlp", (28, 28, 1), hidden=(128,), activation="relu")
_RING = Problem("mlp", (2,), latent_dim=2, hidden=(128, 128), batch=256)
_DCGAN_28 = Problem("dcgan", (28, 28, 1))
_DCGAN_32 = Problem("dcgan", (32, 32, 3))
_DCGAN_64 = Problem("dcgan", (64, 64, 3))
_RESNET = Problem("resnet", (32, 32, 3), latent_dim=128, loss="hinge")
_CRITIC = dataclasses.replace(_DCGAN_32, batch_norm=False, loss="wasserstein", critic_only=True)


CASES = {
    case.name: case
    for case in (
        _training("mlp_large", "MLP 100→1024³→784 / 784→1024³→1", _LARGE),
        _training("mlp_small", "MLP 100→128→784 / 784→128→1", _SMALL, 50),
        _training(
            "ring",
            "MLP 2→128²→2 / 2→128²→1, batch 256, ours on 2 virtual devices",
            _RING,
            100,
            devices=2,
        ),
        _training(
            "ring16",
            "16 seeds of it at once on all cores; peers: one",
            _RING,
            100,
            seeds=16,
            devices=math.gcd(16, threads()),
        ),
        _training("dcgan28", "DCGAN, 28×28×1, width 64", _DCGAN_28),
        _training("dcgan32", "DCGAN, 32×32×3, width 64", _DCGAN_32),
        _training("dcgan64", "DCGAN, 64×64×3, width 64", _DCGAN_64),
        _training("wgan_gp", "WGAN-GP, critic's update alone, 32×32×3", _CRITIC),
        _training("sn_resnet32", "SN-GAN ResNet, hinge, 32×32×3", _RESNET, 2),
        Case(
            "conv_transpose",
            "forward and backward of DCGAN-32's three transposed convolutions",
            (
                _ours("ours", "conv_transpose", problem=_DCGAN_32),
                *_peers("conv_transpose", {"problem": _DCGAN_32}, images=True),
            ),
            examples=64,
        ),
        Case(
            "scan",
            "DCGAN-32, steps in one call",
            (
                _ours("ours, 10 a call", "train", problem=_DCGAN_32, steps_per_call=10),
                _ours("ours, 1 a call", "train", problem=_DCGAN_32, steps_per_call=1),
            ),
            examples=64,
        ),
        _over_devices(
            "devices", "DCGAN-28, batch 64 over virtual devices", (1, 2, 4, 8), _DCGAN_28, 10
        ),
        _over_devices("ring_devices", "ring, batch 256 over virtual devices", (1, 2), _RING, 100),
        Case(
            "sampling",
            "10,000 samples of DCGAN-32, to the host",
            (
                _ours("ours", "sample", problem=_DCGAN_32, count=10_000),
                *_peers("sample", {"problem": _DCGAN_32, "count": 10_000}, images=True),
            ),
            unit="images",
        ),
        Case(
            "checkpoint",
            "the state of DCGAN-64, saved and restored with its digests",
            (
                _ours("ours, save", "save", problem=_DCGAN_64),
                _ours("ours, restore", "restore", problem=_DCGAN_64),
            ),
            unit="MB",
        ),
        Case(
            "reading",
            "28×28×1 uint8 to float batches of 64 on the device, 10 a call",
            (
                _ours("ours, resident", "read", problem=_DCGAN_28, resident=True),
                _ours("ours, streamed", "read", problem=_DCGAN_28, resident=False),
            ),
            unit="examples",
        ),
    )
}
