import errno
import io
import json
import os
import struct
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile
from tensorboardX.proto.event_pb2 import Event

from gan_jax import files
from gan_jax.data.kinds import Audio, Tokens, Video
from gan_jax.data.kinds import Image as ImageKind
from gan_jax.types import UserError
from gan_jax.writers import Progress, Writer, read_metrics


def events(workdir) -> list[Event]:
    """TensorBoard's record format: length (8 bytes), its CRC (4), the event, its CRC (4)."""
    found = []
    for path in sorted((workdir / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("Q", data[:8])
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def test_scalars_are_one_json_object_a_line(tmp_path):
    with Writer(tmp_path) as writer:
        writer.scalars(1, {"generator/loss": jnp.float32(0.5)})
        writer.scalars(2, {"generator/loss": np.float64(2)})
    assert (tmp_path / "metrics.jsonl").read_text() == (
        '{"step": 1, "generator/loss": 0.5}\n{"step": 2, "generator/loss": 2.0}\n'
    )


def test_scalars_are_there_before_the_writer_is_closed(tmp_path):
    with Writer(tmp_path) as writer:
        writer.scalars(1, {"a": 1.0})
        assert read_metrics(tmp_path) == [{"step": 1, "a": 1.0}]
        assert events(tmp_path)[-1].summary.value[0].simple_value == 1.0


def test_what_is_not_finite_is_null(tmp_path):
    with Writer(tmp_path) as writer:
        writer.scalars(1, {"a": float("nan"), "b": float("inf"), "c": 1.0})
    assert json.loads((tmp_path / "metrics.jsonl").read_text(), parse_constant=pytest.fail) == {
        "step": 1,
        "a": None,
        "b": None,
        "c": 1.0,
    }


def test_a_resumed_log_equals_an_unbroken_one(tmp_path):
    def log(name, start, stop):
        with Writer(tmp_path / name, start_step=start) as writer:
            for step in range(start + 1, stop + 1):
                writer.scalars(step, {"a": step / 3, "b": float("nan")})

    log("unbroken", 0, 9)
    log("resumed", 0, 6)
    with open(tmp_path / "resumed" / "metrics.jsonl", "a") as file:
        file.write('{"step": 7, "a": 2.33')  # killed here
    log("resumed", 4, 9)
    texts = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("unbroken", "resumed")]
    assert texts[0] == texts[1]


def test_a_run_begun_anew_drops_its_log(tmp_path):
    for value in (1.0, 2.0):
        with Writer(tmp_path, start_step=0) as writer:
            writer.scalars(5, {"a": value})
    assert read_metrics(tmp_path) == [{"step": 5, "a": 2.0}]


def test_read_metrics_leaves_out_a_last_line_cut_short(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}')
    assert read_metrics(tmp_path) == [{"step": 1}]


def test_read_metrics_of_a_new_run_is_empty(tmp_path):
    assert read_metrics(tmp_path) == []


@pytest.mark.parametrize("line", ["{not json}", '{"a": 1}', "[]"])
def test_read_metrics_refuses_a_damaged_line(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_text(f'{line}\n{{"step": 2}}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl is damaged"):
        read_metrics(tmp_path)


def test_tensorboard_gets_scalars_pictures_and_the_step_to_purge_from(tmp_path):
    picture = np.random.default_rng(0).integers(256, size=(5, 7, 3)).astype(np.uint8)
    with Writer(tmp_path, start_step=4) as writer:
        writer.scalars(5, {"generator/loss": 0.25})
        writer.samples(6, picture)
    _, purge, scalars, samples = events(tmp_path)
    assert (purge.step, purge.session_log.status) == (5, 1)
    assert scalars.step == 5
    assert [(v.tag, v.simple_value) for v in scalars.summary.value] == [("generator/loss", 0.25)]
    image = samples.summary.value[0].image
    decoded = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
    np.testing.assert_array_equal(decoded, picture)


PICTURE = np.zeros((4, 4, 3), np.uint8)


def test_sounds_lie_beside_their_picture_and_are_played_by_tensorboard(tmp_path):
    waves = np.random.default_rng(0).uniform(-1, 1, size=(2, 100, 1)).astype(np.float32)
    with Writer(tmp_path) as writer:
        writer.samples(6, PICTURE, Audio(rate=8_000), waves)
    assert sorted(os.listdir(tmp_path / "samples")) == ["00000006.png", "00000006.wav"]
    picture, audio = events(tmp_path)[-1].summary.value
    assert (picture.tag, audio.tag) == ("samples", "samples/audio")
    assert (audio.audio.sample_rate, audio.audio.content_type) == (8_000, "audio/wav")
    rate, played = wavfile.read(io.BytesIO(audio.audio.encoded_audio_string))
    assert rate == 8_000
    np.testing.assert_allclose(played[:100] / 32_768, waves[0, :, 0], atol=1 / 32_768)


def test_texts_lie_beside_their_picture_and_are_printed_by_tensorboard(tmp_path):
    with Writer(tmp_path) as writer:
        writer.samples(6, PICTURE, Tokens(("a", "*", "\n")), np.array([[0, 1, 0], [1, 2, 0]]))
    assert (tmp_path / "samples" / "00000006.txt").read_text() == "a*a\n*\\na\n"
    _, text = events(tmp_path)[-1].summary.value
    assert text.metadata.plugin_data.plugin_name == "text"
    (printed,) = text.tensor.string_val
    assert printed.decode().splitlines()[:2] == ["    a*a", "    *\\na"]


@pytest.mark.parametrize(
    ("kind", "shape", "suffixes"),
    [(Video(), (2, 3, 8, 8, 1), [".gif", ".png"]), (ImageKind(), (2, 8, 8, 1), [".png"])],
)
def test_only_what_moves_gets_a_gif(tmp_path, kind, shape, suffixes):
    with Writer(tmp_path) as writer:
        writer.samples(0, PICTURE, kind, np.random.default_rng(0).uniform(-1, 1, size=shape))
    assert sorted(path.suffix for path in (tmp_path / "samples").iterdir()) == suffixes
    assert len(events(tmp_path)[-1].summary.value) == 1


def test_records_are_those_of_the_file_after_a_resumption_too(tmp_path):
    for start in (0, 2):
        with Writer(tmp_path, start_step=start) as writer:
            for step in (start + 1, start + 2, start + 3):
                writer.scalars(step, {"a": np.float32(step / 3), "b": float("nan")})
            assert writer.records() == read_metrics(tmp_path)
            writer.records().clear()
            assert [record["step"] for record in writer.records()] == [*range(1, start + 4)]


def test_without_tensorboard_there_is_no_folder(tmp_path):
    with Writer(tmp_path, tensorboard=False) as writer:
        writer.scalars(1, {"a": 1.0})
    assert os.listdir(tmp_path) == ["metrics.jsonl"]


def test_writing_starts_no_thread(tmp_path):
    before = threading.active_count()
    with Writer(tmp_path) as writer:
        writer.scalars(1, {"a": 1.0})
        assert threading.active_count() == before


def test_samples_and_curves_are_png_files(tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    with Writer(tmp_path) as writer:
        writer.scalars(1, {"generator/loss": 1.0})
        writer.samples(12, picture)
        writer.curves()
    assert np.asarray(Image.open(tmp_path / "samples" / "00000012.png")).shape == (4, 4, 3)
    assert np.asarray(Image.open(tmp_path / "curves.png")).ndim == 3


def test_a_full_disk_is_one_line(tmp_path):
    code = """
        import resource, signal, sys
        from gan_jax.types import UserError
        from gan_jax.writers import Writer
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            with Writer(sys.argv[1]) as writer:
                resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
                for step in range(1, 100):
                    writer.scalars(step, {"a": 1.0})
        except UserError as error:
            print(error)
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"could not write to {tmp_path}: {os.strerror(errno.EFBIG)}\n"
    assert done.stderr == ""
    assert len(read_metrics(tmp_path)) > 3


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"could not write to .*file/run: "):
        Writer(tmp_path / "file" / "run")


def test_in_a_log_file_progress_is_sparse_lines():
    file = io.StringIO()
    with Progress(1000, examples_per_step=8, interval=1e6, file=file) as progress:
        for step in range(1, 1001):
            progress.update(step, {"generator/loss": 0.12345} if step == 100 else None)
    lines = file.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("step 1000/1000 [00:00, ")
    assert lines[0].endswith(" examples/s, generator/loss 0.1235]")


def test_in_a_log_file_a_line_comes_every_interval():
    clock = partial(next, iter(range(0, 1000, 4)))
    file = io.StringIO()
    progress = Progress(100, initial=10, examples_per_step=8, interval=10, file=file, clock=clock)
    for step in range(11, 20):
        progress.update(step)
    # a step takes 4 seconds, so that 3 go by between lines
    assert file.getvalue().splitlines() == [
        "step 13/100 [05:48, 2 examples/s]",
        "step 16/100 [05:36, 2 examples/s]",
        "step 19/100 [05:24, 2 examples/s]",
    ]


def test_the_speed_in_a_log_file_is_a_mean_that_compiling_and_bursts_do_not_sway():
    seconds = iter([0, 100, *(100 + 10 * i for i in range(1, 20))])
    file = io.StringIO()
    progress = Progress(1000, interval=10, file=file, clock=lambda: next(seconds))
    for cycle in range(6):  # 30 steps in 30 seconds, counted 18, 9 and 3 at a time
        for done in (18, 27, 30):
            progress.update(30 * cycle + done)
    speeds = [line.split(", ")[1] for line in file.getvalue().splitlines()]
    assert speeds[0] == "0 examples/s]"
    rates = [int(speed.split()[0]) for speed in speeds[6:]]
    assert rates == [1] * len(rates)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Closed(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_progress_goes_on_where_nobody_reads_it_any_more():
    with Progress(10, file=Closed()) as progress:
        progress.update(10)
        progress.say("done")


def test_on_a_terminal_progress_is_a_bar_and_lines_stay_whole():
    file = Terminal()
    with Progress(10, initial=4, examples_per_step=8, file=file) as progress:
        progress.update(7, {"generator/loss": 0.5})
        progress.say("saved")
        progress.update(10)
    assert "\rsaved\n" in file.getvalue() or "\nsaved\n" in file.getvalue()
    last = file.getvalue().rstrip().splitlines()[-1]
    assert "100%" in last
    assert "step 10/10" in last
    assert "generator/loss 0.5" in last


def test_half_written_pictures_of_a_killed_run_are_removed_and_what_others_write_stays(tmp_path):
    (tmp_path / "samples").mkdir()
    for name in ("samples/00000004.png", "curves.png", "evaluation.json"):
        with suppress(KeyError), files.replacing(tmp_path / name) as half:
            half.write_text("half")
            left = half.with_name(half.name)
            os.link(left, tmp_path / "left")
            raise KeyError
        (tmp_path / "left").rename(left)
    (tmp_path / "samples" / "00000002.png").touch()
    with Writer(tmp_path):
        assert [path.name for path in (tmp_path / "samples").iterdir()] == ["00000002.png"]
        names = [name for name in os.listdir(tmp_path) if files.is_partial(name)]
        assert [name.rpartition("-")[2] for name in names] == ["evaluation.json"]
