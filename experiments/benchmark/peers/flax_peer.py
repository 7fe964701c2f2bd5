"""The same games in plain Flax, as its users write them: linen's layers, optax, a jitted step."""
# ruff: noqa: D101, D102

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState

from experiments.benchmark.cases import Case, Problem
from experiments.benchmark.ours import make_nets, on_device
from experiments.benchmark.worker import Work

EMA_DECAY = 0.999

_normal = nn.initializers.normal(0.02)
leaky_relu = partial(nn.leaky_relu, negative_slope=0.2)


def norm(x: jax.Array, train: bool) -> jax.Array:
    return nn.BatchNorm(not train, momentum=0.9)(x)


class DCGANGenerator(nn.Module):
    problem: Problem

    @nn.compact
    def __call__(self, z: jax.Array, train: bool = True) -> jax.Array:
        base, widths = self.problem.base, self.problem.widths
        x = nn.Dense(base * base * widths[-1], use_bias=False, kernel_init=_normal)(z)
        x = nn.relu(norm(x.reshape(-1, base, base, widths[-1]), train))
        up = partial(nn.ConvTranspose, kernel_size=(4, 4), strides=(2, 2), kernel_init=_normal)
        for features in widths[-2::-1]:
            x = nn.relu(norm(up(features, use_bias=False)(x), train))
        return nn.tanh(up(self.problem.shape[-1])(x))


class DCGANDiscriminator(nn.Module):
    problem: Problem

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        for stage, features in enumerate(self.problem.widths):
            normalise = stage > 0 and not self.problem.critic
            x = nn.Conv(features, (4, 4), 2, use_bias=not normalise, kernel_init=_normal)(x)
            x = leaky_relu(norm(x, train) if normalise else x)
        return nn.Dense(1, kernel_init=_normal)(x.reshape(x.shape[0], -1))


def upsample(x: jax.Array) -> jax.Array:
    b, h, w, c = x.shape
    return jax.image.resize(x, (b, 2 * h, 2 * w, c), "nearest")


class ResNetGenerator(nn.Module):
    problem: Problem

    @nn.compact
    def __call__(self, z: jax.Array, train: bool = True) -> jax.Array:
        x = nn.Dense(4 * 4 * 256)(z).reshape(-1, 4, 4, 256)
        for _ in range(3):
            y = nn.Conv(256, (3, 3), use_bias=False)(upsample(nn.relu(norm(x, train))))
            y = nn.Conv(256, (3, 3))(nn.relu(norm(y, train)))
            x = y + upsample(nn.Conv(256, (1, 1))(x))
        return nn.tanh(nn.Conv(self.problem.shape[-1], (3, 3))(nn.relu(norm(x, train))))


