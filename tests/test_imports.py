"""Imports point down only, and importing touches no device."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "gan_jax"
FOLDERS = ("gan_jax", "configs", "experiments", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

# What each room of the library may import of the others. A new room takes its place here.
BELOW = {
    "types": "",
    "quiet": "",
    "guard": "",
    "rendezvous": "guard quiet types",
    "collectives": "",
    "prng": "types",
    "files": "types",
    "augment": "prng types",
    "priors": "prng types",
    "penalties": "prng types",
    "sound": "types",
    "losses": "sound types",
    "metrics": "sound types",
    "optimizers": "types",
    "ranges": "",
    "privacy": "types",
    "cache": "files types",
    "layers": "collectives prng types",
    "nets": "layers prng types",
    "game": "collectives prng types",
    "step": "game collectives prng types",
    "dynamics": "step game types",
    "algorithms": "nets losses penalties priors augment game layers prng types",
    "data": "quiet types",
    "tabular": "data types",
    "pictures": "files types",
    "kinds": "pictures files data types",
    "checkpoints": "files quiet types",
    "runs": "files types",
    "writers": "kinds pictures files data types",
    "parallel": "rendezvous step game types",
    "loop": "parallel step game data types",
    "sampling": "kinds metrics parallel game data prng types",
    "judging": "parallel game prng types",
    "translation": "game data prng types",
    "extractors": (
        "cache files nets layers algorithms augment optimizers loop parallel step game data metrics"
        " prng types"
    ),
    "diagnosis": "types",
    "evaluation": "cache metrics extractors sampling parallel game data prng types",
    "plan": "parallel data optimizers types",
    "follow": "plan evaluation diagnosis checkpoints writers step game data types",
    "train": "follow plan evaluation checkpoints writers loop parallel step game data types",
}
ROOMS = {path.stem: path for path in LIBRARY.iterdir() if path.stem.isidentifier()}
ROOMS = {name: path for name, path in ROOMS.items() if path.is_dir() or path.suffix == ".py"}
ROOMS = {name: path for name, path in ROOMS.items() if not name.startswith("__")}


def files(room):
    return sorted(room.rglob("*.py")) if room.is_dir() else [room]


def imported(path):
    """Dotted names that a file imports, those of functions' bodies too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def names_in(path):
    """Identifiers, attributes and imported names that a file's code uses."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
    for name in imported(path):
        yield from name.split(".")


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_of_the_library_imports_only_rooms_below_it(room):
    assert room in BELOW, f"gan_jax/{room} has no place in the order of imports"
    used = {
        name.split(".")[1]
        for path in files(ROOMS[room])
        for name in imported(path)
        if name.startswith("gan_jax.")
    }
    assert used - {room} <= set(BELOW[room].split())


def test_the_order_of_imports_has_no_circle():
    placed = set()
    while left := {room for room in BELOW if room not in placed}:
        free = {room for room in left if set(BELOW[room].split()) <= placed}
        assert free, f"a circle among {sorted(left)}"
        placed |= free


def test_the_package_itself_imports_nothing():
    assert list(imported(LIBRARY / "__init__.py")) == []


@pytest.mark.parametrize(
    ("folder", "above"), [("gan_jax", {"configs", "experiments"}), ("configs", {"experiments"})]
)
def test_nobody_imports_from_above(folder, above):
    for path in (ROOT / folder).rglob("*.py"):
        assert {name.split(".")[0] for name in imported(path)}.isdisjoint(above), path


@pytest.mark.parametrize(("name", "owner"), [("pmap", "parallel.py"), ("orbax", "checkpoints.py")])
def test_one_file_alone_of_the_library_names(name, owner):
    users = {path.name for path in LIBRARY.rglob("*.py") if name in names_in(path)}
    assert users == {owner}


def test_losses_know_no_modules():
    for path in (LIBRARY / "losses").glob("*.py"):
        assert not any(name.split(".")[0] in ("flax", "optax") for name in imported(path)), path


def test_no_file_is_longer_than_four_hundred_lines():
    lengths = {path: len(path.read_text().splitlines()) for path in SOURCES}
    assert {str(path): length for path, length in lengths.items() if length > 400} == {}


def test_no_file_is_a_dumping_ground():
    assert not [path for path in SOURCES if path.stem in ("utils", "util", "common", "helpers")]


def test_importing_the_library_initialises_no_backend():
    code = """
import gan_jax
from gan_jax import algorithms, data, losses, metrics, nets, penalties
from jax._src import xla_bridge
assert not xla_bridge.backends_are_initialized()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
