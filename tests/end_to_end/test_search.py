"""A search for the best setting of a sweep; one that is killed goes on with what it had begun."""

import re
import signal
import time

import pytest

from experiments import sweeps
from gan_jax.ranges import Range
from gan_jax.types import UserError

SWEEP = """
from gan_jax.ranges import Range
BASE = "configs/points/gan.py:ring"
SEEDS = (1, 2)
OVERRIDES = {"steps": 40, "steps_per_call": 2, "batch_size": 8, "log_every": 20,
             "sample_every": 0, "evaluate_every": 40, "evaluate_count": 100, "checkpoint_every": 4}
FIGURES = ("samples/modes", "samples/reverse_kl")
AXES = {"r1": Range(0.1, 10.0, log=True), "net.hidden": ((8,), (4, 4)), "batch_size": (8, -1)}
DRAW_SEED = 2
OBJECTIVE, DIRECTION = "samples/reverse_kl", "minimize"
"""


def test_a_search_that_is_killed_goes_on_to_the_table_of_one_that_is_not(script, tmp_path):
    pytest.importorskip("optuna", reason="no Optuna, of the extra search")
    sweep, whole, broken = tmp_path / "sweep.py", tmp_path / "whole", tmp_path / "broken"
    sweep.write_text(SWEEP)
    command = ["search", f"--sweep={sweep}", "--trials=3"]
    done = script(*command, f"--workdir={whole}")
    assert done.returncode == 0, done.err
    *rows, _, best = done.out.splitlines()[2:]
    assert [re.match(r"\| trial (\d), r1=[\d.]+, net.hidden=\(", row)[1] for row in rows] == list(
        "012"
    )
    failed = [i for i, row in enumerate(rows) if row.endswith("2, 2 |")]
    assert 0 < len(failed) < 3
    value = lambda row: float(row.split("|")[3].split()[0])
    lowest = min((row for i, row in enumerate(rows) if i not in failed), key=value)
    assert f"| {re.search('The best of [12]: (.*), samples/reverse_kl', best)[1]} |" in lowest

    process = script(*command, f"--workdir={broken}", wait=False)
    while not any(broken.glob("trial_*/*/seed_2/checkpoints/8")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    again = script(*command, f"--workdir={broken}")
    assert again.returncode == 0, again.err
    assert again.out == done.out
    assert script(*command, f"--workdir={broken}").out == done.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AXES": None}, "no AXES, which a search needs"),
        ({"OBJECTIVE": "b"}, "OBJECTIVE 'b' is none of a"),
        ({"DIRECTION": "up"}, "'minimize' or 'maximize'"),
    ],
)
def test_a_sweep_that_cannot_be_searched_is_refused(change, said):
    sweep = {"BASE": "", "SEEDS": (0,), "AXES": {}, "FIGURES": ("a",), "OBJECTIVE": "a"}
    sweep = {**sweep, "DIRECTION": "minimize", **change}
    with pytest.raises(UserError, match=said):
        sweeps.searchable({name: value for name, value in sweep.items() if value is not None})


def test_parameters_stand_for_a_setting():
    axes = {"rate": Range(1e-4, 1e-2), "hidden": ((8,), (4, 4))}
    assert sweeps.setting_of(axes, {"rate": 0.00123456, "hidden": "(4, 4)"}) == {
        "rate": 0.001235,
        "hidden": (4, 4),
    }
