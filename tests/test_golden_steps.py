"""Whole steps of four games against the same steps written plainly in PyTorch."""

import runpy
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.step import train_step

FOLDER = Path(__file__).parent / "golden"
CASE = runpy.run_path(str(FOLDER / "steps_case.py"))
TOLERANCE = 1.5e-5  # of a leaf's largest magnitude; 5e-6 was measured
VANISHED = 1e-9


def played(name):
    """What steps.npz holds of a game: `kind/path` to an array."""
    game = CASE["CASES"][name].game
    step = jax.jit(partial(train_step, game, ema_decay=CASE["EMA_DECAY"]))
    state, batches, history = CASE["start"](name), CASE["batches"](name), []
    for i in range(CASE["STEPS"]):
        state, metrics = step(state, {column: values[i] for column, values in batches.items()})
        history.append(metrics)
    stored = [m for m in history[0] if m.endswith(("/loss", "/gradient_norm"))]
    players = state.players.items()
    return CASE["flat"](
        {
            "parameters": {n: {"params": p.params} for n, p in players},
            "statistics": {n: p.stats for n, p in players},
            "averages": {n: p.ema for n, p in players},
            "metrics": {m: np.stack([metrics[m] for metrics in history]) for m in stored},
        }
    )


@pytest.mark.parametrize("name", CASE["CASES"])
def test_five_steps_lead_where_those_of_pytorch_do(name):
    with np.load(FOLDER / "steps.npz") as golden:
        prefix = f"{name}/"
        expected = {n.removeprefix(prefix): golden[n] for n in golden if n.startswith(prefix)}
    actual = played(name)
    assert set(actual) == set(expected)
    for path, values in expected.items():
        largest = np.max(np.abs(values))
        # A bias ahead of batch normalisation has no gradient: Adam moves it by rounding errors.
        atol = TOLERANCE * (largest if largest > VANISHED else 0.05)
        np.testing.assert_allclose(
            actual[path], values, rtol=0, atol=atol, err_msg=path, strict=True
        )
