import copy
import importlib.metadata
import json
import os
import signal
import subprocess
import sys

import jax
import pytest

from gan_jax import runs
from gan_jax.types import UserError

CONFIG = {"seed": 3, "steps": 10, "data": {"name": "digits", "resolution": 16}, "betas": (0.5, 0.9)}
SOURCE = "def get_config(): ...\n"


@pytest.fixture(scope="module")
def made():
    return runs.record(CONFIG, recipe="configs/digits.py", seed=3)


def altered(made, **changes):
    other = copy.deepcopy(made)
    other["config"].update(changes)
    return other


HOLD = """
import sys, time
from gan_jax import runs
with runs.lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    workdir = tmp_path / "runs" / "x"
    command = [sys.executable, "-c", HOLD, str(workdir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        message = f"runs/x is in use by process {process.pid};"
        with pytest.raises(UserError, match=message), runs.lock(workdir):
            pass
        process.send_signal(signal.SIGKILL)
    with runs.lock(workdir):
        assert (workdir / ".lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_is_given_back(tmp_path):
    for _ in range(2):
        with runs.lock(tmp_path):
            pass


def test_a_lock_on_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"could not open .*file as a run's folder"):
        runs.lock(tmp_path / "file").__enter__()


def test_record_says_what_a_run_is_made_with(made):
    assert made["config"] == {**CONFIG, "betas": [0.5, 0.9]}
    assert (made["recipe"], made["seed"]) == ("configs/digits.py", 3)
    assert made["versions"]["jax"] == importlib.metadata.version("jax")
    assert made["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert made["command"].startswith("python ")
    assert made["devices"] == f"{jax.device_count()} x {jax.devices()[0].device_kind}"
    assert json.loads(json.dumps(made)) == made


def test_record_holds_the_commit_of_the_code(tmp_path, monkeypatch):
    def git(*arguments):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
        return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)

    def recorded(name):
        monkeypatch.setattr(runs, "__file__", str(tmp_path / name))
        return runs.record(CONFIG, recipe="r.py", seed=0)["git"]

    (tmp_path / "code.py").write_text("1")
    assert recorded("code.py") is None
    git("init")
    git("add", "code.py")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD").stdout.strip()
    assert recorded("code.py") == {"commit": commit, "dirty": False}
    (tmp_path / "code.py").write_text("2")
    assert recorded("code.py") == {"commit": commit, "dirty": True}
    (tmp_path / "installed.py").touch()
    assert recorded("installed.py") is None


def test_a_new_folder_gets_the_record_and_the_recipe(tmp_path, made):
    workdir = tmp_path / "new" / "run"
    runs.claim(workdir, made, SOURCE)
    assert sorted(os.listdir(workdir)) == ["config.json", "recipe.py"]
    assert runs.load(workdir) == made
    assert (workdir / "recipe.py").read_text() == SOURCE


def test_the_same_run_again_changes_nothing(tmp_path, made):
    runs.claim(tmp_path, made, SOURCE)
    before = (tmp_path / "config.json").read_text()
    runs.claim(tmp_path, {**made, "started": "later", "versions": {"jax": "9"}}, SOURCE)
    assert (tmp_path / "config.json").read_text() == before


def test_another_config_is_refused_with_a_line_per_key(tmp_path, made):
    runs.claim(tmp_path, made, SOURCE)
    other = altered(made, data={"name": "digits", "resolution": 32}, betas=[0.0, 0.9])
    with pytest.raises(UserError, match="--allow_config_change") as caught:
        runs.claim(tmp_path, other, SOURCE)
    assert str(caught.value).splitlines()[1:] == [
        "  betas: [0.5, 0.9] -> [0.0, 0.9]",
        "  data.resolution: 16 -> 32",
    ]
    assert runs.load(tmp_path) == made


def test_another_recipe_is_refused(tmp_path, made):
    runs.claim(tmp_path, made, SOURCE)
    with pytest.raises(UserError, match=r"  recipe.py: the source of configs/digits.py changed$"):
        runs.claim(tmp_path, made, SOURCE + "\n")


def test_an_allowed_change_keeps_the_history(tmp_path, made):
    records = [made, altered(made, steps=20), altered(made, steps=30)]
    for version, each in enumerate(records):
        runs.claim(tmp_path, each, f"# {version}\n", allow_config_change=True)
    now = runs.load(tmp_path)
    previous = now.pop("previous")
    assert now == records[2]
    assert previous == [
        {**records[0], "recipe_source": "# 0\n"},
        {**records[1], "recipe_source": "# 1\n"},
    ]
    assert (tmp_path / "recipe.py").read_text() == "# 2\n"


@pytest.mark.parametrize("name", ["thesis.tex", "recipe.py", ".bashrc"])
def test_a_folder_of_something_else_is_refused(tmp_path, made, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(UserError, match=f"is not the folder of a run: it holds {name} but no"):
        runs.claim(tmp_path, made, SOURCE)
    assert os.listdir(tmp_path) == [name]


def test_a_claim_cut_short_is_taken_up(tmp_path, made):
    with runs.lock(tmp_path):
        (tmp_path / "recipe.py").write_text(SOURCE)
        (tmp_path / ".config.json.partial").write_text('{"con')
        runs.claim(tmp_path, made, SOURCE)
    assert runs.load(tmp_path) == made


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, made):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file, not a folder"):
        runs.claim(tmp_path / "file", made, SOURCE)


def test_a_missing_record_says_what_was_expected(tmp_path):
    with pytest.raises(UserError, match=r"no config\.json in .*: expected the folder of a run"):
        runs.load(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "message"), [("{cut", "could not read"), ("[1]", "lacks"), ('{"a": 1}', "lacks")]
)
def test_a_damaged_record_is_refused(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=message):
        runs.load(tmp_path)


def test_diff_names_added_and_removed_keys():
    old = {"a": 1, "b": {"c": "x"}, "same": None}
    new = {"a": 1.5, "b": {"d": True}, "same": None}
    assert runs.diff(old, new) == ["a: 1 -> 1.5", 'b.c: "x" -> absent', "b.d: absent -> true"]


def test_diff_of_equals_is_empty():
    assert runs.diff({"a": float("nan"), "b": (1, 2)}, {"b": [1, 2], "a": float("nan")}) == []
