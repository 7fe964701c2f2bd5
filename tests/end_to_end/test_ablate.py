"""A sweep is trained, scored and tabled; what failed is counted, what is done is not done again."""

import re

import pytest

from experiments import sweeps
from gan_jax.types import UserError

SWEEP = """
BASE = "configs/points/gan.py:ring"
SEEDS = (1,)
OVERRIDES = {"steps": 2, "steps_per_call": 2, "batch_size": 8, "log_every": 2, "net.hidden": (8,),
             "sample_every": 0, "evaluate_every": 0, "checkpoint_every": 2}
EVALUATE = {"count": 100}
SETTINGS = {"plain": {"r1": 0.0}, "too fast": {"generator.learning_rate": -1.0}}
"""


def test_a_sweep_is_one_table_of_means_over_seeds(script, tmp_path):
    sweep, workdir = tmp_path / "sweep.py", tmp_path / "runs"
    sweep.write_text(SWEEP)
    done = script("ablate", f"--sweep={sweep}", f"--workdir={workdir}")
    assert done.returncode == 0, done.err
    assert "too fast, seed 1: error: learning_rate -1.0" in done.err + done.out
    header, _, plain, failed = (workdir / "table.md").read_text().splitlines()
    assert header == "| setting | fid | kid | precision | recall | seeds, failed |"
    number = r"-?[\d.e+-]+"
    assert re.fullmatch(rf"\| plain \|( {number} \|){{4}} 1, 0 \|", plain)
    assert failed == "| too fast | - | - | - | - | 1, 1 |"
    assert (workdir / "table.md").read_text() in done.out
    assert len(list(workdir.glob("*/seed_1"))) == 2
    record = workdir / "plain" / "seed_1" / "evaluation.json"
    kept = record.stat().st_mtime_ns
    again = script("ablate", f"--sweep={sweep}", f"--workdir={workdir}")
    assert again.out.endswith((workdir / "table.md").read_text())
    assert record.stat().st_mtime_ns == kept


def test_the_table_has_means_and_deviations_of_what_did_not_fail():
    score = lambda fid: {"fid": fid, "kid": 0.1, "precision": 0.5, "recall": 0.5}
    text = sweeps.table({"a": [score(1.0), None, score(3.0)], "b": [None]})
    _, _, first, second = text.splitlines()
    assert first == "| a | 2 ± 1 | 0.1 ± 0 | 0.5 ± 0 | 0.5 ± 0 | 3, 1 |"
    assert second == "| b | - | - | - | - | 1, 1 |"


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"BASE": "", "SEEDS": (0,)}, "no SETTINGS"),
        ({"BASE": "", "SEEDS": (0,), "SETTINGS": {"a b": {}, "a, b": {}}}, "share the folder a_b"),
    ],
)
def test_a_sweep_that_cannot_be_told_apart_is_refused(sweep, said, tmp_path):
    with pytest.raises(UserError, match=said):
        sweeps.members_of(sweep, tmp_path)


def test_settings_that_differ_by_a_sign_have_folders_of_their_own(tmp_path):
    sweep = {"BASE": "", "SEEDS": (0,), "SETTINGS": {"r1=1": {}, "r1=-1": {}, "r1=0.1": {}}}
    assert len({member.workdir for member in sweeps.members_of(sweep, tmp_path)}) == 3
