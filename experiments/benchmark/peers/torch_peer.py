"""The same games in PyTorch, as its users write them: the modules, Adam, autograd."""
# ruff: noqa: D101, D102

import copy
import math
from collections.abc import Callable
from itertools import chain, pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its users call it so
from torch.nn.utils.parametrizations import spectral_norm

from experiments.benchmark.cases import Case, Problem, threads
from experiments.benchmark.peers import torch_cyclegan
from experiments.benchmark.worker import Work

EMA_DECAY = 0.999


def mlp(problem: Problem) -> tuple[nn.Module, nn.Module]:
    def layers(inputs: int, outputs: int) -> list[nn.Module]:
        widths = [inputs, *problem.hidden]
        activation = nn.ReLU() if problem.activation == "relu" else nn.LeakyReLU(0.2)
        pairs = [(nn.Linear(a, b), activation) for a, b in pairwise(widths)]
        return [*chain.from_iterable(pairs), nn.Linear(widths[-1], outputs)]

    channels_first = problem.shape[-1:] + problem.shape[:-1]
    pixels = math.prod(problem.shape)
    last = [nn.Tanh()] if len(problem.shape) == 3 else []
    shape = nn.Unflatten(1, channels_first)
    generator = nn.Sequential(*layers(problem.latent_dim, pixels), shape, *last)
    return generator, nn.Sequential(nn.Flatten(), *layers(pixels, 1), nn.Flatten(0))


def dcgan(problem: Problem) -> tuple[nn.Module, nn.Module]:
    channels, base, widths = problem.shape[-1], problem.base, problem.widths
    up: list[nn.Module] = [
        nn.Linear(problem.latent_dim, base * base * widths[-1], bias=False),
        nn.Unflatten(1, (widths[-1], base, base)),
        nn.BatchNorm2d(widths[-1]),
        nn.ReLU(),
    ]
    for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True):
        up += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        up += [nn.BatchNorm2d(after), nn.ReLU()]
    up += [nn.ConvTranspose2d(widths[0], channels, 4, 2, 1), nn.Tanh()]
    down: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for before, after in pairwise(widths):
        norm = [] if problem.critic else [nn.BatchNorm2d(after)]
        convolution = nn.Conv2d(before, after, 4, 2, 1, bias=problem.critic)
        down += [convolution, *norm, nn.LeakyReLU(0.2)]
    down += [nn.Flatten(), nn.Linear(base * base * widths[-1], 1), nn.Flatten(0)]
    nets = nn.Sequential(*up), nn.Sequential(*down)
    for net in nets:
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
    return nets


class UpBlock(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(features), nn.BatchNorm2d(features)])
        self.inner = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.outer = nn.Conv2d(features, features, 3, padding=1)
        self.shortcut = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(F.interpolate(F.relu(self.norms[0](x)), scale_factor=2))
        y = self.outer(F.relu(self.norms[1](y)))
        return y + F.interpolate(self.shortcut(x), scale_factor=2)


class DownBlock(nn.Module):
    def __init__(self, channels: int, *, first: bool = False, halves: bool = False) -> None:
        super().__init__()
        self.first, self.halves = first, halves
        self.inner = spectral_norm(nn.Conv2d(channels, 128, 3, padding=1))
        self.outer = spectral_norm(nn.Conv2d(128, 128, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(channels, 128, 1)) if halves else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.outer(F.relu(self.inner(x if self.first else F.relu(x))))
        if self.halves:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return y + self.shortcut(x)


class Sum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x).sum((2, 3))


def resnet(problem: Problem) -> tuple[nn.Module, nn.Module]:
    channels = problem.shape[-1]
    first = nn.Linear(problem.latent_dim, 4 * 4 * 256)
    up = [UpBlock(256), UpBlock(256), UpBlock(256), nn.BatchNorm2d(256), nn.ReLU()]
    last = nn.Conv2d(256, channels, 3, padding=1)
    down = [DownBlock(channels, first=True, halves=True), DownBlock(128, halves=True)]
    down += [DownBlock(128), DownBlock(128)]
    head = [Sum(), spectral_norm(nn.Linear(128, 1)), nn.Flatten(0)]
    generator = nn.Sequential(first, nn.Unflatten(1, (256, 4, 4)), *up, last, nn.Tanh())
    return generator, nn.Sequential(*down, *head)


def wavegan(problem: Problem) -> tuple[nn.Module, nn.Module]:
    length, channels = problem.shape
    widths = [16 << stage for stage in range(round(math.log(length / 16, 4)))]
    down: list[nn.Module] = []
    for before, after in pairwise((channels, *widths)):
        down += [nn.Conv1d(before, after, 25, 4, 11), nn.LeakyReLU(0.2)]
    up: list[nn.Module] = [
        nn.Linear(problem.latent_dim, 16 * widths[-1]),
        nn.Unflatten(1, (widths[-1], 16)),
    ]
    for before, after in pairwise((*widths[::-1], channels)):
        up += [nn.ReLU(), nn.ConvTranspose1d(before, after, 25, 4, 11, 1)]
    head = [nn.Flatten(), nn.Linear(16 * widths[-1], 1), nn.Flatten(0)]
    return nn.Sequential(*up, nn.Tanh()), nn.Sequential(*down, *head)


