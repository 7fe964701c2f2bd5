"""Where numbers and pictures go: JSON lines, TensorBoard, PNG files and the console."""

import contextlib
import io
import json
import math
import os
import pathlib
import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np
from PIL import Image
from tensorboardX import RecordWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tqdm import tqdm

from gan_jax import pictures
from gan_jax.types import UserError

_METRICS = "metrics.jsonl"


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
    is not finite (JSON knows no NaN). `samples/STEP.png` holds pictures, `curves.png` the metrics
    drawn, `tensorboard/` all of it for TensorBoard.

    Opened to go on from `start_step`, it first drops what was logged after that step: the run that
    wrote it was killed past its last checkpoint. A resumed run's log thus equals an unbroken one's.
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
            _drop_after(self._workdir, start_step)
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
        record = {name: x if math.isfinite(x) else None for name, x in numbers.items()}
        with _disk(self._workdir):
            self._metrics.write(json.dumps({"step": int(step), **record}) + "\n")
            self._metrics.flush()
            if self._board:
                self._board.write(
                    step, [Summary.Value(tag=name, simple_value=x) for name, x in numbers.items()]
                )

    def samples(self, step: int, picture: np.ndarray) -> None:
        """Saves a picture of samples, uint8 [H, W, 3].

        Raises:
          UserError: it could not be written.
        """
        path = self._workdir / "samples" / f"{step:08d}.png"
        pictures.save_png(path, picture)
        if self._board:
            with _disk(self._workdir):
                self._board.write(step, [_image("samples", picture)])

    def records(self) -> list[dict[str, Any]]:
        """Everything logged so far, before a resumption too; see `read_metrics`."""
        return read_metrics(self._workdir)

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

    Args:
      total: the steps of the whole run.
      initial: the steps already taken.
      images_per_step: what turns steps a second into images a second.
      interval: seconds between the lines of a log file.
      file: where it goes; standard error if None.
    """

    def __init__(
        self,
        total: int,
        *,
        initial: int = 0,
        images_per_step: int = 1,
        interval: float = 10.0,
        file: TextIO | None = None,
    ) -> None:
        self._file = file or sys.stderr
        self._total = total
        self._images_per_step = images_per_step
        self._interval = interval
        self._metrics: Mapping[str, float] = {}
        self._mark = (initial, time.monotonic())  # at the last line
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
        before, then = self._mark
        now = time.monotonic()
        if step > before and (now - then >= self._interval or step >= self._total):
            self._mark = (step, now)
            rate = (step - before) / max(now - then, 1e-9)
            left = tqdm.format_interval((self._total - step) / rate)
            self.say(f"step {step}/{self._total} [{left}, {self._described(rate)}]")

    def say(self, text: str) -> None:
        """Prints a line without breaking the bar."""
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
        speed = f"{rate * self._images_per_step:,.0f} images/s"
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
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    height, width, _ = picture.shape
    image = Summary.Image(
        height=height, width=width, colorspace=3, encoded_image_string=buffer.getvalue()
    )
    return Summary.Value(tag=tag, image=image)


def _drop_after(workdir: pathlib.Path, step: int) -> None:
    """Rewrites `metrics.jsonl` with the whole lines up to `step`, if any goes."""
    path = workdir / _METRICS
    if not path.exists():
        return
    kept = [record for record in read_metrics(workdir) if record["step"] <= step]
    text = "".join(json.dumps(record) + "\n" for record in kept)
    if text != path.read_text(encoding="utf-8"):
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)


@contextlib.contextmanager
def _disk(workdir: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"could not write to {workdir}: {error.strerror or error}") from error
