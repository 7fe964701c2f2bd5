"""The scripts as a user runs them."""

import random
import re
import signal
import time
from functools import partial

import jax
import numpy as np
import pytest
from PIL import Image

from experiments import app, train
from gan_jax import runs
from gan_jax.writers import read_metrics

TINY = ("--config=configs/points/gan.py", "--config.net.hidden=(8,)", "--config.batch_size=8")
TINY += ("--config.generator.decay=constant", "--config.discriminator.decay=constant")
SHORT = (*TINY, "--config.steps_per_call=2", "--config.log_every=2", "--config.sample_every=0")
RUN = (*SHORT, "--config.steps=40", "--config.checkpoint_every=4")
RUN += ("--config.evaluate_every=0",)


def test_kill_9_at_a_random_step_changes_nothing(
    script, tmp_path, final_state, wait_for_checkpoint, assert_same_bits
):
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    train = partial(script, "train", *RUN, optimised=True)
    assert train(f"--workdir={unbroken}").returncode == 0
    for seed in range(2):
        process = train(f"--workdir={killed}", wait=False)
        wait_for_checkpoint(killed, process)
        time.sleep(random.Random(seed).uniform(0, 0.3))
        process.kill()
        process.communicate()
    assert train(f"--workdir={killed}").returncode == 0
    assert_same_bits(final_state(killed)[1], final_state(unbroken)[1])
    steps = [record["step"] for record in read_metrics(killed)]
    assert steps == list(range(2, 41, 2))


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_and_stops(signum, code, script, tmp_path, final_state):
    process = script("train", *SHORT, "--config.steps=100000", f"--workdir={tmp_path}", wait=False)
    while not (tmp_path / "metrics.jsonl").exists() or not (tmp_path / "metrics.jsonl").read_text():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    step, _ = final_state(tmp_path)
    assert f"at step {step:,}, state saved" in err
    assert "Traceback" not in err


def test_a_second_process_on_a_run_is_refused(script, tmp_path):
    with runs.lock(tmp_path):
        second = script("train", *RUN, f"--workdir={tmp_path}")
    assert second.returncode == 1
    assert "is in use by process" in second.err


REFUSED = {
    "an unknown key names the nearest": (["--config.batch_sise=3"], "batch_size"),
    "a name that is of no loss": (
        ["--config.loss=hinge_generator_loss"],
        "'hinge_generator_loss' is none of HINGE, ",
    ),
    "a section that is none": (["--config.nett.width=8"], "the config has no 'nett'"),
    "a value of the wrong type": (["--config.steps=many"], "steps"),
    "no such recipe": (["--config=configs/nothing.py"], "nothing.py"),
    "an unknown variant": (["--config=configs/image/dcgan.py:mnits"], "no variant 'mnits'"),
    "a player that is none": (["--init.critic=runs/x"], "--init.critic"),
    "a player's weights from nowhere": (["--init.generator=runs/x"], "runs/x"),
    "steps that are no whole number of calls": (
        ["--config.steps=41", "--config.steps_per_call=2"],
        "steps_per_call",
    ),
    "a batch that micro-batches do not divide": (["--config.accumulate=7"], "batch_size 64"),
    "a resolution the net cannot make": (["--config.data.resolution=12"], "resolution 12"),
    "a folder that is no run's": (["--workdir={bad}"], "a.png"),
    "an unreadable image": (
        ["--config.data.name={bad}", "--config.data.test_split="],
        "broken.png",
    ),
    "images of a size that differs": (
        ["--config.data.name={mixed}", "--config.data.test_split=", "--config.data.resolution=0"],
        "data.resolution",
    ),
    "a stray argument": (["configs/image/dcgan.py"], "configs/image/dcgan.py"),
    "several processes without an address": (["--processes=2"], "name --coordinator"),
    "no processes": (["--processes=0", "--coordinator=localhost:1"], "--processes"),
    "an address that is none": (["--processes=2", "--coordinator=garbage"], "expected HOST:PORT"),
    "a process too many": (
        ["--processes=2", "--process=2", "--coordinator=localhost:1"],
        "--process=2",
    ),
}