class ResNetDiscriminator(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        def conv(x: jax.Array, kernel: int) -> jax.Array:
            return nn.SpectralNorm(nn.Conv(128, (kernel, kernel)))(x, update_stats=train)

        for i in range(4):
            y = conv(nn.relu(conv(x if i == 0 else nn.relu(x), 3)), 3)
            if i < 2:
                x, y = (nn.avg_pool(v, (2, 2), (2, 2)) for v in (x, y))
                x = conv(x, 1)
            x = x + y
        return nn.SpectralNorm(nn.Dense(1))(nn.relu(x).sum((1, 2)), update_stats=train)


def nets(problem: Problem) -> tuple[nn.Module, nn.Module]:
    if problem.family == "dcgan":
        return DCGANGenerator(problem), DCGANDiscriminator(problem)
    if problem.family == "resnet":
        return ResNetGenerator(problem), ResNetDiscriminator()
    return make_nets(problem)  # plain Flax as they are


class Player(TrainState):
    batch_stats: Any

    def forward(self, params: Any, x: jax.Array) -> tuple[jax.Array, Any]:
        variables = {"params": params, "batch_stats": self.batch_stats}
        y, new = self.apply_fn(variables, x, mutable=["batch_stats"])
        return y, new.get("batch_stats", {})


def player(net: nn.Module, x: jax.Array, problem: Problem) -> Player:
    variables = net.init(jax.random.key(0), x)
    return Player.create(
        apply_fn=net.apply,
        params=variables["params"],
        tx=optax.adam(*problem.adam),
        batch_stats=variables.get("batch_stats", {}),
    )


def make_step(problem: Problem) -> Any:
    hinge = problem.loss == "hinge"

    def d_loss(params: Any, d: Player, real: jax.Array, fake: jax.Array, key: jax.Array) -> Any:
        if problem.family == "dcgan" and not problem.critic:  # batch statistics are not to mix
            on_real, stats = d.forward(params, real)
            on_fake, stats = d.replace(batch_stats=stats).forward(params, fake)
        else:
            logits, stats = d.forward(params, jnp.concatenate([real, fake]))
            on_real, on_fake = jnp.split(logits, 2)
        if hinge:
            return jnp.mean(nn.relu(1 - on_real) + nn.relu(1 + on_fake)), stats
        if problem.critic:
            epsilon = jax.random.uniform(key, (len(real), 1, 1, 1))
            x = real + epsilon * (fake - real)
            gradient = jax.grad(lambda x: d.forward(params, x)[0].sum())(x)
            length = jnp.sqrt(jnp.sum(gradient**2, axis=(1, 2, 3)) + 1e-12)
            return jnp.mean(on_fake - on_real) + 10 * jnp.mean((length - 1) ** 2), stats
        return jnp.mean(nn.softplus(-on_real) + nn.softplus(on_fake)), stats

    def g_loss(params: Any, g: Player, d: Player, z: jax.Array) -> Any:
        fake, stats = g.forward(params, z)
        logits, _ = d.forward(d.params, fake)
        return (-jnp.mean(logits) if hinge else jnp.mean(nn.softplus(-logits))), stats

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(g: Player, d: Player, ema: Any, images: jax.Array, index: Any, key: jax.Array) -> Any:
        real = images[index]
        if real.dtype == jnp.uint8:
            real = real.astype(jnp.float32) / 127.5 - 1
        z_key, key = jax.random.split(jax.random.fold_in(key, d.step))
        z = jax.random.normal(z_key, (len(real), problem.latent_dim))
        fake, _ = g.forward(g.params, z)
        grads, stats = jax.grad(d_loss, has_aux=True)(d.params, d, real, fake, key)
        d = d.apply_gradients(grads=grads, batch_stats=stats)
        if not problem.critic:
            grads, stats = jax.grad(g_loss, has_aux=True)(g.params, g, d, z)
            g = g.apply_gradients(grads=grads, batch_stats=stats)
            ema = optax.incremental_update(g.params, ema, 1 - EMA_DECAY)
        return g, d, ema

    return step


def work(case: Case, variant: str) -> Work:
    """Training, one step a call; data rest on the device."""
    del variant
    if case.samples:
        return sample(case)
    problem = case.problem
    generator, discriminator = nets(problem)
    g = player(generator, jnp.zeros((2, problem.latent_dim)), problem)
    d = player(discriminator, jnp.zeros((2, *problem.shape)), problem)
    ema = jax.tree.map(jnp.copy, g.params)
    images, key = jnp.asarray(problem.examples()), jax.random.key(0)
    step, position = make_step(problem), 0
    order = np.random.default_rng(0).permutation(len(images))

    def run(calls: int) -> None:
        nonlocal g, d, ema, position
        for _ in range(calls):
            position = (position + problem.batch) % (len(images) - problem.batch + 1)
            g, d, ema = step(g, d, ema, images, order[position : position + problem.batch], key)
        jax.block_until_ready(d.params)

    return Work(run, 1, *on_device(images.device))


def sample(case: Case) -> Work:
    """Samples in evaluation mode, 250 at a time, to the host."""
    count, width = case.samples, case.problem.latent_dim
    generator, _ = nets(case.problem)
    variables = generator.init(jax.random.key(0), jnp.zeros((2, width)))
    draw = jax.jit(lambda z: generator.apply(variables, z, train=False))

    def run(calls: int) -> None:
        for call in range(calls):
            latents = jax.random.normal(jax.random.key(call), (count, width))
            parts = (latents[start : start + 250] for start in range(0, count, 250))
            np.concatenate([jax.device_get(draw(part)) for part in parts])

    return Work(run, count)
