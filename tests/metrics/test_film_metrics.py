import numpy as np
import pytest

from gan_jax import metrics


def films():
    """A dot of grey 200 that goes 3 pixels across and 4 down a frame, and one that is none."""
    film = -np.ones((2, 3, 12, 12, 1))
    for t in range(3):
        film[0, t, 1 + 4 * t, 2 + 3 * t] = 200 / 127.5 - 1
    return film


def test_colour_and_place_are_those_of_what_is_bright():
    seen = metrics.foreground(films())
    np.testing.assert_allclose(seen.colour[..., 0], [[200] * 3, [0] * 3], atol=1e-4)
    np.testing.assert_allclose(seen.place[0], [[1, 2], [5, 5], [9, 8]], atol=1e-6)
    np.testing.assert_allclose(seen.place[1], 5.5)


def test_ways_are_as_long_as_they_are():
    place = metrics.foreground(films()).place
    np.testing.assert_allclose(metrics.motion_distance(place), [5, 0], atol=1e-6)
    np.testing.assert_allclose(metrics.motion_distance(place, 2), 0, atol=1e-6)
    jumping = np.array([[[0.0, 0], [3, 4], [0, 0]]])
    assert metrics.motion_distance(jumping, 2) == pytest.approx(10)


def test_content_is_compared_over_all_pairs_of_frames():
    features = np.array([[[0.0], [1.0], [4.0]], [[2.0], [2.0], [2.0]]])
    np.testing.assert_allclose(metrics.content_distance(features), [8 / 3, 0])


def test_sharpness_is_the_mean_size_of_steps():
    stripes = np.tile([0.0, 1.0], (1, 4, 2))[..., None]  # [1, 4, 4, 1]
    assert metrics.sharpness(np.concatenate([stripes, 3 * stripes])).tolist() == [1, 3]
