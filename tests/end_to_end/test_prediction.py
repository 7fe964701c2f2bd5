"""The recipe of next frames on a file of films, and the study that compares them."""

import json
from pathlib import Path

import numpy as np

from experiments import recipes, train

RECIPE = Path(__file__).parents[2] / "configs/video/prediction.py"
FILMS = np.random.default_rng(0).integers(256, size=(12, 5, 16, 16, 3), dtype=np.uint8)
LABEL = np.repeat(np.arange(6, dtype=np.int32), 2)


def test_of_a_file_every_fifth_label_is_held_out_whole(tmp_path):
    np.savez(tmp_path / "clips.npz", x=FILMS, label=LABEL)
    recipe = recipes.load_recipe(RECIPE)
    settings = {"data.name": str(tmp_path / "clips.npz"), "data.resolution": 16}
    config = recipes.configure(recipe, "davis", **settings, past=3, future=2)
    train, test = (recipes.make_data(recipe, config, split) for split in ("train", "test"))
    whole = lambda films: [np.concatenate([one["source"], one["x"]]) for one in films]
    np.testing.assert_array_equal(whole(test), FILMS[LABEL == 4])
    np.testing.assert_array_equal(whole(train), FILMS[LABEL != 4])


def test_a_run_is_told_of_beside_the_last_frame_and_shown(tiny, script, tmp_path):
    path, config = tiny("video/prediction", steps=2, checkpoint_every=2, sample_every=0)
    train.run(path, config, tmp_path)
    done = script("prediction", f"--workdir={tmp_path}", "--count=3")
    assert done.returncode == 0, done.err
    rows = [line.strip("| ").split(" | ") for line in done.out.splitlines() if line[:1] == "|"]
    assert [row[0] for row in rows if "---" not in row[0]] == [
        *("foretold by", "the last frame", str(tmp_path), "frames ahead"),
        *(
            f"{figure}, {name}"
            for figure in ("mse", "ssim")
            for name in ("the last frame", str(tmp_path))
        ),
    ]
    names, last = rows[0], rows[2]
    still = dict(zip(names, last, strict=True))
    assert 0 < float(still["ssim"].split()[0]) < 1
    assert 0.9 < float(still["sharpness"]) < 1.1
    assert (tmp_path / "prediction.gif").read_bytes()[:4] == b"GIF8"
    record = json.loads((tmp_path / "prediction.json").read_text())
    assert record["runs"][str(tmp_path)]["step"] == 2
    kept = record["figures"]["the last frame, ssim"]
    assert still["ssim"] == f"{kept['value']:.4g} ± {kept['error']:.2g}"
