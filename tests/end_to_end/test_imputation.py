"""The recipe of GAIN on a table of one's own, and the study that compares it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from experiments import recipes, run_folder, train
from gan_jax import prng

RECIPE = Path(__file__).parents[2] / "configs/table/gain.py"
ROWS, COLUMNS = 203, 14


@pytest.fixture
def table(tmp_path):
    """An array file as large as a slice of Adult, whose columns tell each other."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2)) @ rng.normal(size=(2, COLUMNS))
    x = (10 + 5 * x + rng.normal(size=x.shape)).astype(np.float32)
    np.savez(tmp_path / "table.npz", x=x)
    return tmp_path / "table.npz", x


def configured(path, **settings):
    recipe = recipes.load_recipe(RECIPE)
    short = {"steps": 4, "batch_size": 8, "steps_per_call": 2, "log_every": 2, "evaluate_every": 0}
    short |= {"sample_every": 0, "checkpoint_every": 4, "data.name": str(path), "binary": ()}
    return recipe, recipes.configure(recipe, "adult", **recipe.TINY | short | settings)


def split(recipe, config, name):
    return recipes.make_data(recipe, config, name).columns


def test_entries_are_hidden_by_their_place_and_scaled_by_what_is_known_in_training(table):
    path, x = table
    recipe, config = configured(path)
    train, test = (split(recipe, config, name) for name in ("train", "test"))
    is_test = np.arange(ROWS) % 5 == 4
    assert [len(part["x"]) for part in (train, test)] == [ROWS - 40, 40]
    known = np.where(train["observed"] > 0, x[~is_test], np.nan)
    low, high = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
    for part, rows in ((train, x[~is_test]), (test, x[is_test])):
        np.testing.assert_allclose(part["whole"], (rows - low) / (high - low), atol=1e-5)
        np.testing.assert_array_equal(part["x"], part["whole"] * part["observed"])
        assert set(np.unique(part["observed"])) == {0, 1}
        gaps = part["observed"].size
        assert 1 - part["observed"].mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / gaps))
        assert (part["observed"].min(axis=0) < part["observed"].max(axis=0)).all()

    # The same entries whoever asks, and settings are chosen on rows of training alone.
    _, config = configured(path, **{"data.split": "fitted", "data.test_split": "validation"})
    fitted, validation = (split(recipe, config, name) for name in ("fitted", "validation"))
    numbers = np.arange(ROWS) % 5
    for part, of in ((fitted, numbers[~is_test] < 3), (validation, numbers[~is_test] == 3)):
        np.testing.assert_array_equal(part["observed"], train["observed"][of])


def test_the_study_compares_a_run_with_means_and_mice(table, tiny, tmp_path, scripts):
    path, _ = table
    recipe, config = configured(path)
    workdir, other = tmp_path / "run", tmp_path / "points"
    train.run(RECIPE, config, workdir)
    train.run(*tiny("points/gan", steps=2, checkpoint_every=2, sample_every=0), other)
    done, refused = scripts(*(["imputation", f"--workdir={w}"] for w in (workdir, other)))
    assert (done.returncode, done.err) == (0, "")
    assert re.fullmatch("error: [^\n]*no column 'observed'[^\n]*\n", refused.err)

    run = run_folder.load_run(workdir)
    trained_on = split(recipe, config, "train")
    means = np.nanmean(np.where(trained_on["observed"] > 0, trained_on["x"], np.nan), axis=0)
    number = r"([\d.]+)"
    figures = re.findall(
        rf"^\| (\w+) \| {number} ± {number} \| {number} ± {number} ", done.out, re.M
    )
    found = {name: np.float64(values) for name, *values in figures}
    assert list(found) == ["mean", "MICE", "GAIN"]
    for i, name in enumerate(("train", "test")):
        rows = split(recipe, config, name)
        missing = rows["observed"] == 0
        squares = (means - np.float64(rows["whole"])) ** 2 * missing
        total = np.sqrt(squares.sum() / missing.sum())
        assert found["mean"][2 * i] == pytest.approx(total, abs=6e-5)
        assert found["MICE"][2 * i] < 0.5 * total  # of columns near a plane
        keys = prng.per_example(recipes.samples_key(0), len(missing))
        gain = run.game.metrics(run.state.variables(), rows, keys)["rmse"]
        assert found["GAIN"][2 * i] == pytest.approx(float(gain), abs=6e-5)
        drawn = np.random.default_rng(0).integers(len(missing), size=(1_000, len(missing)))
        again = np.sqrt(squares[drawn].sum(axis=(1, 2)) / missing[drawn].sum(axis=(1, 2)))
        assert found["mean"][2 * i + 1] == pytest.approx(again.std(), rel=0.15)
    kept = json.loads((workdir / "imputation.json").read_text())["figures"]["GAIN, held out"]
    assert (kept["value"], kept["error"]) == pytest.approx(found["GAIN"][2:], abs=6e-5)
    of_age = np.sqrt(squares[:, 0].sum() / missing[:, 0].sum())
    assert f"| age | {of_age:.4f} |" in done.out
