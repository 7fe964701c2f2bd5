"""How the processes of a run find one another, and learn at once that one of them is gone.

JAX's own service, which they join afterwards, waits for minutes and then aborts with a trace of the
runtime's. Here every process has a guard, and every guard a TCP connection to process 0's, which is
closed when the process dies, whatever of.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from gan_jax import guard
from gan_jax.guard import receive, tell
from gan_jax.quiet import native_errors_diverted
from gan_jax.types import UserError

_GO = "go"
_say = partial(print, flush=True)
_ECHO = 0.5  # seconds in which the loss that a fault may come of is known too, and told instead
_NEWS = 3.0  # seconds after which a process that still waits says so
_SILENCE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 2}  # not all systems know all

Lines = Mapping[int, socket.socket]
"""Connections by the number of the process at the other end."""


@contextlib.contextmanager
def together(
    host: str,
    port: int,
    processes: int,
    process: int,
    *,
    seconds: float = 120.0,
    say: Callable[[str], None] = _say,
) -> Iterator[None]:
    """Waits until all processes of a run are there; within the block, a guard sees that they stay.

    Process 0 listens at the address named, and there alone, until all have come; then the port is
    free for JAX's service. When a process is lost, the guards of the others say so in one line on
    standard error and kill them, since what waits for the lost one waits in native code. A process
    whose block fails tells the others: they have a few seconds to find the fault themselves.

    Args:
      host: of process 0.
      port: where it listens.
      processes: how many there are.
      process: which one this is, from 0.
      seconds: how long to wait for the others.
      say: takes a line for the reader.

    Raises:
      UserError: the address is not this machine's to listen at, the others do not come in time, or
        process 0 turns this one away.
    """
    deadline = time.monotonic() + seconds
    if process == 0:
        lines = _gather(host, port, processes, deadline, say)
    else:
        lines = {0: _arrive(host, port, processes, process, deadline, say)}
    with _guarded(lines) as own:
        try:
            yield
        except BaseException:
            time.sleep(_ECHO)
            tell(own, guard.FAILED)
            if process == 0:  # whose end the others would take for a loss
                own.settimeout(2 * guard.GRACE)
                receive(own)
            raise
        tell(own, guard.DONE)


@contextlib.contextmanager
def _guarded(lines: Lines) -> Iterator[socket.socket]:
    """A guard for this process, which takes over its lines, and the line to it."""
    own, far = socket.socketpair()
    echo, noise = os.pipe()
    numbered = [str(n) for number, line in lines.items() for n in (number, line.fileno())]
    # By its path, and isolated: beside it lie modules of names that the standard library has too.
    command = [sys.executable, "-I", guard.__file__]
    process = subprocess.Popen(
        [*command, str(os.getpid()), str(far.fileno()), str(echo), *numbered],
        pass_fds=[far.fileno(), echo, *(line.fileno() for line in lines.values())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    for taken in (far, *lines.values()):
        taken.close()
    os.close(echo)
    with process, own, native_errors_diverted(noise):
        yield own


def _gather(
    host: str, port: int, processes: int, deadline: float, say: Callable[[str], None]
) -> Lines:
    """Process 0's lines to all others."""
    lines: dict[int, socket.socket] = {}
    where = f"{host}:{port}"
    missing = lambda: [number for number in range(1, processes) if number not in lines]
    try:
        server = socket.create_server((host, port), family=_family(host, port))
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"cannot listen at {where} ({reason}): --coordinator names an address of process 0's "
            "machine and a free port"
        ) from error
    with server, contextlib.ExitStack() as opened:
        news = time.monotonic() + _NEWS
        while missing():
            left = deadline - time.monotonic()
            if left <= 0:
                raise UserError(
                    f"{_numbered(missing())} of {processes} did not come to {where}: start all "
                    "processes of a run within two minutes"
                )
            server.settimeout(min(left, _NEWS))
            try:
                line, _ = server.accept()
            except TimeoutError:
                if time.monotonic() > news:
                    say(f"waiting at {where} for {_numbered(missing())} of {processes}")
                    news = float("inf")
                continue
            number, refusal = _greeted(line, processes, lines)
            if number is None:
                with line:
                    tell(line, refusal)
            else:
                lines[number] = opened.enter_context(line)
        opened.pop_all()  # which leaves them open
    for line in lines.values():
        _keep_alive(line)
        tell(line, _GO)
    return lines


def _greeted(line: socket.socket, processes: int, lines: Lines) -> tuple[int | None, str]:
    """The number of who calls, or None and why it is turned away."""
    line.settimeout(guard.GRACE)
    match receive(line).split():
        case ["gan_jax", number, count] if number.isdigit() and int(number) in range(1, processes):
            if count != str(processes):
                return None, f"process 0 counts {processes} processes, process {number} {count}"
            if int(number) in lines:
                return None, f"there is a process {number} already"
            return int(number), ""
    return None, f"processes other than 0 are 1..{processes - 1}"


def _arrive(
    host: str,
    port: int,
    processes: int,
    process: int,
    deadline: float,
    say: Callable[[str], None],
) -> socket.socket:
    """Another process's line to process 0, once all are there."""
    where = f"{host}:{port}"
    news = time.monotonic() + _NEWS
    while True:
        with contextlib.ExitStack() as opened:
            try:
                left = max(deadline - time.monotonic(), 0.1)
                line = opened.enter_context(socket.create_connection((host, port), left))
                tell(line, f"gan_jax {process} {processes}")
                answer, reason = receive(line), "it answers, but not all have come"
            except OSError as error:
                answer, reason = "", str(error.strerror or error)
            if answer == _GO:
                _keep_alive(line)
                opened.pop_all()  # which leaves it open
                return line
            if answer:
                raise UserError(f"turned away at {where}: {answer}")
        if time.monotonic() > deadline:
            raise UserError(f"process 0 is not to be reached at {where} ({reason}): start it too")
        if time.monotonic() > news:
            say(f"waiting for process 0 at {where}")
            news = float("inf")
        time.sleep(0.2)


def _keep_alive(line: socket.socket) -> None:
    """Blocks for ever; a machine without power is noticed, which closes nothing."""
    line.settimeout(None)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SILENCE.items():
        if hasattr(socket, name):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]


def _numbered(numbers: list[int]) -> str:
    return f"process{'es' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
