import copy
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
from types import SimpleNamespace

import jax
import pytest

from gan_jax import runs
from gan_jax.types import UserError

CONFIG = {"seed": 3, "steps": 10, "data": {"name": "digits", "resolution": 16}, "betas": (0.5, 0.9)}
COLUMNS = {"x": {"kind": {"kind": "image"}, "shape": (16, 16, 1), "dtype": "uint8"}}
SOURCE = "def get_config(): ...\n"


@pytest.fixture(scope="module")
def made():
    return runs.record(CONFIG, recipe="configs/digits.py", seed=3, columns=COLUMNS, examples=60)


def altered(made, **changes):
    other = copy.deepcopy(made)
    other["config"].update(changes)
    return other


def begin(workdir, record, source=SOURCE, **settings):
    """As a run that has logged something."""
    runs.claim(workdir, record, source, **settings)
    (workdir / "metrics.jsonl").touch()


def test_examples_that_come_or_go_are_told(made, tmp_path):
    begin(tmp_path, made)
    with pytest.raises(UserError, match="data: 60 -> 59 examples"):
        runs.claim(tmp_path, {**made, "examples": 59}, SOURCE, extendable=True)


def test_a_recipe_of_another_user_is_not_executed_unasked(tmp_path, monkeypatch):
    (tmp_path / "recipe.py").write_text("")
    runs.check_owner(tmp_path)
    monkeypatch.setattr(pathlib.Path, "stat", lambda path: SimpleNamespace(st_uid=os.getuid() + 1))
    with pytest.raises(UserError, match="is another user's, and would be executed"):
        runs.check_owner(tmp_path)


def test_a_lock_that_is_a_link_is_refused_and_its_target_is_left_alone(tmp_path):
    target = tmp_path / "diary"
    target.write_text("dear")
    (tmp_path / ".lock").symlink_to(target)
    with pytest.raises(UserError, match="could not open"), runs.lock(tmp_path):
        pass
    assert target.read_text() == "dear"


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
    assert made["columns"] == {"x": {**COLUMNS["x"], "shape": [16, 16, 1]}}
    assert made["versions"]["jax"] == importlib.metadata.version("jax")
    assert made["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert made["command"].startswith("python ")
    assert made["devices"] == f"{jax.device_count()} x {jax.devices()[0].device_kind}"
    assert json.loads(json.dumps(made)) == made


def test_record_holds_the_commit_of_the_code(tmp_path):
    def git(*arguments):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
        return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)

    def recorded(name):
        spec = importlib.util.spec_from_file_location("somewhere_else", tmp_path / name)
        code = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(code)
        return code.record(CONFIG, recipe="r.py", seed=0, columns={}, examples=1)["git"]

    source = pathlib.Path(runs.__file__).read_text()
    (tmp_path / ".gitignore").write_text("__pycache__")
    (tmp_path / "code.py").write_text(source)
    assert recorded("code.py") is None
    git("init")
    git("add", "code.py")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD").stdout.strip()
    assert recorded("code.py") == {"commit": commit, "dirty": False}
    (tmp_path / "code.py").write_text(f"{source}#")
    assert recorded("code.py") == {"commit": commit, "dirty": True}
    (tmp_path / "installed.py").write_text(source)
    assert recorded("installed.py") is None


def test_a_new_folder_gets_the_record_and_the_recipe(tmp_path, made):
    workdir = tmp_path / "new" / "run"
    runs.claim(workdir, made, SOURCE)
    assert sorted(os.listdir(workdir)) == ["config.json", "recipe.py"]
    assert runs.load(workdir) == made
    assert (workdir / "recipe.py").read_text() == SOURCE


def test_the_same_run_again_changes_nothing(tmp_path, made):
    begin(tmp_path, made)
    before = (tmp_path / "config.json").read_text()
    runs.claim(tmp_path, {**made, "started": "later", "versions": {"jax": "9"}}, SOURCE)
    assert (tmp_path / "config.json").read_text() == before


def test_another_config_is_refused_with_a_line_per_key(tmp_path, made):
    begin(tmp_path, made)
    other = altered(made, data={"name": "digits", "resolution": 32}, betas=[0.0, 0.9])
    with pytest.raises(UserError, match="--allow_config_change") as caught:
        runs.claim(tmp_path, other, SOURCE)
    assert str(caught.value).splitlines()[1:] == [
        "  betas: [0.5, 0.9] -> [0.0, 0.9]",
        "  data.resolution: 16 -> 32",
    ]
    assert runs.load(tmp_path) == made


