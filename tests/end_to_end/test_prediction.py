"""The recipe of next frames on a file of films, and the study that compares them."""

from pathlib import Path

import numpy as np

from experiments import prediction, recipes
from gan_jax import data

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


def test_what_came_and_what_was_foretold_differ_in_the_future_alone():
    films = np.float32(FILMS / 127.5 - 1)
    past, future = films[:, :3], films[:, 3:]
    both = prediction.beside(past, future, -future)
    assert both.shape == (12, 5, 16, 34, 3)
    left, right = both[..., :16, :], both[..., 18:, :]
    np.testing.assert_array_equal(left, films)
    np.testing.assert_array_equal(right[:, :3], past)
    np.testing.assert_array_equal(right[:, 3:], -future)


def test_a_perfect_prediction_has_no_error():
    future = np.float32(FILMS[:, 3:] / 127.5 - 1)
    told = prediction.figures(data.Video(), future, future)
    assert (told["mse"], told["gradient_difference"], told["sharpness"]) == ("0 ± 0", "0 ± 0", "1")
