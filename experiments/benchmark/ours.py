"""The project's side of the benchmark: what a run does, through what a run calls."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from experiments.benchmark.cases import Problem
from experiments.benchmark.worker import Work
from gan_jax import algorithms, data, evaluation, layers, losses, nets, parallel, penalties
from gan_jax.checkpoints import Checkpoints
from gan_jax.data.dataset import RESIDENT_LIMIT
from gan_jax.game import Game, GameState, init_state, train_step
from gan_jax.optimizers import Adam
from gan_jax.train import Ledger, Plan


def make_game(problem: Problem) -> Game:
    """The game as a recipe would make it."""
    generator: nn.Module
    discriminator: nn.Module
    if problem.family == "mlp":
        activation = {"relu": nn.relu, "leaky_relu": nets.mlp.leaky_relu}[problem.activation]
        final = nn.tanh if len(problem.shape) == 3 else None
        generator = nets.mlp.Generator(problem.shape, problem.hidden, activation, final)
        discriminator = nets.mlp.Discriminator(problem.hidden, activation)
    elif problem.family == "dcgan":
        side, _, channels = problem.shape
        generator = nets.dcgan.Generator(side, channels, problem.width)
        discriminator = nets.dcgan.Discriminator(problem.width, problem.batch_norm)
    else:
        generator = nets.resnet.Generator(problem.shape[0], problem.shape[-1])
        discriminator = nets.resnet.Discriminator()
    game = algorithms.gan(
        generator,
        discriminator,
        latent_dim=problem.latent_dim,
        loss={
            "non_saturating": losses.NON_SATURATING,
            "hinge": losses.HINGE,
            "wasserstein": losses.WASSERSTEIN,
        }[problem.loss],
        penalties=[lambda *arguments: 10 * penalties.gradient_penalty(*arguments)]
        if problem.loss == "wasserstein"
        else [],
    )
    return game._replace(turns=game.turns[:1]) if problem.critic_only else game


def make_state(game: Game, problem: Problem, seed: int | jax.Array = 0) -> GameState:
    """The state before the first step."""
    adam = Adam(problem.adam["rate"], problem.adam["beta1"], problem.adam["beta2"]).build(10**6)
    optimizers: dict[str, optax.GradientTransformation] = {
        "generator": adam,
        "discriminator": adam,
    }
    batch = {"x": jnp.zeros((2, *problem.shape))}
    return init_state(game, optimizers, jax.random.key(seed), batch)


def train(problem: Problem, steps_per_call: int = 0, devices: int = 1) -> Work:
    """Training as `train.train` does it, less the looks; 0 steps a call are the back end's."""
    plan = Plan(steps_per_call=steps_per_call).resolved(jax.default_backend())
    game, on = make_game(problem), _first(devices)
    step = partial(train_step, turns=game.turns, prepare=game.prepare, axis_name=parallel.AXIS)
    state = parallel.replicate(jax.jit(lambda: make_state(game, problem))(), on)
    return _play(step, state, _loader(problem, plan.steps_per_call), on, plan.steps_per_call)


def train_seeds(problem: Problem, steps_per_call: int, seeds: int, devices: int = 1) -> Work:
    """The same of many seeds at once: dealt out to the devices by pmap, on each by vmap."""
    game, on = make_game(problem), _first(devices)
    share = seeds // len(on)
    step = jax.vmap(partial(train_step, turns=game.turns, prepare=game.prepare), in_axes=(0, 1))

    def step_all(state: GameState, batch: Any) -> Any:
        # [repeats, share * B, ...] to [repeats, share, B, ...]
        split = lambda leaf: leaf.reshape(leaf.shape[0], share, -1, *leaf.shape[2:])
        return step(state, jax.tree.map(split, batch))

    make = jax.pmap(jax.vmap(partial(make_state, game, problem)), devices=on)
    state = make(jnp.arange(seeds).reshape(len(on), share))
    loader = _loader(problem, steps_per_call, batches=seeds)
    return _play(step_all, state, loader, on, steps_per_call * seeds)


def _first(count: int) -> Sequence[jax.Device]:
    """So many virtual devices of a CPU; of accelerators, one."""
    return jax.local_devices()[: count if jax.default_backend() == "cpu" else 1]


