"""A sweep whose members are tasks of a Ray cluster, of two nodes on loopback."""

import re
import signal
import time

import pytest

from gan_jax import runs

pytest.importorskip("ray", reason="no Ray, of the extra cluster")

NODES = """
import signal
from ray.cluster_utils import Cluster
cluster = Cluster(
    initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
)
second = cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
awaited = {signal.SIGUSR1, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print(cluster.address, flush=True)
if signal.sigwait(awaited) == signal.SIGUSR1:
    cluster.remove_node(second, allow_graceful=False)
    signal.sigwait(awaited)
cluster.shutdown()
"""
SWEEP = """
BASE = "configs/points/gan.py:ring"
SEEDS = (1, 2)
OVERRIDES = {"steps": 160, "steps_per_call": 2, "batch_size": 8, "log_every": 20,
             "net.hidden": (8,), "sample_every": 0, "evaluate_every": 160, "evaluate_count": 100,
             "checkpoint_every": 4}
FIGURES = ("samples/modes", "samples/reverse_kl")
SETTINGS = {"plain": {"r1": 0.0}, "penalised": {"r1": 1.0}}
"""


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "sweep.py"
    path.write_text(SWEEP)
    return path


@pytest.fixture
def nodes(script):
    process = script(None, code=NODES, wait=False)
    address = process.stdout.readline().strip()
    assert address, process.stderr.read()
    yield process, address
    process.terminate()
    process.communicate(timeout=60)


def wait_until_both_are_at_work(folder, process):
    """Both groups have begun, one of them to train."""
    groups = [folder / f".group_{index}.lock" for index in (0, 1)]
    while not (all(g.exists() for g in groups) and any(folder.glob("*/*/checkpoints/[0-9]*"))):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_a_lost_nodes_members_are_taken_up_by_the_other(sweep, nodes, script, tmp_path):
    cluster, address = nodes
    plain = script("ablate", f"--sweep={sweep}", f"--workdir={tmp_path / 'alone'}")
    assert plain.returncode == 0, plain.err

    command = ["ablate", f"--sweep={sweep}", f"--cluster={address}"]
    stopped = tmp_path / "stopped"
    process = script(*command, f"--workdir={stopped}", wait=False)
    wait_until_both_are_at_work(stopped, process)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + signal.SIGTERM, "", "")
    for member in stopped.glob("*/seed_*"):
        with runs.lock(member):  # nobody is at work
            assert not (member / "member.json").exists()

    process = script(*command, f"--workdir={tmp_path / 'spread'}", wait=False)
    wait_until_both_are_at_work(tmp_path / "spread", process)
    cluster.send_signal(signal.SIGUSR1)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert re.fullmatch(r"group [01]: its process was killed, and is begun again\n", err)
    assert out == plain.out


def test_a_cluster_that_is_not_there_is_told_in_one_line(script, sweep, tmp_path):
    done = script(
        "ablate", f"--sweep={sweep}", f"--workdir={tmp_path / 'none'}", "--cluster=127.0.0.1:1"
    )
    assert re.fullmatch(r"error: --cluster=127.0.0.1:1: there is no Ray cluster[^\n]*\n", done.err)
