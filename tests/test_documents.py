"""What the README shows is what works."""

import re
from importlib import import_module
from pathlib import Path

import jax
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
IMPORTING = (ROOT / "docs/importing.md").read_text()
BLOCKS = re.findall(r"## ([\w ]+)\n[^#]*?```python\n(.*?)```", IMPORTING, re.S)


def test_the_custom_gan_of_the_readme_trains():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 25
    names = {}
    exec(compile(code.replace("range(2_000)", "range(50)"), "README.md", "exec"), names)
    assert names["samples"].shape == (500, 2)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves((names["samples"], names["metrics"])))


@pytest.mark.parametrize(("title", "code"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_what_the_page_on_importing_shows_runs_by_itself(title, code):
    exec(compile(code, title, "exec"), {})


METHODS = (ROOT / "docs/methods.md").read_text()


def test_the_table_of_methods_names_every_recipe_and_nothing_that_is_not_there():
    folders = "(?:audio|faces|image|points|table|text|text_to_image|translation|video|words)"
    named = set()
    for row in METHODS.splitlines():
        folder = ""
        for found, name in re.findall(rf"`({folders}/)?(\w+\.py)`", row):
            folder = found or folder
            named.add(folder + name)
    recipes = {p.relative_to(ROOT / "configs").as_posix() for p in ROOT.glob("configs/*/*.py")}
    assert named == {recipe for recipe in recipes if not recipe.startswith("sweeps/")}
    for path in re.findall(r"`(tests/[\w/]+\.py)`", METHODS):
        assert (ROOT / path).exists(), path
    for room, name in re.findall(
        r"`(algorithms|layers|losses|optimizers|penalties)\.([\w.]+)", METHODS
    ):
        part = import_module(f"gan_jax.{room}")
        for attribute in name.split("."):
            part = getattr(part, attribute)


def test_every_path_the_readme_names_exists():
    paths = re.findall(r"(?:\]\(|`)((?:configs|experiments|gan_jax|tests)/[\w./-]+)", README)
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]
