"""The same games in PyTorch, as its users write them: the modules, Adam, autograd."""
# ruff: noqa: D101, D102

import copy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its users call it so
from torch.nn.utils.parametrizations import spectral_norm

from experiments.benchmark.cases import Problem, threads
from experiments.benchmark.worker import Work

EMA_DECAY = 0.999


def mlp(problem: Problem) -> tuple[nn.Module, nn.Module]:
    def layers(inputs: int, outputs: int) -> list[nn.Module]:
        widths = [inputs, *problem.hidden]
        relu = problem.activation == "relu"
        made: list[nn.Module] = []
        for before, after in pairwise(widths):
            made += [nn.Linear(before, after), nn.ReLU() if relu else nn.LeakyReLU(0.2)]
        return [*made, nn.Linear(widths[-1], outputs)]

    channels_first = problem.shape[-1:] + problem.shape[:-1]
    pixels = torch.Size(channels_first).numel()
    last = [nn.Tanh()] if len(problem.shape) == 3 else []
    shape = nn.Unflatten(1, channels_first)
    generator = nn.Sequential(*layers(problem.latent_dim, pixels), shape, *last)
    return generator, nn.Sequential(nn.Flatten(), *layers(pixels, 1), nn.Flatten(0))


def dcgan(problem: Problem) -> tuple[nn.Module, nn.Module]:
    side, _, channels = problem.shape
    base = 7 if side % 7 == 0 else 4
    stages = (side // base).bit_length() - 1
    widths = [problem.width << stage for stage in range(stages)]
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
        norm = [nn.BatchNorm2d(after)] if problem.batch_norm else []
        convolution = nn.Conv2d(before, after, 4, 2, 1, bias=not problem.batch_norm)
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
    def __init__(self, channels: int, features: int, *, first: bool, halves: bool) -> None:
        super().__init__()
        self.first, self.halves = first, halves
        middle = features if first else channels
        self.inner = spectral_norm(nn.Conv2d(channels, middle, 3, padding=1))
        self.outer = spectral_norm(nn.Conv2d(middle, features, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(channels, features, 1)) if halves else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.outer(F.relu(self.inner(x if self.first else F.relu(x))))
        if self.halves:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return y + (x if self.shortcut is None else self.shortcut(x))


class Sum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x).sum((2, 3))


def resnet(problem: Problem) -> tuple[nn.Module, nn.Module]:
    channels = problem.shape[-1]
    generator = nn.Sequential(
        nn.Linear(problem.latent_dim, 4 * 4 * 256),
        nn.Unflatten(1, (256, 4, 4)),
        *(UpBlock(256) for _ in range(3)),
        nn.BatchNorm2d(256),
        nn.ReLU(),
        nn.Conv2d(256, channels, 3, padding=1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        DownBlock(channels, 128, first=True, halves=True),
        DownBlock(128, 128, first=False, halves=True),
        DownBlock(128, 128, first=False, halves=False),
        DownBlock(128, 128, first=False, halves=False),
        Sum(),
        spectral_norm(nn.Linear(128, 1)),
        nn.Flatten(0),
    )
    return generator, discriminator


NETS = {"mlp": mlp, "dcgan": dcgan, "resnet": resnet}


def prepare(channels_last: bool) -> tuple[torch.device, dict[str, Any]]:
    """The device and how nets lie on it."""
    torch.manual_seed(0)
    torch.set_num_threads(threads())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32, as JAX has it by default
    layout = torch.channels_last if channels_last else torch.preserve_format
    return device, {"device": device, "memory_format": layout}


def on_device(device: torch.device) -> tuple[dict[str, str], Any]:
    """The device's name and its memory's high-water mark."""
    if device.type == "cpu":
        return {"device": "cpu"}, lambda: 0
    return {"device": torch.cuda.get_device_name(device)}, torch.cuda.max_memory_allocated


def finish(device: torch.device) -> None:
    """Waits for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def train(problem: Problem, channels_last: bool = False, compiled: bool = False) -> Work:
    """Training; data rest on the device, the generator's pass serves both players."""
    device, layout = prepare(channels_last)
    nets = generator, discriminator = [net.to(**layout) for net in NETS[problem.family](problem)]
    averaged = copy.deepcopy(list(generator.parameters()))
    if compiled:
        generator, discriminator = (torch.compile(n, dynamic=False) for n in nets)
    rate, *betas = problem.adam.values()
    parameters = {net: list(net.parameters()) for net in (generator, discriminator)}
    optimizers = {net: torch.optim.Adam(p, rate, betas) for net, p in parameters.items()}

    images = torch.from_numpy(problem.examples()).to(device)
    if images.ndim == 4:
        images = images.permute(0, 3, 1, 2).contiguous().to(**layout)
    order = torch.randperm(len(images), device=device)
    position = 0

    def judge_both(real: Tensor, fake: Tensor) -> list[Tensor]:
        if problem.family == "dcgan" and problem.batch_norm:  # its statistics are not to mix
            return [discriminator(real), discriminator(fake)]
        return list(discriminator(torch.cat([real, fake])).chunk(2))

    def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
        on_real, on_fake = judge_both(real, fake)
        if problem.loss == "hinge":
            return (F.relu(1 - on_real) + F.relu(1 + on_fake)).mean()
        if problem.loss == "wasserstein":
            return (on_fake - on_real).mean() + 10 * gradient_penalty(real, fake)
        return (F.softplus(-on_real) + F.softplus(on_fake)).mean()

    def gradient_penalty(real: Tensor, fake: Tensor) -> Tensor:
        epsilon = torch.rand(len(real), 1, 1, 1, device=device)
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
        latent = torch.randn(problem.batch, problem.latent_dim, device=device)
        with torch.set_grad_enabled(not problem.critic_only):
            fake = generator(latent)
        descend(discriminator, discriminator_loss(real, fake.detach()))
        if not problem.critic_only:
            descend(generator, generator_loss(fake))
            with torch.no_grad():
                torch._foreach_lerp_(averaged, parameters[generator], 1 - EMA_DECAY)

    def run(calls: int) -> None:
        for _ in range(calls):
            step()
        finish(device)

    return Work(run, 1, *on_device(device))


def conv_transpose(problem: Problem, channels_last: bool = False) -> Work:
    """Forward and backward of the generator's transposed convolutions."""
    device, layout = prepare(channels_last)
    widths = [problem.width * 4, problem.width * 2, problem.width, problem.shape[-1]]
    layers = [nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise(widths)]
    net = nn.Sequential(*layers).to(**layout)
    x = torch.randn(problem.batch, widths[0], 4, 4).to(**layout).requires_grad_()

    def run(calls: int) -> None:
        for _ in range(calls):
            torch.autograd.grad((net(x) ** 2).mean(), [x, *net.parameters()])
        finish(device)

    return Work(run, 1, *on_device(device))


def sample(problem: Problem, count: int, channels_last: bool = False) -> Work:
    """Samples in evaluation mode, 250 at a time, to the host."""
    device, layout = prepare(channels_last)
    generator = NETS[problem.family](problem)[0].to(**layout).eval()

    def run(calls: int) -> None:
        with torch.inference_mode():
            for _ in range(calls):
                latents = torch.randn(count, problem.latent_dim, device=device)
                torch.cat([generator(part).cpu() for part in latents.split(250)])

    return Work(run, count, *on_device(device))
