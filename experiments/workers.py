"""Where the processes of a sweep run: on this machine, or as tasks of a Ray cluster."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from absl import flags
from tqdm import tqdm

from gan_jax.quiet import native_errors_diverted
from gan_jax.types import UserError

_WORKERS = flags.DEFINE_integer(
    "workers", 1, "Processes at once; of a cluster, on each of its nodes.", lower_bound=1
)
_CLUSTER = flags.DEFINE_string(
    "cluster", None, "A Ray cluster's address, or `auto`; else the processes are of this machine."
)

_TRIES = 3  # of a process that is killed
_POLL = 0.2  # seconds


class Job(NamedTuple):
    """What a process does.

    Attributes:
      name: that the user is told.
      arguments: of Python, in this folder.
      log: where what it says is added.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path


class Ended(NamedTuple):
    """A job that has come to its end: whether it was killed too often, and why it failed, or ""."""

    job: Job
    killed: bool
    failure: str


class Engine(Protocol):
    """What runs jobs."""

    def room(self) -> int:
        """How many at once."""

    def start(self, job: Job) -> Any:
        """Begins a job; what tells of it from then on."""

    def code(self, running: Any) -> int | None:
        """Its exit code, negative where a signal killed it; None while it runs."""

    def stop(self, running: Sequence[Any]) -> None:
        """Has jobs save and stop, and waits for it."""


class Workers:
    """Does jobs in order, so many at once; one that is killed is begun again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[tuple[Job, int]] = []
        self._running: list[tuple[Job, int, Any]] = []

    def submit(self, job: Job) -> None:
        """Adds a job to those that are waiting."""
        self._waiting.append((job, 0))

    def idle(self) -> bool:
        """Whether another job would begin at once."""
        return len(self._waiting) + len(self._running) < self._engine.room()

    def ended(self) -> Iterator[list[Ended]]:
        """Again and again, a moment apart, what has ended since; until nothing is left to do."""
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._engine.room():
                job, tries = self._waiting.pop(0)
                job.log.parent.mkdir(parents=True, exist_ok=True)
                self._running.append((job, tries + 1, self._engine.start(job)))
            time.sleep(_POLL)
            yield list(self._seen())

    def _seen(self) -> Iterator[Ended]:
        for entry in list(self._running):
            job, tries, running = entry
            if (code := self._engine.code(running)) is None:
                continue
            self._running.remove(entry)
            killed = code < 0 or code > 128  # or a signal had it save and stop
            if killed and tries < _TRIES:
                say(f"{job.name}: its process was killed, and is begun again")
                self._waiting.insert(0, (job, tries))
            elif killed:
                yield Ended(job, True, f"its process was killed {tries} times")
            else:
                failure = (_last_line(job.log) or f"exit status {code}") if code else ""
                yield Ended(job, False, failure)

    def stop(self) -> None:
        """Stops what runs."""
        self._engine.stop([running for _, _, running in self._running])


class _Processes:
    """Processes of this machine."""

    def room(self) -> int:
        return _WORKERS.value

    def start(self, job: Job) -> subprocess.Popen:
        with job.log.open("a") as out:
            command = [sys.executable, *job.arguments]
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)

    def code(self, running: subprocess.Popen) -> int | None:
        return running.poll()

    def stop(self, running: Sequence[subprocess.Popen]) -> None:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


class _Tasks:
    """Tasks of a Ray cluster, each of which runs a process beside it on its node.

    So JAX does not live in a process of Ray's, and a job is stopped by a signal as on this machine.
    This folder and that of the runs lie at the same places on all nodes.
    """

    def __init__(self, address: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise UserError(
                "--cluster: Ray is not there: pip install -c constraints.txt -e '.[cluster]'"
            ) from error
        host, _, port = address.rpartition(":")
        try:
            if host:  # or Ray tries for minutes
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f"--cluster={address}: there is no Ray cluster, or this machine is no node of it:"
                " see `ray start --help`"
            ) from error
        self._ray = ray

        def task(arguments: Sequence[str], log: str, folder: str) -> int:
            # What cancels a task; a node that was started in the background ignores it.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            with open(log, "a") as out:
                process = subprocess.Popen(
                    [sys.executable, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=out,
                    cwd=folder,
                )
                try:
                    while process.poll() is None:
                        time.sleep(0.2)
                finally:  # a cancelled task ends by an exception
                    process.terminate()
                    process.wait()
                return process.returncode

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        gpus = [int(resources["GPU"]) for resources in nodes if "GPU" in resources]
        self._needed = "GPU" if gpus else "CPU"
        each = max(min(gpus) // _WORKERS.value, 1) if gpus else 0
        self._task = ray.remote(
            num_cpus=1, num_gpus=each, max_retries=0, scheduling_strategy="SPREAD"
        )(task)

    def room(self) -> int:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return _WORKERS.value * sum(self._needed in resources for resources in nodes)

    def start(self, job: Job) -> Any:
        return self._task.remote(job.arguments, str(job.log.absolute()), str(Path.cwd()))

    def code(self, running: Any) -> int | None:
        if not self._ray.wait([running], timeout=0)[0]:
            return None
        try:
            return self._ray.get(running)
        except self._ray.exceptions.RayTaskError as error:
            raise UserError(f"a node could not run a task: {error.cause}") from error
        except self._ray.exceptions.RayError:  # its node is lost
            return -signal.SIGKILL

    def stop(self, running: Sequence[Any]) -> None:
        for task in running:
            self._ray.cancel(task)
        if running:
            self._ray.wait(list(running), num_returns=len(running))
        self._ray.shutdown()


@contextlib.contextmanager
def hired() -> Iterator[Workers]:
    """Workers as the flags have them, stopped at the end; SIGTERM and SIGHUP bring it about."""
    with contextlib.ExitStack() as stack:
        if _CLUSTER.value:  # what Ray says of lost nodes, `say` says in one line
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
            stack.enter_context(native_errors_diverted(os.dup(nowhere.fileno())))
        workers = Workers(_Tasks(_CLUSTER.value) if _CLUSTER.value else _Processes())
        stack.callback(workers.stop)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: sys.exit(128 + number))
        yield workers


def say(line: str) -> None:
    """Tells the user something, above the bar."""
    tqdm.write(line, file=sys.stderr)


def _last_line(path: Path) -> str:
    return " ".join(path.read_text().strip().splitlines()[-1:]).removeprefix("error: ")