NETS = {
    "mlp": mlp,
    "dcgan": dcgan,
    "resnet": resnet,
    "wavegan": wavegan,
    "cyclegan": torch_cyclegan.nets,
}


def work(case: Case, variant: str) -> Work:
    """What a case times: "eager", in "channels_last", or "compile" in the layout that suits it."""
    torch.manual_seed(0)
    torch.set_num_threads(threads())
    device, facts = torch.device("cpu"), {"device": "cpu"}
    finish, peak = (lambda: None), (lambda: 0)
    if torch.cuda.is_available():
        device, facts = torch.device("cuda"), {"device": torch.cuda.get_device_name()}
        finish, peak = torch.cuda.synchronize, torch.cuda.max_memory_allocated
        torch.set_float32_matmul_precision("high")  # TF32, as JAX has it by default
    maps = case.problem.family not in ("mlp", "wavegan")
    last = variant == "channels_last" or (variant == "compile" and maps)
    layout = torch.channels_last if last else torch.contiguous_format
    nets = [n.to(device, memory_format=layout) for n in NETS[case.problem.family](case.problem)]
    if case.samples:
        once = sampling(nets[0], case, device)
    else:
        train = torch_cyclegan.training if case.problem.family == "cyclegan" else training
        once = train(nets, case.problem, device, layout, compiled=variant == "compile")

    def run(calls: int) -> None:
        for _ in range(calls):
            once()
        finish()

    return Work(run, case.samples or 1, facts, peak)


def training(
    nets: list[nn.Module], problem: Problem, device: torch.device, layout: Any, compiled: bool
) -> Callable[[], None]:
    """A step; data rest on the device, the generator's pass serves both players."""
    averaged = copy.deepcopy(list(nets[0].parameters()))
    generator, discriminator = (torch.compile(n, dynamic=False) if compiled else n for n in nets)
    rate, *betas = problem.adam
    parameters = {net: list(net.parameters()) for net in (generator, discriminator)}
    optimizers = {net: torch.optim.Adam(p, rate, betas) for net, p in parameters.items()}
    images = torch.from_numpy(problem.examples()).to(device)
    if images.ndim == 4:
        images = images.permute(0, 3, 1, 2).contiguous(memory_format=layout)
    elif images.ndim == 3:
        images = images.permute(0, 2, 1).contiguous()
    order, position = torch.randperm(len(images), device=device), 0

    def judge_both(real: Tensor, fake: Tensor) -> list[Tensor]:
        if problem.family == "dcgan" and not problem.critic:  # batch statistics are not to mix
            return [discriminator(real), discriminator(fake)]
        return list(discriminator(torch.cat([real, fake])).chunk(2))

    def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
        on_real, on_fake = judge_both(real, fake)
        if problem.loss == "hinge":
            return (F.relu(1 - on_real) + F.relu(1 + on_fake)).mean()
        if problem.critic:
            return (on_fake - on_real).mean() + 10 * gradient_penalty(real, fake)
        return (F.softplus(-on_real) + F.softplus(on_fake)).mean()

    def gradient_penalty(real: Tensor, fake: Tensor) -> Tensor:
        epsilon = torch.rand(len(real), *(1,) * (real.ndim - 1), device=device)
        x = torch.lerp(real, fake, epsilon).requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
        return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()

    def generator_loss(fake: Tensor) -> Tensor:
        logits = discriminator(fake)
        return -logits.mean() if problem.loss == "hinge" else F.softplus(-logits).mean()

    def descend(net: nn.Module, loss: Tensor) -> None:
        optimizers[net].zero_grad()
        loss.backward(inputs=parameters[net])
        optimizers[net].step()

    def step() -> None:
        nonlocal position, order
        if position + problem.batch > len(order):
            order, position = torch.randperm(len(images), device=device), 0
        real = images[order[position : position + problem.batch]]
        position += problem.batch
        if real.dtype == torch.uint8:
            real = real.float() / 127.5 - 1
        elif real.dtype == torch.int16:
            real = real.float() / 32_768
        latent = torch.randn(problem.batch, problem.latent_dim, device=device)
        with torch.set_grad_enabled(not problem.critic):
            fake = generator(latent)
        descend(discriminator, discriminator_loss(real, fake.detach()))
        if not problem.critic:
            descend(generator, generator_loss(fake))
            with torch.no_grad():
                torch._foreach_lerp_(averaged, parameters[generator], 1 - EMA_DECAY)

    return step


def sampling(generator: nn.Module, case: Case, device: torch.device) -> Callable[[], None]:
    """Samples in evaluation mode, 250 at a time, to the host."""
    generator.eval()

    @torch.inference_mode()
    def draw() -> None:
        latents = torch.randn(case.samples, case.problem.latent_dim, device=device)
        torch.cat([generator(part).cpu() for part in latents.split(250)])

    return draw
