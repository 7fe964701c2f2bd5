"""Several processes on one machine, joined over loopback: what a pod or a cluster does."""

import shutil
import signal
import socket
import time

import jax
import numpy as np
import pytest

RUN = (
    "--config=configs/points/gan.py",
    "--config.net.hidden=(8,)",
    "--config.generator.decay=constant",
    "--config.discriminator.decay=constant",
    "--config.steps_per_call=2",
    "--config.log_every=2",
    "--config.sample_every=0",
    "--config.evaluate_every=0",
    "--config.checkpoint_every=4",
)


@pytest.fixture
def pair(script):
    """Starts the two processes of a run."""

    def start(first, second=None, code=None):
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        join = (f"--coordinator=localhost:{port}", "--processes=2")
        return [
            script("train", *arguments, *join, f"--process={p}", wait=False, code=code)
            for p, arguments in enumerate((first, second or first))
        ]

    return start


def assert_close(one, other):
    for (path, a), b in zip(
        jax.tree.leaves_with_path(one.variables()), jax.tree.leaves(other.variables()), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5, err_msg=jax.tree_util.keystr(path))


def test_two_processes_train_save_and_resume_as_one_with_two_devices(
    pair, script, tmp_path, final_state
):
    together, alone = tmp_path / "together", tmp_path / "alone"
    for steps in ("--config.steps=4", "--config.steps=8"):
        more = (*RUN, steps, "--allow_config_change", f"--workdir={together}")
        for process in pair(more):
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
    both = script("train", *RUN, "--config.steps=8", f"--workdir={alone}", devices=2)
    assert both.returncode == 0, both.err
    (step, one), (_, other) = final_state(together), final_state(alone)
    assert step == 8
    assert_close(one, other)


def assert_says_that_one_is_lost(survivor, number):
    began = time.monotonic()
    _, err = survivor.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert survivor.returncode == -signal.SIGKILL
    (line,) = [line for line in err.splitlines() if not line.startswith("step ")]
    assert line.startswith(f"error: lost process {number} of this run")


@pytest.mark.parametrize("number", [0, 1])
def test_a_killed_process_ends_the_other_with_one_line(number, pair, tmp_path, wait_for_checkpoint):
    endless = (*RUN, f"--workdir={tmp_path}", "--config.steps=1000000")
    processes = pair(endless)
    wait_for_checkpoint(tmp_path, processes[1 - number])
    victim = processes.pop(number)
    victim.kill()
    assert_says_that_one_is_lost(processes[0], number)
    victim.communicate()


def test_a_process_killed_while_it_saves_is_missed_at_once(pair, tmp_path):
    die = (
        "import os, runpy, sys; from gan_jax import checkpoints\n"
        "checkpoints.Checkpoints._make_room = lambda *_: os.kill(os.getpid(), 9)\n"
        "sys.argv = ['experiments.train', *sys.argv[1:]]\n"
        "runpy.run_module('experiments.train', run_name='__main__', alter_sys=True)"
    )
    saving, other = pair((*RUN, f"--workdir={tmp_path}", "--config.steps=8"), code=die)
    saving.communicate(timeout=120)
    assert saving.returncode == -signal.SIGKILL
    assert_says_that_one_is_lost(other, 0)
    assert not list(tmp_path.glob("checkpoints/[0-9]*"))


def test_sigterm_before_the_first_step_ends_both(pair, tmp_path):
    first, second = pair((*RUN, f"--workdir={tmp_path}", "--config.steps=1000000"))
    while not (tmp_path / "config.json").exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    second.terminate()
    second.communicate(timeout=30)
    assert second.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)
    first.communicate(timeout=30)
    assert first.returncode != 0


def test_processes_that_differ_in_config_are_refused(pair, tmp_path):
    one, other = ([*RUN, f"--workdir={tmp_path}", f"--config.r1={r}"] for r in (1.0, 2.0))
    for process in pair(one, other):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "differ in config" in err


def test_processes_that_begin_from_different_checkpoints_are_refused(pair, script, tmp_path):
    ahead, behind = tmp_path / "ahead", tmp_path / "behind"
    done = script("train", *RUN, "--config.steps=8", f"--workdir={ahead}")
    assert done.returncode == 0, done.err
    shutil.copytree(ahead, behind)
    shutil.rmtree(behind / "checkpoints" / "8")
    more = (*RUN, "--config.steps=12", "--allow_config_change")
    for process in pair([*more, f"--workdir={ahead}"], [*more, f"--workdir={behind}"]):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "differ in the checkpoint that they read" in err
        assert "Traceback" not in err


def test_eight_devices_give_the_run_of_one(script, tmp_path, final_state):
    run = (*RUN, "--config.steps=4", "--config.generator.epsilon=1e-3")
    run += ("--config.discriminator.epsilon=1e-3",)
    states = []
    for devices in (1, 8):
        workdir = tmp_path / str(devices)
        result = script("train", *run, f"--workdir={workdir}", devices=devices)
        assert result.returncode == 0, result.err
        states.append(final_state(workdir)[1])
    assert_close(*states)
