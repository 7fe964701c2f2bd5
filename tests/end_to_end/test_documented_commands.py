"""The commands of the README and of docs/ are ones that the scripts take."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
STANDS_FOR = {"config=configs/RECIPE": "config=configs/image/dcgan.py", "workdir=...": "workdir=w"}


def documented():
    """The script and arguments of every `python -m experiments.NAME ...`."""
    for page in PAGES:
        for name, rest in re.findall(r"python -m experiments\.(\w+)([^`\n#]*)", page.read_text()):
            for placeholder, example in STANDS_FOR.items():
                rest = rest.replace(placeholder, example)
            yield [name, *shlex.split(rest.rstrip('"'))]


def test_every_documented_command_is_understood(scripts):
    lines = [list(line) for line in dict.fromkeys(map(tuple, documented()))]
    assert len(lines) > 12
    ended = scripts(*lines, before="app._guarded = lambda main: print('understood')")
    assert [
        line for line, done in zip(lines, ended, strict=True) if done.out != "understood\n"
    ] == []
