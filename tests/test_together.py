"""Runs that are trained together are those that are trained alone."""

import jax
import numpy as np
import pytest

from gan_jax import algorithms, data, nets, parallel, priors, step
from gan_jax.checkpoints import Checkpoints
from gan_jax.optimizers import Adam
from gan_jax.penalties import R1
from gan_jax.train import Member, Observers, Plan, train, train_together
from gan_jax.types import UserError
from gan_jax.writers import Writer, read_metrics

GAME = algorithms.gan(
    nets.mlp.Generator((2,), (8,), final=None),
    nets.mlp.Discriminator((8,)),
    prior=priors.normal(2),
    penalties=[R1(0.1, every=2)],
)
PLAYERS = ("generator", "discriminator")
RING = data.ring(64, seed=0)
RATES = {0: 1e-3, 1: 4e-3, 2: 1e-3, 3: 1e-3}  # by seed
PLAN = Plan(
    steps=8, batch_size=8, steps_per_call=2, log_every=4, sample_every=0, checkpoint_every=2
)
NOTHING = lambda players: (np.zeros((2, 2, 3), np.uint8), None, None)


def optimizers(numbers):
    return {n: Adam(1e-3, decay="cosine").build(PLAN.steps, **numbers[n]) for n in PLAYERS}


def begin(seed):
    """A run's state, loader and numbers."""
    numbers = {n: {"learning_rate": np.float32(RATES[seed])} for n in PLAYERS}
    state = step.init_state(
        GAME, optimizers(numbers), jax.random.key(seed), {"x": RING.columns["x"][:2]}
    )
    return state, data.make_loader(RING, batch_size=8, steps_per_call=2, seed=seed), numbers


@pytest.fixture
def members(tmp_path):
    """Of seeds, with what follows each in a folder of its own; the writers are closed."""
    writers = []

    def make(seeds, folder="together"):
        made = []
        for seed in seeds:
            workdir = tmp_path / folder / str(seed)
            checkpoints = Checkpoints(workdir / "checkpoints", keep=2)
            state, loader, numbers = begin(seed)
            if (
                restored := checkpoints.restore(jax.eval_shape(lambda state=state: state))
            ) is not None:
                _, state = restored
            writers.append(Writer(workdir, start_step=int(state.step), tensorboard=False))
            observers = Observers(checkpoints, writers[-1], NOTHING)
            made.append(Member(state, loader, numbers, observers))
        return made

    yield make
    for writer in writers:
        writer.close()


@pytest.mark.parametrize("at_once", [False, True])
def test_together_each_is_the_run_that_it_is_alone(
    at_once, members, tmp_path, monkeypatch, assert_trees_match
):
    if at_once:
        monkeypatch.setattr(parallel, "_one_by_one", parallel._at_once)
    ends = train_together(GAME, optimizers, members(RATES), PLAN, devices=jax.devices())
    for seed, end in enumerate(ends):
        state, loader, numbers = begin(seed)
        (alone,) = members([seed], folder="alone")
        state = state.replace(
            players={n: p.replace(tx=optimizers(numbers)[n]) for n, p in state.players.items()}
        )
        one = jax.devices()[:1]
        alone = train(GAME, state, loader, PLAN, alone.observers, devices=one)
        assert int(end.step) == PLAN.steps
        assert_trees_match(end.variables(), alone.variables(), rtol=1e-3)
        logs = [read_metrics(tmp_path / folder / str(seed)) for folder in ("together", "alone")]
        assert [row["step"] for row in logs[0]] == [4, 8]
        for row, other in zip(*logs, strict=True):
            assert row["generator/loss"] == pytest.approx(other["generator/loss"], rel=1e-4)


def test_one_that_diverges_stops_no_other_and_laggards_catch_up_bit_for_bit(members, monkeypatch):
    whole = train_together(GAME, optimizers, members(RATES, folder="whole"), PLAN)

    save = Checkpoints.save

    def save_or_die(self, done, *arguments):
        if done == 4 and "/2/" in str(self._directory):
            raise KeyboardInterrupt
        save(self, done, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_or_die)
        with pytest.raises(KeyboardInterrupt):
            train_together(GAME, optimizers, members(RATES), PLAN)
    again = members(RATES)
    assert [int(member.state.step) for member in again] == [4, 4, 2, 2]
    spoilt = jax.tree.map(lambda leaf: leaf * np.nan, again[1].state.players["generator"].params)
    player = again[1].state.players["generator"].replace(params=spoilt)
    state = again[1].state
    again[1] = again[1]._replace(
        state=state.replace(players={**state.players, "generator": player})
    )
    ends = train_together(GAME, optimizers, again, PLAN)
    assert isinstance(ends[1], UserError)
    assert "is nan" in str(ends[1])
    for seed in (0, 2, 3):
        for a, b in zip(
            jax.tree.leaves(ends[seed].variables()),
            jax.tree.leaves(whole[seed].variables()),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)


def test_steps_taken_are_multiples_of_those_of_a_call(members):
    plan = Plan(steps=1_000, log_every=100, sample_every=0, checkpoint_every=0)
    assert plan.resolved("gpu").steps_per_call == 100
    assert plan.resolved("gpu", 0, 130).steps_per_call == 10
    (one,) = members([0])
    behind = one._replace(state=one.state.replace(step=one.state.step + 1))
    with pytest.raises(UserError, match="has taken 1 steps, which is not a multiple"):
        train_together(GAME, optimizers, [behind], PLAN)
