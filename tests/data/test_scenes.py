"""Scenes of shapes."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.types import UserError

SCENES = data.shapes(200, side=32)
IMAGES, MAPS = SCENES.columns["x"], SCENES.columns["source"]


def test_maps_are_of_the_classes_and_all_of_them_occur():
    assert MAPS.dtype == np.uint8
    assert set(np.unique(MAPS)) == set(range(len(data.SHAPES)))
    assert SCENES.kinds["source"].classes == data.SHAPES


def test_a_shape_is_of_one_colour_within_its_noise():
    alone = [i for i, m in enumerate(MAPS) if len(np.unique(m)) == 2]
    spread = [IMAGES[i][MAPS[i] > 0].std(axis=0).max() for i in alone]
    assert np.median(spread) < 6  # of two shapes of one class colours differ


def test_a_circle_fills_its_share_of_its_box():
    shares = []
    for m in MAPS:
        if set(np.unique(m)) == {0, 1}:
            rows, columns = np.nonzero(m)
            shares.append(len(rows) / (np.ptp(rows) + 1) / (np.ptp(columns) + 1))
    assert np.pi / 4 == pytest.approx(np.median(shares), abs=0.06)


def test_the_same_seed_gives_the_same_scenes_and_splits_have_none_in_common():
    again, test = data.shapes(200, side=32), data.shapes(200, side=32, split="test")
    np.testing.assert_array_equal(again.columns["x"], IMAGES)
    assert not any(np.array_equal(a, b) for a, b in zip(test.columns["x"], IMAGES, strict=True))


def test_they_are_had_by_name_in_any_size():
    scenes = data.load("shapes", split="test", resolution=16, count=3)
    assert (len(scenes), scenes[0]["x"].shape, scenes[0]["source"].shape) == (
        3,
        (16, 16, 3),
        (16, 16),
    )


def test_another_split_is_refused():
    with pytest.raises(UserError, match="'validation'"):
        data.shapes(2, split="validation")
