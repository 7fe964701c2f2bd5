"""Processes that find one another over loopback, and what each learns of the others."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gan_jax import rendezvous
from gan_jax.types import UserError

HOST = "127.0.0.1"


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture
def member(port):
    """Starts a process that joins and then does `work`; before it has, it prints `here`."""
    started = []

    def start(process, work="pass", processes=2, seconds=10.0):
        code = (
            "import sys, time; from gan_jax import rendezvous\n"
            f"place = '{HOST}', {port}, {processes}, {process}\n"
            f"with rendezvous.together(*place, seconds={seconds}):\n"
            f"    print('here', flush=True)\n    {work}"
        )
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen([sys.executable, "-c", code], text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


LISTEN = "sys.stdin.readline()"  # until it is closed


def ended(process, seconds=10):
    """The exit code and what was said on standard error."""
    _, err = process.communicate(timeout=seconds)
    return process.returncode, err


def test_all_that_come_go_on_and_the_port_is_free_again(member, port):
    members = [member(i, LISTEN, processes=3) for i in (2, 0, 1)]
    for process in members:
        assert process.stdout.readline() == "here\n"
    with socket.create_server((HOST, port)):
        pass
    assert [ended(process) for process in members] == [(0, "")] * 3


@pytest.mark.parametrize(("process", "missing"), [(0, "process 1 of 2"), (1, "process 0")])
def test_who_waits_says_so_and_gives_up_in_time(process, missing, port, monkeypatch):
    monkeypatch.setattr(rendezvous, "_NEWS", 0.1)
    said = []
    with (
        pytest.raises(UserError, match=f"{missing}.*{HOST}:{port}"),
        rendezvous.together(HOST, port, 2, process, seconds=0.6, say=said.append),
    ):
        pass
    (line,) = said
    assert line.startswith("waiting")


def alone(port, seconds):
    """Process 0 of two, to whom nobody comes; in a thread."""

    def wait():
        with (
            pytest.raises(UserError, match="did not come"),
            rendezvous.together(HOST, port, 2, 0, seconds=seconds),
        ):
            pass

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    return thread


def test_it_listens_at_the_named_address_alone(port):
    thread = alone(port, 1.0)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), 1)
    thread.join(10)


def test_what_is_no_process_of_a_run_is_passed_over(port):
    thread = alone(port, 1.0)
    with socket.create_connection((HOST, port)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\n")
        assert b"processes other than 0" in stranger.recv(200)
    thread.join(10)


@pytest.mark.parametrize("address", [HOST, "192.0.2.1"])
def test_an_address_that_is_taken_or_elsewhere_is_one_line(address, port):
    with (
        socket.create_server((HOST, port)),
        pytest.raises(UserError, match="cannot listen"),
        rendezvous.together(address, port, 2, 0),
    ):
        pass


def test_who_counts_otherwise_or_comes_twice_is_turned_away_and_the_others_go_on(member):
    members = [member(i, LISTEN, processes=3, seconds=20) for i in (0, 1)]
    for processes, why in ((4, "process 0 counts 3 processes"), (3, "there is a process 1")):
        time.sleep(0.5)
        code, err = ended(member(1, processes=processes))
        assert code == 1
        assert why in err
    members.append(member(2, LISTEN, processes=3))
    for process in members:
        assert process.stdout.readline() == "here\n"
    assert [ended(process) for process in members] == [(0, "")] * 3


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_takes_all_others_with_it_at_once_each_with_one_line(victim, member):
    members = [member(i, "time.sleep(60)", processes=3) for i in range(3)]
    for process in members:
        process.stdout.readline()
    killed = members.pop(victim)
    killed.kill()
    for process in members:
        code, err = ended(process)
        assert code == -signal.SIGKILL
        assert err.startswith(f"error: lost process {victim} of this run, which ")
        assert err.count("\n") == 1


SPEAK = "import os; sys.stdin.readline(); os.write(2, b'native\\n'); print('said', flush=True); "


def speaking(process):
    """Has a process that does `SPEAK` do so."""
    process.stdin.write("speak\n")
    process.stdin.flush()
    assert process.stdout.readline() == "said\n"


def test_what_native_code_says_is_passed_on(member):
    members = [member(0, SPEAK + LISTEN), member(1, LISTEN)]
    members[0].stdout.readline()
    speaking(members[0])
    assert ended(members[0]) == (0, "native\n")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds a child process in /proc")
def test_what_native_code_says_of_a_lost_process_is_dropped(member):
    members = [member(0, SPEAK + LISTEN), member(1, "time.sleep(60)")]
    for process in members:
        process.stdout.readline()
    (guard,) = Path(f"/proc/{members[0].pid}/task/{members[0].pid}/children").read_text().split()
    os.kill(int(guard), signal.SIGSTOP)  # so that it learns of the words and of the loss at once
    speaking(members[0])
    members[1].kill()
    ended(members[1])  # and its guard too, which holds its standard error
    os.kill(int(guard), signal.SIGCONT)
    assert ended(members[0])[1].startswith("error: lost process 1 of this run")


FAIL = "raise SystemExit(3)"


def test_a_failure_is_the_others_loss(member):
    members = [member(0, "time.sleep(60)"), member(1, FAIL)]
    assert ended(members[1]) == (3, "")
    code, err = ended(members[0])
    assert code == -signal.SIGKILL
    assert "lost process 1 of this run, which stopped with an error of its own" in err


def test_processes_that_fail_alike_each_say_so_themselves(member):
    began = time.monotonic()
    members = [member(0, FAIL), member(1, f"time.sleep(1); {FAIL}")]
    assert [ended(process) for process in members] == [(3, "")] * 2
    assert time.monotonic() - began < 7


@pytest.mark.parametrize("early", [0, 1])
def test_who_is_done_before_the_others_is_not_lost_and_loses_nobody(early, member):
    work = ["pass", LISTEN][:: 1 if early == 0 else -1]
    members = [member(process, work[process]) for process in range(2)]
    assert ended(members[early]) == (0, "")
    time.sleep(0.3)
    assert ended(members[1 - early]) == (0, "")
