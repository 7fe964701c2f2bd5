"""The project's side of the benchmark: what a run does, through what a run calls."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from experiments.benchmark.cases import Case, Problem
from experiments.benchmark.worker import Work
from gan_jax import algorithms, data, loop, losses, nets, parallel, penalties, priors, sampling
from gan_jax.follow import MetricsLog
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.step import GameState, init_state
from gan_jax.train import Plan

_ENDLESS = 10**9  # steps


def make_nets(problem: Problem) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator."""
    side, channels = problem.shape[0], problem.shape[-1]
    if problem.family == "dcgan":
        discriminator = nets.dcgan.Discriminator(batch_norm=not problem.critic)
        return nets.dcgan.Generator(side, channels), discriminator
    if problem.family == "resnet":
        return nets.resnet.Generator(side, channels), nets.resnet.Discriminator()
    if problem.family == "cyclegan":
        return nets.residual.Translator(channels, 32, blocks=6), nets.patch.Discriminator(32)
    if problem.family == "wavegan":
        return nets.wavegan.Generator(side, channels, 16), nets.wavegan.Discriminator(16, shuffle=0)
    activation = nn.relu if problem.activation == "relu" else nets.mlp.leaky_relu
    final = nn.tanh if len(problem.shape) == 3 else None
    generator = nets.mlp.Generator(problem.shape, problem.hidden, activation, final)
    return generator, nets.mlp.Discriminator(problem.hidden, activation)


def make_game(problem: Problem) -> Game:
    """The game as a recipe would make it."""
    if problem.family == "cyclegan":
        return algorithms.cyclegan(*make_nets(problem), identity_weight=0.0)
    game = algorithms.gan(
        *make_nets(problem),
        prior=priors.normal(problem.latent_dim),
        loss=getattr(losses, problem.loss.upper()),
        penalties=[penalties.GradientPenalty(10.0)] if problem.critic else [],
    )
    return game._replace(turns=game.turns[:1]) if problem.critic else game


def columns(problem: Problem) -> tuple[str, ...]:
    """Of the game's batches."""
    return ("a", "b") if problem.family == "cyclegan" else ("x",)


def make_data(problem: Problem) -> data.Dataset:
    """Random examples, of either domain where there are two."""
    examples = data.ArrayDataset("random", "train", {"x": problem.examples()})
    domains = columns(problem)
    return data.unpaired(**dict.fromkeys(domains, examples)) if len(domains) > 1 else examples


def make_state(game: Game, problem: Problem, seed: int | jax.Array = 0) -> GameState:
    """The state before the first step."""
    adam = Adam(*problem.adam).build(_ENDLESS)
    optimizers = {turn.player: adam for turn in game.turns}
    batch = {column: jnp.zeros((2, *problem.shape)) for column in columns(problem)}
    return init_state(game, optimizers, jax.random.key(seed), batch)


def work(case: Case, variant: str) -> Work:
    """What a case times."""
    del variant
    if case.samples:
        return _sample(case)
    steps = Plan(steps_per_call=case.steps_per_call).resolved(jax.default_backend()).steps_per_call
    # So many virtual devices of a CPU; of accelerators, one.
    devices = jax.local_devices()[: case.devices if jax.default_backend() == "cpu" else 1]
    dataset, size = make_data(case.problem), case.problem.batch
    loaders = [
        data.make_loader(dataset, batch_size=size, steps_per_call=steps, seed=seed)
        for seed in range(case.seeds)
    ]
    play, of_one = _play, parallel.unreplicate
    if case.seeds > 1:
        play, of_one = _play_seeds, partial(parallel.member, index=0)
    calls = play(case, loaders, steps, devices)

    def run(count: int) -> None:
        log = MetricsLog(1)
        for _ in range(count):
            _, state, metrics = next(calls)
            log.add(0, of_one(metrics))
        jax.block_until_ready(state)

    return Work(run, steps * case.seeds, *on_device(devices[0]))


_Calls = Iterator[tuple[int, GameState, Any]]


def _play(
    case: Case, loaders: Sequence[data.Loader], steps: int, devices: Sequence[jax.Device]
) -> _Calls:
    """Training as `train.train` does it, less the looks."""
    game = make_game(case.problem)
    state = jax.jit(lambda: make_state(game, case.problem))()
    (loader,) = loaders
    return loop.play(game, state, loader, steps=_ENDLESS, steps_per_call=steps, devices=devices)


def _play_seeds(
    case: Case, loaders: Sequence[data.Loader], steps: int, devices: Sequence[jax.Device]
) -> _Calls:
    """The same of many seeds, as `train.train_together` does it."""
    game = make_game(case.problem)
    make = jax.jit(partial(make_state, game, case.problem))
    states = [make(seed) for seed in range(case.seeds)]
    kept = {name: player.tx for name, player in states[0].players.items()}
    run = loop.make_members_steps(game, lambda numbers: kept, loaders[0].fetch, devices)
    return loop.play_together(
        run,
        states,
        loaders,
        {},
        steps=_ENDLESS,
        steps_per_call=steps,
        devices=devices,
    )


def _sample(case: Case) -> Work:
    """Samples as `experiments.sample` draws them."""
    game = make_game(case.problem)
    players = jax.jit(lambda: make_state(game, case.problem).variables())()
    draw = sampling.sampler(game)

    def run(count: int) -> None:
        for call in range(count):
            draw(players, sampling.draw_inputs(game, jax.random.key(call), case.samples, {}))

    return Work(run, case.samples)


def on_device(device: jax.Device) -> tuple[dict[str, str], Callable[[], int]]:
    """The device's name, and its memory's high-water mark, which a CPU has none of."""
    peak = lambda: (device.memory_stats() or {}).get("peak_bytes_in_use", 0)
    return {"device": device.device_kind}, peak
