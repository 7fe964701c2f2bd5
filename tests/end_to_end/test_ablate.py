"""A sweep is trained, scored and tabled; what failed is counted, what is done is not done again."""

import csv
import json
import re
import signal
import time

import numpy as np
import pytest

from experiments import recipes, sweeps, together
from experiments.sweeps import Member, Outcome
from gan_jax.ranges import Range
from gan_jax.types import UserError
from gan_jax.writers import read_metrics

SWEEP = """
BASE = "configs/points/gan.py:ring"
SEEDS = (1, 2)
OVERRIDES = {"steps": 40, "steps_per_call": 2, "batch_size": 8, "log_every": 2, "net.hidden": (8,),
             "sample_every": 0, "evaluate_every": 40, "evaluate_count": 100, "checkpoint_every": 4}
FIGURES = ("samples/modes", "samples/reverse_kl")
SETTINGS = {"plain": {"r1": 0.0}, "fast": {"r1": 0.0, "generator.learning_rate": 5e-3},
            "too fast": {"r1": 0.0, "generator.learning_rate": 1e30}, "weightless": {"r1": -1.0}}
"""


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "sweep.py"
    path.write_text(SWEEP)
    return path


def test_a_sweep_that_is_killed_goes_on_to_the_table_of_one_that_is_not(sweep, script, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = script("ablate", f"--sweep={sweep}", f"--workdir={whole}")
    assert done.returncode == 0, done.err
    table = (whole / "table.md").read_text()
    assert table in done.out
    assert "weight -1.0 of r1" in (whole / "report.html").read_text()
    header, _, plain, fast, *failed = table.splitlines()
    assert header == "| setting | samples/modes | samples/reverse_kl | seeds, failed |"
    number = r"-?[\d.e+-]+ ± [\d.e+-]+"
    for line, name in ((plain, "plain"), (fast, "fast")):
        assert re.fullmatch(rf"\| {name} \|( {number} \|){{2}} 2, 0 \|", line), line
    assert plain.split("|")[2:] != fast.split("|")[2:]
    assert failed == ["| too fast | - | - | 2, 2 |", "| weightless | - | - | 2, 2 |"]
    with (whole / "table.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["seed"] for line in lines] == ["1", "2"] * 4
    assert "is nan" in lines[4]["failure"] or "is inf" in lines[4]["failure"]
    assert "weight -1.0 of r1" in lines[6]["failure"]
    assert [row["step"] for row in read_metrics(whole / "fast" / "seed_2")][-1] == 40

    process = script("ablate", f"--sweep={sweep}", f"--workdir={broken}", wait=False)
    newest = broken / "fast" / "seed_2" / "checkpoints" / "8"
    while not newest.exists() and process.poll() is None:
        time.sleep(0.05)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert not (broken / "table.md").exists()
    again = script("ablate", f"--sweep={sweep}", f"--workdir={broken}")
    assert again.returncode == 0, again.err
    assert (broken / "table.md").read_text() == table

    record = broken / "plain" / "seed_1" / "member.json"
    kept = record.stat().st_mtime_ns
    once_more = script("ablate", f"--sweep={sweep}", f"--workdir={broken}")
    assert once_more.out == table
    assert record.stat().st_mtime_ns == kept


def test_a_dry_run_tells_members_and_their_cost_and_does_nothing(sweep, script, tmp_path):
    sweep.write_text(SWEEP.replace(', "weightless": {"r1": -1.0}', ""))
    done = script("ablate", f"--sweep={sweep}", f"--workdir={tmp_path / 'none'}", "--dry_run")
    assert done.returncode == 0, done.err
    assert re.match(r"group 0, 6 together: [\d.e+-]+ minutes of steps\n  plain, seed 1\n", done.out)
    assert re.search(r"\n6 members, [\d.e+-]+ minutes in all", done.out)
    assert not (tmp_path / "none").exists()


def test_a_cost_is_told_of_runs_that_come_to_the_bound(sweep, script, tmp_path):
    of_two = 'COST = ("samples/modes", 8)\nSETTINGS = {"seen": {}, "unseen": {"evaluate_every": 0}}'
    sweep.write_text(SWEEP.partition("FIGURES")[0].replace("(1, 2)", "(1,)") + of_two)
    done = script("ablate", f"--sweep={sweep}", f"--workdir={tmp_path / 'cost'}")
    assert done.returncode == 0, done.err
    header, _, seen, unseen = (tmp_path / "cost" / "table.md").read_text().splitlines()
    assert header == "| setting | steps | seconds | seeds, failed |"
    assert re.fullmatch(r"\| seen \| 40 \| [\d.e+-]+ \| 1, 0 \|", seen)
    assert unseen == "| unseen | - | - | 1, 1 |"
    assert "samples/modes never fell to 8" in done.err + (tmp_path / "cost/table.csv").read_text()


def member(setting, seed=0, base="b", **overrides):
    return Member(setting, seed, base, {**overrides, "seed": seed}, None)


def test_the_table_has_means_and_intervals_of_what_did_not_fail():
    score = lambda fid: Outcome({"fid": fid, "kid": 0.1})
    found = [
        (member("a"), score(1.0)),
        (member("a"), Outcome(None, "why")),
        (member("a"), score(3.0)),
        (member("b"), Outcome(None, "why")),
    ]
    _, _, first, second = sweeps.table(found).splitlines()
    assert first == "| a | 2 ± 13 | 0.1 ± 0 | 3, 1 |"  # 12.7 standard errors of 1
    assert second == "| b | - | - | 1, 1 |"
    lines = sweeps.rows(found).splitlines()
    assert lines[0] == "setting,seed,fid,kid,failure"
    assert lines[1:3] == ["a,0,1.0,0.1,", "a,0,,,why"]


def test_a_success_has_its_figures_within_bounds_and_a_failure_is_none():
    sweep = {"SUCCESS": {"fid": (0, 2), "kid": (0, 1)}}
    ends = [Outcome({"fid": f, "kid": 0.1}) for f in (1.0, 3.0)] + [Outcome(None, "why")]
    found = [(member("a"), sweeps.judged(sweep, end)) for end in ends]
    assert [outcome.success for _, outcome in found] == [True, False, False]
    header, _, row = sweeps.table(found).splitlines()
    assert header == "| setting | fid | kid | success | seeds, failed |"
    assert row == "| a | 2 ± 13 | 0.1 ± 0 | 0.333 ± 1.4 | 3, 1 |"
    assert sweeps.rows(found).splitlines()[3] == "a,0,,,False,why"
    assert sweeps.judged({}, ends[0]).success is None


def test_the_cost_is_of_all_steps_until_a_figure_falls_to_the_bound():
    rate = "throughput/examples_per_second"
    records = [
        {"step": 10, rate: 50.0},
        {"step": 10, "fid": 9.0},
        {"step": 20, rate: 100.0},
        {"step": 30, rate: 200.0},
        {"step": 30, "fid": 3.0},
        {"step": 40, rate: 1.0},
        {"step": 40, "fid": 1.0},
    ]
    assert sweeps.cost(records, "fid", 3.0, 20) == {"steps": 30, "seconds": 4.0 + 2.0 + 1.0}
    assert sweeps.cost(records, "fid", 0.5, 20) is None


def test_a_cost_between_two_logs_is_at_the_rate_of_the_second():
    rate = "throughput/examples_per_second"
    records = [
        {"step": 5, "fid": 9.0},
        {"step": 10, rate: 50.0},
        {"step": 15, "fid": 3.0},
        {"step": 17, "fid": None},
        {"step": 20, rate: 100.0},
        {"step": 25, "fid": 1.0},
    ]
    assert sweeps.cost(records, "fid", 9.0, 20) == {"steps": 5, "seconds": 2.0}
    assert sweeps.cost(records, "fid", 3.0, 20) == {"steps": 15, "seconds": 4.0 + 1.0}
    assert sweeps.cost(records, "fid", 1.0, 20) == {"steps": 25, "seconds": 4.0 + 2.0 + 1.0}
    assert np.isnan(sweeps.cost(records[:1], "fid", 9.0, 20)["seconds"])


def test_members_that_differ_in_seeds_and_numbers_of_optimizers_are_a_group():
    rate = "generator.learning_rate"
    members = [
        member("a", 0, r1=1.0),
        member("a", 1, r1=1.0),
        member("b", 0, r1=1.0, **{rate: 1e-3}),
        member("c", 0, r1=2.0),
        member("c", 1, r1=2.0),
        member("d", 0, base="another", r1=2.0),
    ]
    assert sweeps.groups_of(members, 16) == [members[:3], members[3:5], members[5:]]
    assert sweeps.groups_of(members, 2) == [members[:2], members[2:3], members[3:5], members[5:]]


def test_members_whose_games_would_differ_are_not_trained_together():
    path = "configs/points/gan.py"
    configure = lambda **settings: recipes.configure(recipes.load_recipe(path), "", **settings)
    first = configure()
    assert together.possible(path, [first, configure(seed=1, **{"generator.beta1": 0.5})])
    assert not together.possible(path, [first, configure(r1=1.0)])
    assert not together.possible(path, [first, configure(**{"generator.decay": "constant"})])


def test_axes_are_every_combination_or_so_many_draws():
    axes = {"r1": (0.0, 1.0), "batch_size": (8, 16)}
    whole = sweeps.settings_of({"BASE": "", "SEEDS": (0,), "AXES": axes})
    assert list(whole) == [
        f"r1={r1}, batch_size={size}" for r1 in axes["r1"] for size in axes["batch_size"]
    ]
    assert whole["r1=1.0, batch_size=8"] == {"r1": 1.0, "batch_size": 8}
    drawn = {"BASE": "", "SEEDS": (0,), "DRAWS": 20, "DRAW_SEED": 3}
    drawn["AXES"] = {"r1": Range(1e-3, 10.0, log=True), "loss": ("A", "B")}
    settings = sweeps.settings_of(drawn)
    assert settings == sweeps.settings_of(drawn) != sweeps.settings_of({**drawn, "DRAW_SEED": 4})
    assert len(settings) == 20
    assert {values["loss"] for values in settings.values()} == {"A", "B"}
    strengths = [values["r1"] for values in settings.values()]
    assert 1e-3 <= min(strengths) < 0.1 < max(strengths) <= 10


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"BASE": "", "SEEDS": (0,)}, "SETTINGS, or AXES"),
        ({"BASE": "", "SETTINGS": {}}, "no SEEDS"),
        ({"BASE": "", "SEEDS": (0,), "SETTINGS": {"a b": {}, "a, b": {}}}, "share the folder a_b"),
        ({"BASE": "", "SEEDS": (0,), "AXES": {"r1": Range(0, 1)}}, "how many DRAWS"),
        ({"COST": ("fid", 1.0), "FIGURES": ("fid",)}, "COST and FIGURES"),
    ],
)
def test_a_sweep_that_cannot_be_told_apart_is_refused(sweep, said, tmp_path):
    with pytest.raises(UserError, match=said):
        sweeps.members_of(sweep, tmp_path)


