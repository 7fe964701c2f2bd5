import logging
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from flax import struct
from flax.training.train_state import TrainState

from gan_jax.checkpoints import Checkpoints
from gan_jax.types import UserError


class State(struct.PyTreeNode):
    step: jax.Array
    key: jax.Array
    players: dict[str, Any]


def make_state(seed: int = 0, width: int = 4) -> State:
    def player(shift):
        values = np.random.default_rng([seed, shift]).normal(size=(3, width))
        params = {
            "dense": {"kernel": jnp.float32(values), "bias": jnp.bfloat16(values[0])},
            "none": jnp.zeros((0, 2)),
        }
        return TrainState.create(apply_fn=abs, params=params, tx=optax.adam(0.1))

    players = {"generator": player(0), "discriminator": player(1)}
    return State(jnp.int32(seed), jax.random.key(seed), players)


def plain(tree):
    def bits(leaf):
        if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return (str(leaf.dtype), np.asarray(jax.random.key_data(leaf)).tobytes())
        leaf = np.asarray(leaf, np.int32) if isinstance(leaf, int) else np.asarray(leaf)
        return (str(leaf.dtype), leaf.shape, leaf.tobytes())

    return [bits(leaf) for leaf in jax.tree.leaves(tree)]


def newest_file(directory: pathlib.Path, step: int) -> pathlib.Path:
    """The largest file of a checkpoint: the one with the arrays in it."""
    files = [path for path in (directory / str(step)).rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def test_every_leaf_comes_back_bit_for_bit(tmp_path):
    state = make_state(seed=7)
    Checkpoints(tmp_path).save(5, state)
    step, restored = Checkpoints(tmp_path).restore(make_state(seed=8))
    assert step == 5
    assert plain(restored) == plain(state)


def test_a_template_may_be_abstract(tmp_path):
    state = (make_state(seed=7), jax.random.key(3, impl="rbg"))
    Checkpoints(tmp_path).save(5, state)
    _, restored = Checkpoints(tmp_path).restore(jax.eval_shape(lambda: state))
    assert plain(restored) == plain(state)


def test_static_fields_come_from_the_template(tmp_path):
    template = make_state()
    saved = Checkpoints(tmp_path)
    saved.save(1, make_state())
    restored = saved.restore(template)[1]
    assert jax.tree.structure(restored) == jax.tree.structure(template)


def test_random_stream_continues(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(1, {"key": jax.random.key(3, impl="rbg")})
    restored = saved.restore({"key": jax.random.key(0, impl="rbg")})[1]
    assert (
        jax.random.bits(restored["key"]).item()
        == jax.random.bits(jax.random.key(3, impl="rbg")).item()
    )


@pytest.mark.parametrize("dtype", ["float64", "int64", "float16", "bool", "complex64", "uint8"])
def test_dtypes_survive(tmp_path, dtype):
    array = np.arange(5).astype(dtype)
    saved = Checkpoints(tmp_path)
    saved.save(1, [array])
    assert plain(saved.restore([np.zeros_like(array)])[1]) == plain([array])


def test_restored_leaves_do_not_alias(tmp_path):
    one = np.arange(3.0)
    saved = Checkpoints(tmp_path)
    saved.save(1, {"params": one, "ema": one})
    restored = saved.restore({"params": one, "ema": one})[1]
    assert not np.shares_memory(restored["params"], restored["ema"])


def test_nothing_saved_is_none(tmp_path):
    saved = Checkpoints(tmp_path / "none")
    assert saved.restore(make_state()) is None
    assert saved.restore(make_state(), "best") is None
    assert saved.steps() == []
    assert not (tmp_path / "none").exists()


def test_the_newest_are_kept_and_the_best(tmp_path):
    saved = Checkpoints(tmp_path, keep=2, best="fid", higher_is_better=False)
    for step, fid in enumerate([9.0, 3.0, float("nan"), 7.0, 8.0]):
        saved.save(step, [np.array(step)], {"fid": fid})
    assert saved.steps() == [1, 3, 4]
    assert saved.best_step() == 1
    assert saved.restore([np.array(0)], "best") == (1, [np.array(1)])


def test_higher_is_better_picks_the_maximum(tmp_path):
    saved = Checkpoints(tmp_path, best="score")
    for step, score in enumerate([1.0, 5.0, 2.0]):
        saved.save(step, [np.array(step)], {"score": score})
    assert saved.best_step() == 1


@pytest.mark.parametrize(
    ("best", "metrics", "message"),
    [
        ("fid", {"score": 1.0}, "has the metric fid"),
        ("fid", {"fid": float("nan")}, "has the metric fid"),
        (None, {"fid": 1.0}, "has a metric to be best by"),
    ],
)
def test_where_none_has_the_metric_there_is_no_best(tmp_path, best, metrics, message):
    saved = Checkpoints(tmp_path, best=best)
    saved.save(1, [np.array(1)], metrics)
    with pytest.raises(UserError, match=rf"^no checkpoint in .* {message}: [^\n]*$"):
        saved.restore([np.array(0)], "best")


def test_a_damaged_best_gives_way_to_the_next(tmp_path):
    saved = Checkpoints(tmp_path, best="score")
    for step, score in [(1, 3.0), (2, 5.0), (3, 1.0)]:
        saved.save(step, [np.array(step)], {"score": score})
    truncate(tmp_path)
    assert saved.restore([np.array(0)], "best") == (1, [np.array(1)])


def test_a_step_saved_twice_holds_the_second(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(1, [np.array(1)])
    saved.save(1, [np.array(2)])
    assert saved.restore([np.array(0)]) == (1, [np.array(2)])


def test_a_run_turned_back_drops_its_future(tmp_path):
    saved = Checkpoints(tmp_path, keep=1)
    saved.save(9, [np.array(9)])
    saved.save(4, [np.array(4)])
    assert saved.steps() == [4]


def test_a_best_checkpoint_of_a_dropped_future_is_forgotten(tmp_path):
    saved = Checkpoints(tmp_path, keep=1, best="score")
    for step, score in [(1, 3.0), (2, 1.0), (9, 5.0), (4, 2.0)]:
        saved.save(step, [np.array(step)], {"score": score})
    assert saved.steps() == [4]


def test_orbax_alone_reads_the_leaves_by_name(tmp_path):
    Checkpoints(tmp_path).save(1, {"params": {"kernel": np.arange(3)}})
    leaves = ocp.Checkpointer(ocp.PyTreeCheckpointHandler()).restore(tmp_path / "1")
    assert leaves.keys() == {"params/kernel"}
    np.testing.assert_array_equal(leaves["params/kernel"], np.arange(3))


def test_a_chosen_step_is_restored(tmp_path):
    saved = Checkpoints(tmp_path)
    for step in (1, 2):
        saved.save(step, [np.array(step)])
    assert saved.restore([np.array(0)], 1) == (1, [np.array(1)])


def test_a_step_not_there_is_refused(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(2, [np.array(1)])
    with pytest.raises(UserError, match=r"no checkpoint of step 7 in .*; there are: 2$"):
        saved.restore([np.array(0)], 7)


def truncate(directory):
    path = newest_file(directory, 2)
    os.truncate(path, path.stat().st_size // 2)


def flip(directory):
    path = newest_file(directory, 2)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(255 - byte for byte in data[middle : middle + 8])
    path.write_bytes(data)


def lose_a_file(directory):
    newest_file(directory, 2).unlink()


def lose_the_header(directory):
    (directory / "2" / "header").unlink()


def alter_the_header(directory):
    path = directory / "2" / "header"
    path.write_text(path.read_text().replace("float32[40,50]", "float32[50,40]"))


def empty(directory):
    shutil.rmtree(directory / "2")
    (directory / "2").mkdir()


@pytest.mark.parametrize(
    "damage", [truncate, flip, lose_a_file, lose_the_header, alter_the_header, empty]
)
def test_a_damaged_newest_is_skipped_with_a_warning(tmp_path, caplog, damage):
    saved = Checkpoints(tmp_path)
    state = {
        step: [np.random.default_rng(step).normal(size=(40, 50)).astype("f")] for step in (1, 2)
    }
    for step, value in state.items():
        saved.save(step, value)
    damage(tmp_path)
    with caplog.at_level(logging.WARNING):
        step, restored = Checkpoints(tmp_path).restore(state[1])
    assert (step, plain(restored)) == (1, plain(state[1]))
    assert len(caplog.messages) == 1
    assert "skipping the damaged checkpoint at step 2" in caplog.text


def test_all_damaged_is_an_error(tmp_path):
    for step in (1, 2):
        (tmp_path / str(step)).mkdir()
    with pytest.raises(UserError, match=r"damaged: every checkpoint tried in .* \(of steps 2, 1\)"):
        Checkpoints(tmp_path).restore([np.array(0)])


def test_a_damaged_checkpoint_is_never_the_best(tmp_path):
    saved = Checkpoints(tmp_path, best="score")
    for step in (1, 2):
        saved.save(step, [np.array(step)], {"score": step})
    empty(tmp_path)
    assert saved.best_step() == 1


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"a": np.zeros(2), "b": np.zeros(3)}, r"b is float64\[2\] in it and float64\[3\] in this"),
        ({"a": np.zeros(2, "f"), "b": np.zeros(2)}, r"a is float64\[2\] in it and float32\[2\]"),
        ({"a": np.zeros(2)}, r"b is float64\[2\] in it and absent in this"),
        ({"a": np.zeros(2), "b": {"c": np.zeros(2)}}, r"b/c is absent in it and float64\[2\]"),
    ],
)
def test_another_model_is_refused_by_its_first_differing_leaf(tmp_path, template, message):
    saved = Checkpoints(tmp_path)
    saved.save(1, {"a": np.zeros(2), "b": np.zeros(2)})
    with pytest.raises(UserError, match=message):
        saved.restore(template)


def test_another_kind_of_key_is_refused(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(1, {"key": jax.random.key(0)})
    with pytest.raises(UserError, match=r"key is key<fry>\[\] in it and key<rbg>\[\]"):
        saved.restore({"key": jax.random.key(0, impl="rbg")})


def test_orbax_leaves_the_log_levels_alone(tmp_path, caplog):
    logger = logging.getLogger("absl")
    before = logger.level
    with caplog.at_level(logging.INFO):
        Checkpoints(tmp_path).save(1, [np.array(1)])
    assert (logger.level, caplog.messages) == (before, [])


def script(body: str, *arguments) -> list[str]:
    head = """
        import resource, signal, sys
        import numpy as np
        from gan_jax.checkpoints import Checkpoints
        from gan_jax.types import UserError
        saved = Checkpoints(sys.argv[1])
    """
    code = textwrap.dedent(head) + textwrap.dedent(body)
    return [sys.executable, "-c", code, *map(str, arguments)]


@pytest.mark.parametrize("room_is_made", [True, False])
def test_a_full_disk_is_one_line_and_harms_nothing(tmp_path, room_is_made):
    body = """
        import os
        saved.save(1, [np.zeros(10)])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        if sys.argv[2] == "False":  # as where the disk fills up while orbax writes
            del os.posix_fallocate
        try:
            saved.save(2, [np.random.default_rng(0).normal(size=100_000)])
        except UserError as error:
            print(error)
    """
    command = script(body, tmp_path, room_is_made)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = done.stdout.strip()
    assert line.startswith(f"could not write the checkpoint at step 2 to {tmp_path}: ")
    assert "File too large" in line
    assert line.endswith("; the last good one is at step 1")
    assert "\n" not in line
    assert done.stderr == ""
    assert os.listdir(tmp_path) == ["1"]
    assert plain(Checkpoints(tmp_path).restore([np.ones(10)])[1]) == plain([np.zeros(10)])


def test_a_full_disk_prints_one_line_however_many_leaves(tmp_path):
    body = """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
        try:
            saved.save(2, [np.random.default_rng(i).normal(size=1000) for i in range(100)])
        except UserError as error:
            print(error)
    """
    done = subprocess.run(script(body, tmp_path), capture_output=True, text=True, check=True)
    assert done.stdout.endswith(": File too large; there is none yet\n")
    assert done.stderr == ""
    assert os.listdir(tmp_path) == []


def test_damage_prints_one_line_however_many_leaves(tmp_path):
    saved = Checkpoints(tmp_path)
    for step in (1, 2):
        saved.save(step, [np.random.default_rng(i).normal(size=1000) for i in range(100)])
    truncate(tmp_path)
    body = "print(saved.restore([np.zeros(1000)] * 100)[0])"
    done = subprocess.run(script(body, tmp_path), capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert len(done.stderr.splitlines()) == 1
    assert f"skipping the damaged checkpoint at step 2 in {tmp_path}: " in done.stderr


def test_killed_at_any_time_only_whole_checkpoints_remain(tmp_path, caplog):
    body = """
        for step in range(int(sys.argv[2]), 10_000):
            saved.save(step, [np.full((300, 300), step), np.array(step)])
            print(step, flush=True)
    """
    template = [np.zeros((300, 300), int), np.array(0)]
    newest = -1
    for delay in (0.03, 0.05, 0.07):
        command = script(body, tmp_path, newest + 1)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()  # the first checkpoint is there
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            printed = process.stdout.read().split()
        step, (matrix, scalar) = Checkpoints(tmp_path).restore(template)
        assert step >= max([newest + 1, *map(int, printed)])
        assert (matrix == step).all()
        assert scalar == step
        newest = step
    assert caplog.messages == []  # nothing was damaged
    Checkpoints(tmp_path).save(newest + 1, template)
    assert all(name.isdigit() for name in os.listdir(tmp_path))
