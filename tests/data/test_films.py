"""Films drawn on the fly."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.types import UserError

FILMS = data.moving_shapes(40, side=24, frames=6)
DOT = data.ArrayDataset("dot", "train", {"x": np.full((2, 4, 4, 1), 200, np.uint8)})


def test_a_film_depends_on_seed_split_and_place_alone():
    few = data.moving_shapes(3, side=24, frames=6)
    for i in range(3):
        np.testing.assert_array_equal(few[i]["x"], FILMS[i]["x"])
    others = (
        data.moving_shapes(3, side=24, frames=6, **s) for s in ({"seed": 1}, {"split": "test"})
    )
    assert all(np.any(other[0]["x"] != FILMS[0]["x"]) for other in others)
    with pytest.raises(IndexError):
        few[3]


def test_a_shape_keeps_its_colour_and_its_size():
    for film in (FILMS[i]["x"].astype(int) for i in range(10)):
        colours = film.max(axis=(1, 2))
        np.testing.assert_array_equal(colours, np.broadcast_to(colours[0], colours.shape))
        area = film.sum(axis=(1, 2, 3))
        assert np.ptp(area) < 0.1 * area.mean()


def test_a_shape_moves_along_its_motion():
    spread = {motion: [] for motion in data.MOTIONS}
    for example in (FILMS[i] for i in range(len(FILMS))):
        weight = example["x"].max(axis=-1).astype(float)
        across, down = (
            weight.sum(axis=a) @ np.arange(24) / weight.sum(axis=(1, 2)) for a in (1, 2)
        )
        spread[data.MOTIONS[example["motion"]]].append((np.ptp(across), np.ptp(down)))
    moved = {motion: np.mean(both, axis=0) > 1 for motion, both in spread.items()}
    assert {motion: moved[motion].tolist() for motion in data.MOTIONS} == {
        "across": [True, False],
        "up and down": [False, True],
        "diagonal": [True, True],
        "round": [True, True],
    }


def test_an_image_goes_straight_on_between_walls():
    film = data.moving_images(DOT, 1, side=64, frames=30, number=1)[0]["x"]
    assert film.shape == (30, 64, 64, 1)
    assert set(film.reshape(30, -1).sum(axis=1, dtype=int)) == {28 * 28 * 200}
    corners = np.array([np.argwhere(frame)[0, :2] for frame in film])
    steps = np.abs(np.diff(corners, axis=0))
    straight = (corners[1:] > 4).all(axis=1) & (corners[1:] < 32).all(axis=1)
    assert np.ptp(steps[straight][1:-1], axis=0).max() <= 1
    assert np.hypot(*steps[straight].mean(axis=0)) == pytest.approx(3.6, abs=0.6)


def test_films_are_had_by_name_in_any_size():
    digits = data.load("moving_digits", split="test", resolution=16, length=3, count=2)
    shapes = data.load("moving_shapes", resolution=16, length=3, count=2, channels=1)
    assert digits[1]["x"].shape == shapes[1]["x"].shape == (3, 16, 16, 1)
    assert isinstance(digits.kinds["x"], data.Video)


def test_the_future_follows_the_past():
    pairs = data.past_and_future(FILMS, 2, 3)
    whole = np.concatenate([pairs[4]["source"], pairs[4]["x"]])
    np.testing.assert_array_equal(whole, FILMS[4]["x"][:5])
    with pytest.raises(UserError, match="films of 6 frames are no 2 and 5 to come"):
        data.past_and_future(FILMS, 2, 5)
    with pytest.raises(UserError, match="has no films"):
        data.past_and_future(DOT, 2, 5)
