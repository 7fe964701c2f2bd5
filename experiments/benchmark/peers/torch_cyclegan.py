"""CycleGAN in PyTorch, as its users write it: modules with reflection padding, a pool, autograd."""
# ruff: noqa: D101, D102

import copy
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its users call it so

from experiments.benchmark.cases import Problem

EMA_DECAY = 0.999


def mirrored(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel, stride)]


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first, last = mirrored(width, width, 3), mirrored(width, width, 3)
        norm = nn.InstanceNorm2d(width)
        self.inner = nn.Sequential(*first, norm, nn.ReLU(), *last, norm)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def nets(problem: Problem) -> tuple[nn.Module, nn.Module]:
    channels, width, normed = problem.shape[-1], 32, nn.InstanceNorm2d
    layers = [*mirrored(channels, width, 7), normed(width), nn.ReLU()]
    for before in (width, 2 * width):
        layers += [*mirrored(before, 2 * before, 3, 2), normed(2 * before), nn.ReLU()]
    layers += [Block(4 * width) for _ in range(6)]
    for after in (2 * width, width):
        layers += [nn.ConvTranspose2d(2 * after, after, 3, 2, 1, output_padding=1)]
        layers += [normed(after), nn.ReLU()]
    generator = nn.Sequential(*layers, *mirrored(width, channels, 7), nn.Tanh())

    down = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for before in (width, 2 * width):
        down += [nn.Conv2d(before, 2 * before, 4, 2, 1), normed(2 * before), nn.LeakyReLU(0.2)]
    down += [nn.Conv2d(4 * width, 8 * width, 4, padding="same"), normed(8 * width)]
    down += [nn.LeakyReLU(0.2), nn.Conv2d(8 * width, 1, 4, padding="same")]
    return generator, nn.Sequential(*down)


class Pool:
    def __init__(self) -> None:
        self.images: list[Tensor] = []

    def exchange(self, fresh: Tensor) -> Tensor:
        shown = []
        for image in fresh.unbind():
            if len(self.images) < 50:
                self.images.append(image)
            elif random.random() < 0.5:
                place = random.randrange(50)
                image, self.images[place] = self.images[place], image
            shown.append(image)
        return torch.stack(shown)


def training(
    nets: list[nn.Module], problem: Problem, device: torch.device, layout: Any, compiled: bool
) -> Callable[[], None]:
    """A step; data rest on the device, the translators' passes serve all players."""
    ways = [net.to(device, memory_format=layout) for net in (nets[0], copy.deepcopy(nets[0]))]
    critics = [net.to(device, memory_format=layout) for net in (nets[1], copy.deepcopy(nets[1]))]
    of_ways, of_critics = ([p for n in some for p in n.parameters()] for some in (ways, critics))
    averaged = copy.deepcopy(of_ways)
    rate, *betas = problem.adam
    optimizers = [torch.optim.Adam(p, rate, betas) for p in (of_ways, of_critics)]
    if compiled:
        ways, critics = (
            [torch.compile(n, dynamic=False) for n in some] for some in (ways, critics)
        )
    pools = [Pool(), Pool()]
    images = torch.from_numpy(problem.examples()).to(device).permute(0, 3, 1, 2)
    images = images.contiguous(memory_format=layout)

    def squared(logits: Tensor, wanted: float) -> Tensor:
        return ((logits - wanted) ** 2).mean()

    def descend(optimizer: torch.optim.Optimizer, loss: Tensor, parameters: list[Tensor]) -> None:
        optimizer.zero_grad()
        loss.backward(inputs=parameters)
        optimizer.step()

    def step() -> None:
        rows = torch.randint(len(images), (2, problem.batch), device=device)
        real = [images[row].float() / 127.5 - 1 for row in rows]
        fake = [ways[0](real[0]), ways[1](real[1])]
        again = [ways[1](fake[0]), ways[0](fake[1])]
        shown = [pools[k].exchange(fake[k].detach()) for k in range(2)]
        judged = [(critics[k](real[1 - k]), critics[k](shown[k])) for k in range(2)]
        loss = sum(0.5 * (squared(r, 1) + squared(f, 0)) for r, f in judged)
        descend(optimizers[1], loss, of_critics)
        cycles = sum(F.l1_loss(again[k], real[k]) for k in range(2))
        fooled = sum(squared(critics[k](fake[k]), 1) for k in range(2))
        descend(optimizers[0], fooled + 10 * cycles, of_ways)
        with torch.no_grad():
            torch._foreach_lerp_(averaged, of_ways, 1 - EMA_DECAY)

    return step
