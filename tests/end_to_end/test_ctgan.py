"""A CSV file as a user has it, to rows of the same columns and types."""

import csv
import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments import recipes, train


def test_a_csv_becomes_rows_of_its_columns_and_types(scripts, tmp_path):
    random, path = np.random.default_rng(0), tmp_path / "people.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "income", "city", "only"])
        cities = random.choice(["Rome", "Oslo", ""], 60)
        for age, income, city in zip(
            random.integers(90, size=60), random.random(60), cities, strict=True
        ):
            writer.writerow([age, f"{income:.2f}", city, "same"])
    source = recipes.ROOT / "configs/table/ctgan.py"
    recipe = recipes.load_recipe(source)
    config = recipes.configure(recipe, "csv", **recipe.TINY, **{"data.name": str(path)})
    short = {"steps": 2, "steps_per_call": 2, "log_every": 2, "checkpoint_every": 2}
    config.update({**short, "batch_size": 8, "sample_every": 2, "evaluate_every": 0})
    config.classifier = ConfigDict({"blocks": 0, "updates": 100})
    train.run(source, config, tmp_path / "run")

    path.unlink()  # a run is all that samples need
    out = tmp_path / "rows.csv"
    (done,) = scripts(["sample", f"--workdir={tmp_path / 'run'}", f"--out={out}", "--count=40"])
    assert (done.returncode, done.err) == (0, "")
    with open(out, newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["age", "income", "city", "only"]
    assert len(rows) == 40
    for age, income, city, only in rows:
        assert age == str(int(age))
        assert len(income.partition(".")[2]) == 2
        assert city in ("Rome", "Oslo", "")
        assert only == "same"


def test_rows_are_scored_beside_those_trained_on(tiny, scripts, tmp_path):
    short = {"steps": 2, "steps_per_call": 2, "batch_size": 8, "sample_every": 0}
    workdir, other = tmp_path / "run", tmp_path / "other"
    train.run(*tiny("table/ctgan:grid", **short, checkpoint_every=2), workdir)
    train.run(*tiny("points/gan", **short, checkpoint_every=2), other)
    done, refused, alone = scripts(
        ["tables", f"--workdir={workdir}", "--count=500"],
        ["tables", f"--workdir={other}"],
        ["tables", f"--workdir={workdir}", "--target=x0"],
    )
    assert (done.returncode, done.err) == (0, "")
    figures = json.loads((workdir / "tables.json").read_text())["figures"]
    value = lambda name: figures[name]["value"]
    assert value("likelihood_samples_real") == pytest.approx(-3.06, abs=0.05)
    assert value("likelihood_test_real") == pytest.approx(-3.06, abs=0.1)
    assert value("likelihood_samples") < -5
    assert 0 < value("columns") < 1
    assert refused.err == f"error: {other} is no run of a table\n"
    assert alone.err == "error: --target and --test go together\n"