def test_bad_input_gets_one_clear_line(assert_refused, tmp_path):
    bad, mixed = tmp_path / "bad", tmp_path / "mixed"
    for folder in (bad, mixed):
        folder.mkdir()
        Image.new("L", (16, 16)).save(folder / "a.png")
    (bad / "broken.png").write_bytes(b"not an image")
    Image.new("L", (8, 8)).save(mixed / "b.png")
    cases = {}
    for number, (case, (arguments, expected)) in enumerate(REFUSED.items()):
        given = [argument.format(bad=bad, mixed=mixed) for argument in arguments]
        cases[case] = ([f"--workdir={tmp_path / str(number)}", *given], expected)
    assert_refused("train", cases)


def test_a_changed_config_is_refused_with_a_diff_unless_allowed(scripts, tmp_path, final_state):
    run = ("train", *RUN, "--config.steps=4", f"--workdir={tmp_path}")
    changed = (*run, "--config.steps=8", "--config.r1=2.0")
    first, refused, allowed = scripts(run, changed, (*changed, "--allow_config_change"))
    assert (first.returncode, allowed.returncode) == (0, 0), (first, allowed)
    assert refused.returncode == 1
    assert "r1: 0.1 -> 2.0" in refused.err
    assert "--allow_config_change" in refused.err
    assert final_state(tmp_path)[0] == 8


def test_a_value_that_is_not_finite_stops_the_run_and_is_named(scripts, tmp_path):
    diverging = ("--config.generator.learning_rate=1e30", "--config.ema_decay=0.5")
    (result,) = scripts(["train", *RUN, *diverging, f"--workdir={tmp_path}"])
    assert result.returncode == 1
    (line,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert "step " in line
    assert "generator/" in line or "discriminator/" in line
    assert not any((tmp_path / "checkpoints").glob("[0-9]*"))


def test_a_full_memory_is_one_line(capsys):
    def main():
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")

    with pytest.raises(SystemExit, match="1"):
        app._guarded(main)
    err = capsys.readouterr().err
    assert err.startswith("error: out of memory")
    assert err.count("\n") == 1


def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(script, tmp_path, final_state):
    run = (*RUN, f"--workdir={tmp_path}")
    assert script("train", *run, "--config.steps=4").returncode == 0
    limited = (
        "import resource, signal, sys, runpy;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "sys.argv = ['experiments.train', *sys.argv[1:]];"
        "runpy.run_module('experiments.train', run_name='__main__', alter_sys=True)"
    )
    result = script("train", *run, "--config.steps=8", "--allow_config_change", code=limited)
    assert result.returncode == 1
    assert "error: could not write" in result.err
    assert "Traceback" not in result.err
    assert final_state(tmp_path)[0] == 4


def test_samples_come_from_the_folder_alone(tiny, scripts, tmp_path):
    path, config = tiny("image/cgan", steps=2, sample_every=0, checkpoint_every=2)
    train.run(path, config, tmp_path / "run")
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    arrays, arcs = tmp_path / "x.npz", tmp_path / "arcs.png"
    labelled, interpolated, refused = scripts(
        ["sample", f"--workdir={moved}", "--count=7", "--label=3", f"--out={arrays}"],
        ["sample", f"--workdir={moved}", "--interpolate", f"--out={arcs}"],
        ["sample", f"--workdir={moved}", "--label=10"],
    )
    assert labelled.returncode == 0, labelled.err
    arrays = np.load(arrays)
    assert arrays["samples"].shape == (7, 16, 16, 1)
    assert arrays["samples"].dtype == np.float32
    assert np.abs(arrays["samples"]).max() <= 1
    np.testing.assert_array_equal(arrays["labels"], np.full(7, 3))
    assert interpolated.returncode == 0, interpolated.err
    with Image.open(arcs) as image:
        assert image.size[0] > 300
    assert refused.returncode == 1
    assert "0..9" in refused.err


def test_all_settings_are_shown_and_nothing_is_trained(scripts, tmp_path):
    run = ["train", "--config=configs/points/gan.py:grid", "--config.steps=3", "--print_config"]
    (shown,) = scripts([*run, f"--workdir={tmp_path / 'run'}"])
    assert re.search(r"^  name: grid$", shown.out, re.M)
    assert re.search(r"^steps: 3$", shown.out, re.M)
    assert not (tmp_path / "run").exists()


def test_help_is_to_be_had_from_any_folder(script, tmp_path):
    done = script("train", "--help", cwd=tmp_path)
    assert "--workdir" in done.out
    assert "--[no]traceback" in done.out
    assert "no recipe" not in done.err
