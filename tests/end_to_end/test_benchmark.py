"""The benchmark's command, on one case for fractions of a second."""

import importlib.util
import json
import math

import jax
import jax.numpy as jnp
import pytest

from experiments.benchmark import ours, worker
from experiments.benchmark.cases import CASES, Case, Problem
from experiments.benchmark.peers import flax_peer

SHORT = ("--seconds=0.02", "--repeats=1")


def results_of(out, case):
    return json.loads((out / "benchmark.json").read_text())["cases"][case]


def test_it_times_contenders_and_writes_the_table(script, tmp_path):
    done = script("benchmark", "--cases=ring", *SHORT, "--peer=none", f"--out={tmp_path}")
    assert done.returncode == 0, done.err
    results = results_of(tmp_path, "ring")
    assert set(results) == {"ours", "flax", "flops"}
    for name in ("ours", "flax"):
        assert results[name]["median"] == results[name]["rate"][0] > 0
        assert results[name]["memory_mb"] > 50
    assert 1 < results["flops"]["flops"] / results["flops"]["flops_needed"] < 1.5
    table = (tmp_path / "benchmark.md").read_text()
    cells = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert [len(row) for row in cells] == [9, 9, 9]
    assert cells[2][0] == "| ring"
    assert table in done.out


def test_many_seeds_train_at_once():
    problem = Problem("mlp", (2,), latent_dim=2, hidden=(8,), batch=4)
    work = ours.work(Case("", "", problem, steps_per_call=2, seeds=4, devices=2), "")
    work.run(3)
    assert work.units == 8


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_pytorch_takes_part(script, tmp_path):
    only = "--contenders=torch eager"
    done = script("benchmark", "--cases=ring", *SHORT, only, "--peer=torch", f"--out={tmp_path}")
    assert done.returncode == 0, done.err
    assert results_of(tmp_path, "ring")["torch eager"]["median"] > 0


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_pytorch_that_is_asked_for_and_absent_is_one_line(script):
    done = script("benchmark", *SHORT, "--peer=torch")
    assert done.returncode == 1
    assert done.err.strip().splitlines()[-1].startswith("error: --peer=torch: PyTorch is not")


def test_a_contender_that_breaks_says_why():
    case = CASES["ring"]
    with worker.start(case, "absent") as process:
        answer = process.submit(worker.prepare, case, "absent")
        with pytest.raises(RuntimeError, match=r"ModuleNotFoundError: .*absent"):
            answer.result()


def test_an_unknown_case_is_one_line(script):
    done = script("benchmark", "--cases=none")
    assert done.returncode == 1
    assert done.err.startswith("error: --cases: 'none' is none of mlp_large, ")


def test_every_case_names_its_contenders_apart_and_ours_first():
    for case in CASES.values():
        assert len(set(case.contenders)) == len(case.contenders)
        assert case.contenders[0] == "ours"


def sizes(parameters):
    return sorted(math.prod(leaf.shape) for leaf in parameters)


PROBLEMS = {case.name: case.problem for case in CASES.values()}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_peers_have_nets_of_the_same_parameters(problem):
    x = jnp.zeros((2, *problem.shape))
    inputs = [jnp.zeros((2, problem.latent_dim)) if problem.latent_dim else x, x]
    made = zip(ours.make_nets(problem), inputs, strict=True)
    mine = [jax.eval_shape(net.init, jax.random.key(0), x)["params"] for net, x in made]
    mine = [sizes(jax.tree.leaves(params)) for params in mine]
    if problem.family != "cyclegan":
        peers = [
            jax.eval_shape(lambda net=net, x=x: flax_peer.player(net, x, problem).params)
            for net, x in zip(flax_peer.nets(problem), inputs, strict=True)
        ]
        assert [sizes(jax.tree.leaves(params)) for params in peers] == mine
    if importlib.util.find_spec("torch") is not None:
        from experiments.benchmark.peers import torch_peer

        peers = torch_peer.NETS[problem.family](problem)
        assert [sizes(net.parameters()) for net in peers] == mine
