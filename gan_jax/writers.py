"""Where numbers and samples go: JSON lines, TensorBoard, files that suit and the console."""

import contextlib
import json
import math
import os
import pathlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np
from tensorboardX import RecordWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.plugin_text_pb2 import TextPluginData
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboardX.proto.tensor_pb2 import TensorProto
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
from tqdm import tqdm

from gan_jax import pictures
from gan_jax.data.kinds import Audio, Kind
from gan_jax.files import remove_partial, write_whole
from gan_jax.kinds import write
from gan_jax.types import UserError

_METRICS = "metrics.jsonl"
_LINES = 6  # of a log file, that the speed is a mean over


def read_metrics(workdir: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Reads the records of a run's `metrics.jsonl`, each with `step`; none where there is no file.

    A last line cut short by a crash is left out.

    Raises:
      UserError: another line is not a record.
    """
    path = pathlib.Path(workdir) / _METRICS
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    try:
        records = [json.loads(line) for line in lines]
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); mend or remove it") from error
    if not all(isinstance(record, dict) and "step" in record for record in records):
        raise UserError(f"{path} is damaged (a line without a step); mend or remove it")
    return records


class Writer:
    """Writes a run's metrics and samples into its folder.

    `metrics.jsonl` holds one object a line: `step` and the metrics by name, null for a value that
    is not finite (JSON knows no NaN). `samples/STEP.png` holds pictures, and beside them
    lies what is heard, read or seen to move (`.wav`, `.txt`, `.gif`); `curves.png` is the metrics
    drawn, `tensorboard/` all of it for TensorBoard.

    Opened to go on from `start_step`, it first drops what was logged after that step: the run that
    wrote it was killed past its last checkpoint. A resumed run's log thus equals an unbroken one's.
    Of pictures that it was killed over, what was half written is removed.
    """

    def __init__(
        self,
        workdir: str | os.PathLike[str],
        *,
        start_step: int = 0,
        tensorboard: bool = True,
    ) -> None:
        self._workdir = pathlib.Path(workdir)
        self._board: _Board | None = None
        self._files = contextlib.ExitStack()
        with _disk(self._workdir):
            self._workdir.mkdir(parents=True, exist_ok=True)
            remove_partial(self._workdir / "samples")
            remove_partial(self._workdir, "curves.png")
            self._records = _turn_back(self._workdir, start_step)
            metrics = self._workdir / _METRICS
            self._metrics = self._files.enter_context(metrics.open("a", encoding="utf-8"))
            if tensorboard:
                self._board = _Board(self._workdir / "tensorboard", start_step)
                self._files.callback(self._board.close)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Logs numbers by `player/name`.

        Raises:
          UserError: they could not be written, on a full disk say.
        """
        numbers = {name: float(value) for name, value in values.items()}
        finite = {name: x if math.isfinite(x) else None for name, x in numbers.items()}
        record = {"step": int(step), **finite}
        with _disk(self._workdir):
            self._metrics.write(json.dumps(record) + "\n")
            self._metrics.flush()
            self._records.append(record)
            if self._board:
                self._board.write(
                    step, [Summary.Value(tag=name, simple_value=x) for name, x in numbers.items()]
                )

    def samples(
        self,
        step: int,
        picture: np.ndarray,
        kind: Kind | None = None,
        samples: np.ndarray | None = None,
    ) -> None:
        """Saves a picture of samples and, where their kind has one, the file that suits it best.

        Args:
          step: the number of steps taken.
          picture: uint8 [H, W, 3].
          kind: of the samples, if they shall be heard, read or seen to move.
          samples: [N, ...].

        Raises:
          UserError: it could not be written.
        """
        path = self._workdir / "samples" / f"{step:08d}.png"
        pictures.save_png(path, picture)
        companions = []
        if kind is not None and samples is not None:
            companions = [path.with_suffix(suffix) for suffix in write.companions(kind)]
            for companion in companions:
                write.samples(companion, kind, samples)
        if self._board:
            with _disk(self._workdir):
                values = [_companion("samples", kind, companion) for companion in companions]
                values = [value for value in values if value is not None]
                self._board.write(step, [_image("samples", picture), *values])

    def records(self) -> list[dict[str, Any]]:
        """Everything logged so far, before a resumption too, as `read_metrics` has it."""
        return list(self._records)

    def curves(self) -> None:
        """Draws everything logged so far into `curves.png`.

        Raises:
          UserError: it could not be written.
        """
        drawn = pictures.curves(self.records())
        pictures.save_png(self._workdir / "curves.png", drawn)

    def close(self) -> None:
        """Closes the files."""
        with _disk(self._workdir):
            self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Progress:
    """A progress bar on a terminal, a plain line now and then in a log file.

    The speed that a line tells is the mean since some lines before, without the first stretch,
    which compiles: steps are counted when they are sent off, many at once.

    Args:
      total: the steps of the whole run.
      initial: the steps already taken.
      examples_per_step: what turns steps a second into examples a second.
      interval: seconds between the lines of a log file.
      file: where it goes; standard error if None.
      clock: what tells the seconds of a log file.
    """

    def __init__(
        self,
        total: int,
        *,
        initial: int = 0,
        examples_per_step: int = 1,
        interval: float = 10.0,
        file: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file or sys.stderr
        self._total = total
        self._examples_per_step = examples_per_step
        self._interval = interval
        self._metrics: Mapping[str, float] = {}
        self._clock = clock
        self._marks = deque([(initial, clock())], _LINES)  # at the last lines
        self._compiled = False
        self._bar = None
        if self._file.isatty():
            self._bar = tqdm(
                total=total,
                initial=initial,
                file=self._file,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}%|{bar:20}| step {n}/{total} [{remaining}{postfix}]",
            )

    def update(self, step: int, metrics: Mapping[str, float] | None = None) -> None:
        """Shows that `step` steps are done, and the latest metrics where given."""
        self._metrics = metrics or self._metrics
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            self._bar.set_postfix_str(self._described(self._bar.format_dict["rate"] or 0), False)
            return
        (before, then), (first, start) = self._marks[-1], self._marks[0]
        now = self._clock()
        if step > before and (now - then >= self._interval or step >= self._total):
            rate = (step - first) / max(now - start, 1e-9)
            if not self._compiled:
                self._marks.clear()
                self._compiled = True
            self._marks.append((step, now))
            left = tqdm.format_interval((self._total - step) / rate)
            self.say(f"step {step}/{self._total} [{left}, {self._described(rate)}]")

    def say(self, text: str) -> None:
        """Prints a line without breaking the bar; nobody need be there to read it."""
        with contextlib.suppress(OSError):
            if self._bar is not None:
                self._bar.write(text, file=self._file)
            else:
                print(text, file=self._file, flush=True)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _described(self, rate: float) -> str:
        speed = f"{rate * self._examples_per_step:,.0f} examples/s"
        return ", ".join([speed, *(f"{name} {x:.4g}" for name, x in self._metrics.items())])


class _Board:
    """A TensorBoard event file, written without tensorboardX's thread.

    On a full disk that thread dies unseen and the training hangs on its queue.
    """

    def __init__(self, directory: pathlib.Path, start_step: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._records = RecordWriter(str(directory / f"events.out.tfevents.{time.time_ns()}"))
        self._write(file_version="brain.Event:2")
        # on reading this, TensorBoard drops what an older file holds from the step on
        self._write(step=start_step + 1, session_log=SessionLog(status=SessionLog.START))

    def write(self, step: int, values: list[Summary.Value]) -> None:
        self._write(step=step, summary=Summary(value=values))

    def close(self) -> None:
        self._records.close()

    def _write(self, **fields: Any) -> None:
        self._records.write(Event(wall_time=time.time(), **fields).SerializeToString())
        self._records.flush()


def _image(tag: str, picture: np.ndarray) -> Summary.Value:
    height, width, _ = picture.shape
    encoded = pictures.encode_png(picture)
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=encoded)
    return Summary.Value(tag=tag, image=image)


def _companion(tag: str, kind: Kind | None, path: pathlib.Path) -> Summary.Value | None:
    """What TensorBoard plays or prints of a file, if it can."""
    if isinstance(kind, Audio):
        wave = Summary.Audio(
            sample_rate=kind.rate,
            encoded_audio_string=path.read_bytes(),
            content_type="audio/wav",
        )
        return Summary.Value(tag=f"{tag}/audio", audio=wave)
    if path.suffix == ".txt":
        text = "".join(f"    {line}\n" for line in path.read_text(encoding="utf-8").split("\n"))
        plugin = SummaryMetadata.PluginData(
            plugin_name="text", content=TextPluginData(version=0).SerializeToString()
        )
        tensor = TensorProto(
            dtype="DT_STRING",
            string_val=[text.encode()],  # Markdown, in which indented lines stand as they are
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        )
        metadata = SummaryMetadata(plugin_data=plugin)
        return Summary.Value(tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)
    return None


def _turn_back(workdir: pathlib.Path, step: int) -> list[dict[str, Any]]:
    """The records up to `step`, all that is left of `metrics.jsonl` where there was more."""
    path = workdir / _METRICS
    if not path.exists():
        return []
    kept = [record for record in read_metrics(workdir) if record["step"] <= step]
    text = "".join(json.dumps(record) + "\n" for record in kept)
    if text != path.read_text(encoding="utf-8"):
        write_whole(path, text)
    return kept


@contextlib.contextmanager
def _disk(workdir: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"could not write to {workdir}: {error.strerror or error}") from error
