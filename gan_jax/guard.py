"""Watches over one process of a run from outside it, for `rendezvous.together`, which starts it.

A thread would not do: JAX's runtime may hold Python back just when another process dies, and would
then abort with pages of its own. It is run by its path, so it knows the standard library alone.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time

DONE, FAILED, LOST = "done", "failed", "lost"
GRACE = 5.0  # seconds in which the others may find the same fault and say so themselves
_HELD = 0.3  # seconds for which native code's words are held


def tell(line: socket.socket, words: str) -> None:
    """Says a line; who is gone need not hear it."""
    with contextlib.suppress(OSError):
        line.sendall(f"{words}\n".encode())


def receive(line: socket.socket) -> str:
    """The next line said; empty where there is none any more, or none in time."""
    said = b""
    try:
        while not said.endswith(b"\n") and len(said) < 200:
            if not (byte := line.recv(1)):
                return ""
            said += byte
    except OSError:
        return ""
    return said.decode(errors="replace").strip()


def _print(said: bytes) -> None:
    """Writes to standard error; nobody need be there to read it."""
    with contextlib.suppress(OSError):
        os.write(2, said)


class Echo:
    """What a process's native code says, passed on a moment later.

    JAX's runtime has pages to say of a process that is lost, before it aborts; one line will do.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._held: list[tuple[float, bytes]] = []

    def take(self) -> None:
        """Takes what there is to be read."""
        with contextlib.suppress(OSError):
            while said := os.read(self.descriptor, 2**16):
                self._held.append((time.monotonic(), said))

    def pass_on(self, seconds: float = _HELD) -> None:
        """Passes on what has been held for so long."""
        while self._held and time.monotonic() - self._held[0][0] >= seconds:
            _print(self._held.pop(0)[1])


def watch(pid: int, own: socket.socket, echo: Echo, lines: dict[int, socket.socket]) -> None:
    """Tells the others how a process leaves, and ends it when one of them is lost.

    Args:
      pid: of the process, this one's parent.
      own: over which it says `DONE` or `FAILED`; closed when all others have gone.
      echo: of its native code.
      lines: to the others, by their numbers.
    """
    failing = False
    due: dict[int, float] = {}  # by number, until when its failure may be found here too
    done: set[int] = set()

    def lose(number: int, how: str) -> None:
        if not failing:
            for line in lines.values():  # it may be another's only line
                tell(line, f"{LOST} {number}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            text = f"error: lost process {number} of this run, which {how}; start all again and "
            _print(f"{text}they continue from the newest checkpoint\n".encode())
            sys.exit()

    def hear(number: int, said: str) -> None:
        if said == DONE:
            done.add(number)
        elif said == FAILED:
            due[number] = time.monotonic() + GRACE
        elif said.startswith(LOST):
            lose(int(said.split()[1]), "is lost to process 0 too")
        else:
            opened.unregister(lines.pop(number))
            if number not in done | due.keys():
                lose(number, "was killed or crashed")

    with selectors.DefaultSelector() as opened:
        opened.register(own, selectors.EVENT_READ)
        opened.register(echo.descriptor, selectors.EVENT_READ)
        for number, line in lines.items():
            opened.register(line, selectors.EVENT_READ, number)
        while os.getppid() == pid and not (failing and not lines):
            ready = [key for key, _ in opened.select(_HELD)]
            echo.take()
            for key in ready:
                if key.data is not None:
                    hear(key.data, receive(lines[key.data]))
            for number in [number for number, until in due.items() if time.monotonic() >= until]:
                del due[number]
                lose(number, "stopped with an error of its own")
            if any(key.fileobj is own for key in ready):
                said = receive(own)
                failing = said == FAILED
                for line in lines.values():
                    tell(line, said) if said else line.close()
                if not said:
                    break
            echo.pass_on()
    echo.take()
    echo.pass_on(0)


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)  # it ends when its process does
    parent, mine, noise, *others = map(int, sys.argv[1:])
    watch(
        parent,
        socket.socket(fileno=mine),
        Echo(noise),
        {n: socket.socket(fileno=fd) for n, fd in zip(others[::2], others[1::2], strict=True)},
    )