def test_settings_that_differ_by_a_sign_have_folders_of_their_own(tmp_path):
    sweep = {"BASE": "", "SEEDS": (0,), "SETTINGS": {"r1=1": {}, "r1=-1": {}, "r1=0.1": {}}}
    assert len({member.workdir for member in sweeps.members_of(sweep, tmp_path)}) == 3


def test_a_setting_may_be_of_another_recipe(tmp_path):
    settings = {"one": {"r1": 1.0}, "two": {"BASE": "c:d", "r1": 2.0}}
    sweep = {"BASE": "a:b", "SEEDS": (0,), "OVERRIDES": {"steps": 2}, "SETTINGS": settings}
    one, two = sweeps.members_of(sweep, tmp_path)
    assert (one.base, one.overrides) == ("a:b", {"steps": 2, "r1": 1.0, "seed": 0})
    assert (two.base, two.overrides) == ("c:d", {"steps": 2, "r1": 2.0, "seed": 0})


def test_what_became_of_a_member_is_of_its_settings_alone(tmp_path):
    sweep = {"BASE": "x", "FIGURES": ("a",)}
    one = Member("s", 0, "x", {"r1": 1.0}, tmp_path)
    (tmp_path / "member.json").write_text(
        json.dumps({"told": sweeps.told(sweep, one), "figures": {"a": 1.0}, "failure": ""})
    )
    assert sweeps.outcome(sweep, one) == Outcome({"a": 1.0})
    assert sweeps.outcome(sweep, one._replace(overrides={"r1": 2.0})) is None
    assert sweeps.outcome({**sweep, "FIGURES": ("b",)}, one) is None
