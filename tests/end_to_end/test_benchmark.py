"""The benchmark's command, on one case for fractions of a second."""

import importlib.util
import json
import math

import jax
import jax.numpy as jnp
import pytest

from experiments.benchmark.cases import CASES
from experiments.benchmark.ours import make_game, make_state
from experiments.benchmark.peers import flax_peer

SHORT = ("--cases=ring", "--seconds=0.05", "--repeats=2", "--tries=1")


def test_it_times_contenders_and_writes_both_tables(script, tmp_path):
    done = script("benchmark", *SHORT, "--peer=none", f"--out={tmp_path}")
    assert done.returncode == 0, done.err
    results = json.loads((tmp_path / "benchmark.json").read_text())["cases"]["ring"]
    assert set(results) == {"ours", "flax", "flops"}
    for name in ("ours", "flax"):
        assert len(results[name]["rates"]) == 2
        assert 10 < results[name]["median"] < 1e6
        assert results[name]["memory_mb"] > 50
        assert results[name]["compile_seconds"] > 0.1
    assert 1 < results["flops"]["flops"] / results["flops"]["flops_needed"] < 1.5
    table = (tmp_path / "benchmark.md").read_text()
    assert "| ring | ours | steps |" in table
    assert table in done.out


def test_many_seeds_train_at_once(script, tmp_path):
    arguments = ("--cases=ring16", *SHORT[1:], "--contenders=ours", f"--out={tmp_path}")
    done = script("benchmark", *arguments, "--peer=none")
    assert done.returncode == 0, done.err
    results = json.loads((tmp_path / "benchmark.json").read_text())["cases"]["ring16"]
    assert results["ours"]["median"] > 10


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_pytorch_takes_part(script, tmp_path):
    arguments = (*SHORT, "--contenders=torch eager", f"--out={tmp_path}")
    done = script("benchmark", *arguments, "--peer=torch")
    assert done.returncode == 0, done.err
    results = json.loads((tmp_path / "benchmark.json").read_text())["cases"]["ring"]
    assert results["torch eager"]["median"] > 1


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_pytorch_that_is_asked_for_and_absent_is_one_line(script):
    done = script("benchmark", *SHORT, "--peer=torch")
    assert done.returncode == 1
    assert done.err.strip().splitlines()[-1].startswith("error: --peer=torch: PyTorch is not")


def test_an_unknown_case_is_one_line(script):
    done = script("benchmark", "--cases=none")
    assert done.returncode == 1
    assert done.err.startswith("error: --cases: 'none' is none of mlp_large, ")


def test_every_case_names_its_contenders_apart_and_ours_first():
    for case in CASES.values():
        names = [contender.name for contender in case.contenders]
        assert len(set(names)) == len(names)
        assert names[0].startswith("ours")


def sizes(parameters):
    return sorted(math.prod(leaf.shape) for leaf in parameters)


PROBLEMS = {case.name: case.problem for case in CASES.values() if case.problem is not None}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_peers_have_nets_of_the_same_parameters(problem):
    state = jax.eval_shape(lambda: make_state(make_game(problem), problem))
    ours = [state.players[name].params for name in ("generator", "discriminator")]
    ours = [sizes(jax.tree.leaves(params)) for params in ours]
    inputs = [jnp.zeros((2, problem.latent_dim)), jnp.zeros((2, *problem.shape))]
    peers = [
        jax.eval_shape(lambda net=net, x=x: flax_peer.player(net, x, problem).params)
        for net, x in zip(flax_peer.nets(problem), inputs, strict=True)
    ]
    assert [sizes(jax.tree.leaves(params)) for params in peers] == ours
    if importlib.util.find_spec("torch") is not None:
        from experiments.benchmark.peers import torch_peer

        peers = torch_peer.NETS[problem.family](problem)
        assert [sizes(net.parameters()) for net in peers] == ours