def test_what_failed_before_it_began_stands_in_nobodys_way(tmp_path, made):
    runs.claim(tmp_path, altered(made, loss="HNGE"), SOURCE)
    runs.claim(tmp_path, made, SOURCE + "\n")
    assert runs.load(tmp_path) == made
    assert (tmp_path / "recipe.py").read_text() == SOURCE + "\n"


def test_another_recipe_is_refused(tmp_path, made):
    begin(tmp_path, made)
    with pytest.raises(UserError, match=r"  recipe.py: the source of configs/digits.py changed$"):
        runs.claim(tmp_path, made, SOURCE + "\n")


def test_an_allowed_change_keeps_the_history(tmp_path, made):
    records = [made, altered(made, steps=20), altered(made, steps=30)]
    for version, each in enumerate(records):
        begin(tmp_path, each, f"# {version}\n", allow_config_change=True)
    now = runs.load(tmp_path)
    previous = now.pop("previous")
    assert now == records[2]
    assert previous == [
        {**records[0], "recipe_source": "# 0\n"},
        {**records[1], "recipe_source": "# 1\n"},
    ]
    assert (tmp_path / "recipe.py").read_text() == "# 2\n"


MORE = {"steps": 20, "log_every": 5, "keep": 9, "best": "-fid"}


@pytest.mark.parametrize("changes", [MORE, {"steps": 20}, {"evaluate_every": 7}])
def test_a_run_that_may_be_extended_is_without_being_allowed(tmp_path, made, changes):
    begin(tmp_path, made)
    longer = altered(made, **changes)
    runs.claim(tmp_path, longer, SOURCE, extendable=True)
    now = runs.load(tmp_path)
    assert now.pop("previous") == [{**made, "recipe_source": SOURCE}]
    assert now == longer


@pytest.mark.parametrize(
    ("changes", "extendable"),
    [
        ({"steps": 20}, False),
        ({"steps": 9}, True),
        ({"steps": 20, "betas": [0.0, 0.9]}, True),
        ({"initial_weight": 2}, True),
    ],
)
def test_what_alters_the_steps_is_refused_though_extendable(tmp_path, made, changes, extendable):
    begin(tmp_path, made)
    with pytest.raises(UserError, match="--allow_config_change"):
        runs.claim(tmp_path, altered(made, **changes), SOURCE, extendable=extendable)
    assert runs.load(tmp_path) == made


def test_another_recipe_is_refused_though_extendable(tmp_path, made):
    begin(tmp_path, made)
    with pytest.raises(UserError, match="the source of"):
        runs.claim(tmp_path, altered(made, steps=20), SOURCE + "\n", extendable=True)


RECIPE = """
import json, numpy as np, absent
import numpy.linalg
from nets_of_mine.deep import Net
from gan_jax import nets

def make_game(config):
    import losses_of_mine, numbers
"""


def test_siblings_are_what_lies_beside_a_recipe_and_nowhere_else(tmp_path):
    (tmp_path / "recipe.py").write_text(RECIPE)
    (tmp_path / "nets_of_mine").mkdir()
    for name in ("losses_of_mine.py", "not_imported.py", "json.py", "numpy.py"):
        (tmp_path / name).touch()
    assert runs.siblings(tmp_path / "recipe.py") == ["losses_of_mine", "nets_of_mine"]


def test_siblings_are_told_in_the_folder_that_python_was_started_in(tmp_path):
    (tmp_path / "recipe.py").write_text("import beside, json")
    (tmp_path / "beside.py").touch()
    root = pathlib.Path(runs.__file__).parents[1]
    code = "from gan_jax import runs; print(runs.siblings('recipe.py'))"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "['beside']\n", done.stderr


def test_siblings_of_no_python_are_refused(tmp_path):
    (tmp_path / "recipe.py").write_text("def (")
    with pytest.raises(UserError, match=r"could not read the recipe .*recipe\.py"):
        runs.siblings(tmp_path / "recipe.py")


@pytest.mark.parametrize("name", ["thesis.tex", "recipe.py", ".bashrc"])
def test_a_folder_of_something_else_is_refused(tmp_path, made, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(UserError, match=f"is not the folder of a run: it holds {name} but no"):
        runs.claim(tmp_path, made, SOURCE)
    assert os.listdir(tmp_path) == [name]


def test_a_claim_cut_short_is_taken_up(tmp_path, made):
    with runs.lock(tmp_path):
        (tmp_path / "recipe.py").write_text(SOURCE)
        left = f"""
import os
from gan_jax import files
with files.replacing({str(tmp_path / "config.json")!r}) as partial:
    partial.write_text("cut")
    os.kill(os.getpid(), 9)
"""
        subprocess.run([sys.executable, "-c", left], check=False)
        assert len(os.listdir(tmp_path)) == 3
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
