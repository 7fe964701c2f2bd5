import pytest

from experiments import workers
from experiments.workers import Ended, Job, Workers


class Engine:
    """Runs jobs that end at once, by the codes given for each name, one a try."""

    def __init__(self, room, **codes):
        self._room, self._codes = room, codes
        self.started, self.stopped = [], []

    def room(self):
        return self._room

    def start(self, job):
        self.started.append(job.name)
        job.log.write_text(f"error: {job.name} went wrong\n")
        return job.name

    def code(self, running):
        return self._codes[running].pop(0)

    def stop(self, running):
        self.stopped += running


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_POLL", 0)
    return lambda name: Job(name, (), tmp_path / name)


def test_a_process_that_is_killed_is_begun_again_three_times_at_most(job, capsys):
    engine = Engine(1, once=[-9, 0], often=[-9, 143, -15], wrong=[1])
    hired = Workers(engine)
    once, often, wrong = map(job, ("once", "often", "wrong"))
    for each in (once, often, wrong):
        hired.submit(each)
    ended = [end for ends in hired.ended() for end in ends]
    assert ended == [
        Ended(once, False, ""),
        Ended(often, True, "its process was killed 3 times"),
        Ended(wrong, False, "wrong went wrong"),
    ]
    assert engine.started == ["once"] * 2 + ["often"] * 3 + ["wrong"]
    assert capsys.readouterr().err.count("is begun again") == 3


def test_so_many_run_at_once_and_those_that_run_are_stopped(job):
    engine = Engine(2, a=[None], b=[None], c=[])
    hired = Workers(engine)
    for name in ("a", "b", "c"):
        assert hired.idle() == (name != "c")
        hired.submit(job(name))
    assert next(hired.ended()) == []
    hired.stop()
    assert engine.started == engine.stopped == ["a", "b"]