def _play(
    step: Callable[..., Any],
    state: GameState,
    loader: data.Loader,
    on: Sequence[jax.Device],
    units: int,
) -> Work:
    """What `train.train` does call by call; the state is laid out over the devices."""
    play = parallel.compile_play(step, loader.fetch, on)
    items = loader.items(0)
    resident = parallel.replicate(loader.resident, on)

    def run(calls: int) -> None:
        nonlocal state
        ledger = Ledger(1)
        for _ in range(calls):
            item = parallel.shard(next(items), len(on))
            state, metrics = play(state, resident, item)
            ledger.add(0, metrics)
        jax.block_until_ready(state)

    return Work(run, units, *on_device(on[0]))


def on_device(device: jax.Device) -> tuple[dict[str, str], Callable[[], int]]:
    """The device's name, and its memory's high-water mark, which a CPU has none of."""
    peak = lambda: (device.memory_stats() or {}).get("peak_bytes_in_use", 0)
    return {"device": device.device_kind}, peak


def _loader(
    problem: Problem, steps_per_call: int, batches: int = 1, limit: int = RESIDENT_LIMIT
) -> data.Loader:
    return data.make_loader(
        data.ArrayDataset("random", "train", {"x": problem.examples()}),
        batch_size=problem.batch * batches,
        steps_per_call=steps_per_call,
        seed=0,
        resident_limit=limit,
    )


def conv_transpose(problem: Problem) -> Work:
    """Forward and backward of the generator's transposed convolutions, without what is between."""
    return time_conv_transpose(problem, layers.ConvTranspose)


def time_conv_transpose(problem: Problem, layer: Any) -> Work:
    """The same for any such layer."""
    width, channels = problem.width, problem.shape[-1]
    net = nn.Sequential([layer(f, (4, 4), (2, 2)) for f in (2 * width, width, channels)])
    x = jax.random.normal(jax.random.key(0), (problem.batch, 4, 4, 4 * width))
    params = net.init(jax.random.key(1), x)
    gradient = jax.jit(jax.grad(lambda p, x: jnp.mean(net.apply(p, x) ** 2), argnums=(0, 1)))

    def run(calls: int) -> None:
        for _ in range(calls):
            result = gradient(params, x)
        jax.block_until_ready(result)

    return Work(run, 1, *on_device(x.device))


def sample(problem: Problem, count: int) -> Work:
    """Samples as `experiments.sample` draws them."""
    game = make_game(problem)
    players = jax.jit(lambda: make_state(game, problem).variables())()
    draw = parallel.spread(game.sample, evaluation.DRAW_SIZE)

    def run(calls: int) -> None:
        for call in range(calls):
            draw(players, evaluation.draw_inputs(game, jax.random.key(call), count, {}))

    return Work(run, count)


def save(problem: Problem) -> Work:
    """Saves the state, as a run does."""
    state, checkpoints = _checkpoints(problem)
    step = 0

    def run(calls: int) -> None:
        nonlocal step
        for _ in range(calls):
            step += 1
            checkpoints.save(step, state)

    return Work(run, _megabytes(state))


def restore(problem: Problem) -> Work:
    """Restores the state, as a resumed run does."""
    state, checkpoints = _checkpoints(problem)
    checkpoints.save(1, state)

    def run(calls: int) -> None:
        for _ in range(calls):
            checkpoints.restore(state)

    return Work(run, _megabytes(state))


def _checkpoints(problem: Problem) -> tuple[GameState, Checkpoints]:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    state = jax.jit(lambda: make_state(make_game(problem), problem))()
    return state, Checkpoints(Path(folder) / "checkpoints", keep=1)


def _megabytes(state: GameState) -> float:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(state)) / 1e6


def read(problem: Problem, resident: bool) -> Work:
    """Batches on their way to a step, from the device's memory or the host's."""
    steps = 10
    loader = _loader(problem, steps, limit=RESIDENT_LIMIT if resident else 0)
    on = jax.device_put(loader.resident)
    items = loader.items(0)
    fetch = jax.jit(
        lambda on, item: loader.fetch(on, jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), item))
    )

    def run(calls: int) -> None:
        for _ in range(calls):
            batch = fetch(on, next(items))
        jax.block_until_ready(batch)

    return Work(run, steps * problem.batch)
