import numpy as np
import pytest

from gan_jax.data.transforms import (
    invert,
    resize,
    resize_labels,
    set_channels,
    thicken,
    tint,
)
from gan_jax.types import UserError


def noise(*shape):
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


def test_resize_returns_images_of_that_size_untouched():
    images = noise(2, 4, 4, 3)
    assert resize(images, 4) is images


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_resize_keeps_a_constant(channels):
    images = np.full((2, 6, 6, channels), 77, np.uint8)
    np.testing.assert_array_equal(resize(images, 4), np.full((2, 4, 4, channels), 77, np.uint8))


def test_resize_is_antialiased():
    board = (np.indices((32, 32)).sum(axis=0) % 2 * 255).astype(np.uint8)[None, ..., None]
    centre = resize(board, 8)[0, 2:6, 2:6].astype(int)  # away from the edges
    assert np.abs(centre - 127.5).max() <= 2


@pytest.mark.parametrize("shape", [(1, 4, 10, 3), (1, 10, 4, 3)])
def test_resize_crops_the_central_square(shape):
    images = np.zeros(shape, np.uint8)
    images[:, *(slice(3, 7) if n == 10 else slice(None) for n in shape[1:3])] = 200
    np.testing.assert_array_equal(resize(images, 2), np.full((1, 2, 2, 3), 200, np.uint8))


def test_resize_treats_colours_as_it_treats_grey():
    images = noise(1, 9, 9, 3)
    together = resize(images, 5)
    apart = np.concatenate([resize(images[..., c : c + 1], 5) for c in range(3)], axis=-1)
    np.testing.assert_array_equal(together, apart)


@pytest.mark.parametrize("images", [np.zeros((1, 4, 4, 1), np.float32), noise(3, 4)])
def test_resize_refuses_what_is_no_uint8_image(images):
    with pytest.raises(UserError, match="only uint8 images"):
        resize(images, 2)


def test_resize_refuses_no_size():
    with pytest.raises(UserError, match="at least 1, got 0"):
        resize(noise(1, 4, 4, 1), 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_label_maps_keep_their_classes_when_resized(dtype):
    maps = np.random.default_rng(0).choice([0, 7, 11], size=(2, 9, 13)).astype(dtype)
    result = resize_labels(maps, 4)
    assert (result.shape, result.dtype) == ((2, 4, 4), dtype)
    assert set(np.unique(result)) <= {0, 7, 11}


def test_label_maps_are_cropped_and_take_the_nearest_pixel():
    labels = np.arange(4 * 6).reshape(1, 4, 6)
    centre = labels[:, :, 1:5]
    np.testing.assert_array_equal(resize_labels(labels, 4), centre)
    np.testing.assert_array_equal(resize_labels(labels, 8), centre.repeat(2, 1).repeat(2, 2))
    np.testing.assert_array_equal(resize_labels(labels, 2), centre[:, 1::2, 1::2])


def test_label_maps_of_floats_are_refused():
    with pytest.raises(UserError, match="label maps are integers"):
        resize_labels(np.zeros((1, 4, 4)), 2)


def test_grey_becomes_colour_and_grey_again():
    grey = noise(2, 3, 3, 1)
    colour = set_channels(grey, 3)
    np.testing.assert_array_equal(colour, np.concatenate([grey] * 3, axis=-1))
    np.testing.assert_array_equal(set_channels(colour, 1), grey)


def test_luma_weights():
    primaries = 255 * np.eye(3, dtype=np.uint8)[None, None]
    np.testing.assert_array_equal(set_channels(primaries, 1).ravel(), [76, 150, 29])


def test_float_luma_stays_in_range():
    white = np.ones((1, 1, 1, 3), np.float32)
    np.testing.assert_allclose(set_channels(white, 1), [[[[1]]]], rtol=1e-6)
    assert set_channels(white, 1).max() <= 1


def test_right_channels_pass():
    images = noise(1, 2, 2, 3)
    assert set_channels(images, 3) is images


@pytest.mark.parametrize(("present", "wanted"), [(1, 2), (2, 3), (4, 3), (2, 1)])
def test_other_channels_are_refused(present, wanted):
    with pytest.raises(UserError, match="channels"):
        set_channels(noise(1, 2, 2, present), wanted)


def test_invert():
    assert invert(np.array([0, 255, 100], np.uint8)).tolist() == [255, 0, 155]
    assert invert(np.array([-1, 0.25], np.float32)).tolist() == [1, -0.25]


def test_thicken_grows_a_dot_into_a_cross():
    dot = np.zeros((2, 5, 5, 2), np.uint8)
    dot[0, 2, 2, 0] = 9
    cross = np.zeros_like(dot)
    cross[0, 2, 1:4, 0] = cross[0, 1:4, 2, 0] = 9
    result = thicken(dot)
    np.testing.assert_array_equal(result, cross)
    assert result.dtype == np.uint8


def test_tint_gives_white_its_colour_and_leaves_black():
    grey = np.array([[[[0], [255], [51]]]], np.uint8)
    tinted = tint(grey, np.array([[10, 100, 255]], np.uint8))
    assert tinted.tolist() == [[[[0, 0, 0], [10, 100, 255], [2, 20, 51]]]]
    assert tinted.dtype == np.uint8
