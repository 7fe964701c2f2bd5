"""The draws of photographs of the recipe of faces, and the study that tells people apart."""

import json

import numpy as np
import pytest

from experiments import recipes, train


def test_people_are_told_apart_with_and_without_samples(tiny, tmp_path, scripts):
    path, config = tiny("faces/identification", steps=2, checkpoint_every=2, sample_every=0)
    train.run(path, config, tmp_path)
    few = ("--partitions=1", "--updates=50", "--samples=1")
    (done,) = scripts(["faces", f"--workdir={tmp_path}", *few])
    assert done.returncode == 0, done.err
    told = json.loads((tmp_path / "faces.json").read_text())
    (figures, errors) = told["figures"], {n: e["0"] for n, e in told["errors"].items()}
    assert errors == {name: pytest.approx(figure["value"]) for name, figure in figures.items()}
    assert errors["gain"] == pytest.approx(errors["net"] - errors["augmented"])

    recipe = recipes.load_recipe(path)
    parts = [recipes.make_data(recipe, config, split).columns for split in ("train", "test")]
    assert all((np.bincount(part["label"]) == [5] * 40).all() for part in parts)
    train_x, test_x = (np.float64(part["x"]).reshape(200, -1) for part in parts)
    nearest = [((train_x - x) ** 2).sum(axis=1).argmin() for x in test_x]
    wrong = np.mean(parts[0]["label"][nearest] != parts[1]["label"])
    assert errors["pixels"] == pytest.approx(wrong)
    assert len(np.unique(np.concatenate([train_x, test_x]), axis=0)) > 390  # each once
