import os

import numpy as np
import pytest
from PIL import Image

from gan_jax import pictures
from gan_jax.types import UserError


def flat(value, count=1, side=64, channels=1):
    return np.full((count, side, side, channels), value, np.float32)


def test_grid_maps_minus_one_to_black_and_one_to_white():
    picture = pictures.grid(np.concatenate([flat(-1), flat(0), flat(1)]), columns=3, border=0)
    assert picture.dtype == np.uint8
    assert picture[0, ::64].tolist() == [[0] * 3, [128] * 3, [255] * 3]


def test_grid_keeps_uint8():
    images = np.arange(64 * 64 * 3).astype(np.uint8).reshape(1, 64, 64, 3)
    np.testing.assert_array_equal(pictures.grid(images, border=0), images[0])


def test_grid_goes_row_by_row():
    images = np.concatenate([flat(2 * i / 255 - 1) for i in range(4)])
    picture = pictures.grid(images, border=0)
    assert picture[::64, ::64, 0].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("side", "cell"), [(8, 48), (16, 48), (28, 56), (32, 64), (64, 64), (100, 100)]
)
def test_grid_enlarges_tiny_images_by_a_whole_factor(side, cell):
    assert pictures.grid(flat(0, side=side), border=0).shape == (cell, cell, 3)


def test_enlarging_repeats_pixels():
    image = np.random.default_rng(0).integers(256, size=(1, 8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(pictures.grid(image, border=0)[3::6, 3::6], image[0])


@pytest.mark.parametrize(
    ("count", "columns", "shape"), [(5, None, (2, 3)), (9, None, (3, 3)), (5, 4, (2, 4))]
)
def test_grid_shape_and_border(count, columns, shape):
    picture = pictures.grid(flat(-1, count), columns, border=3)
    assert picture.shape == (shape[0] * 70, shape[1] * 70, 3)
    assert (picture[:3] == 255).all()
    blank = count < shape[0] * shape[1]
    assert (picture[-70:, -70:] == 255).all() == blank


def test_grid_shows_values_out_of_range_and_nan():
    images = np.concatenate([flat(-9), flat(9), flat(np.nan)])
    assert pictures.grid(images, 3, border=0)[0, ::64, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("shape", [(8, 8, 1), (2, 8, 8, 2), (0, 8, 8, 3)])
def test_grid_refuses_what_is_no_image(shape):
    with pytest.raises(UserError, match=r"images \[N, H, W, 1 or 3\]"):
        pictures.grid(np.zeros(shape))


def test_rows_set_matching_columns_below_each_other():
    picture = pictures.rows({"input": flat(-1, 3), "output": flat(0, 3, side=32)}, border=2)
    assert picture.shape[0] == 2 * 68
    strip = picture[:, -3 * 68 :]
    assert strip[34::68, 34::68, 0].tolist() == [[0] * 3, [128] * 3]


def test_rows_write_the_names_in_the_margin():
    pair = [pictures.rows({name: flat(0, 2)}) for name in ("", "input")]
    assert pair[1].shape[1] > pair[0].shape[1]
    assert (pair[1][:, : -2 * 68] < 128).any()


def test_rows_refuse_strips_of_unequal_length():
    with pytest.raises(UserError, match=r"equally many images, got \{'a': 2, 'b': 3\}"):
        pictures.rows({"a": flat(0, 2), "b": flat(0, 3)})


def orange(picture):
    red, _, blue = np.moveaxis(picture.astype(int), -1, 0)
    return red - blue > 60


def test_scatter_puts_a_point_where_it_lies():
    real = np.array([[0.0, 0.0], [1.0, 1.0]])
    low, high = (orange(pictures.scatter(np.full((99, 2), x), real)) for x in (0.1, 0.9))
    centre = [np.argwhere(mask[60:-30, 30:]).mean(axis=0) for mask in (low, high)]  # no legend
    assert centre[0][0] > centre[1][0] + 200  # rows count downwards
    assert centre[0][1] < centre[1][1] - 200


def test_scatter_takes_its_limits_from_the_real_points():
    real = np.random.default_rng(0).normal(size=(50, 2))
    far = np.full((1, 2), 1e6)
    none = np.full((3, 2), np.nan)
    np.testing.assert_array_equal(pictures.scatter(far, real), pictures.scatter(none, real))


@pytest.mark.parametrize(
    ("points", "real", "message"),
    [
        (np.zeros((3, 3)), np.zeros((3, 2)), r"points has shape \(3, 3\)"),
        (np.zeros((3, 2)), np.zeros((0, 2)), "at least one real point"),
    ],
)
def test_scatter_refuses_bad_input(points, real, message):
    with pytest.raises(UserError, match=message):
        pictures.scatter(points, real)


def test_curves_have_a_panel_for_each_subject():
    losses = {"generator/loss": 1.0, "discriminator/loss": 2.0}
    one = pictures.curves([{"step": 1, **losses}])
    two = pictures.curves([{"step": 1, **losses, "evaluation/fid": 3.0}])
    assert one.shape[0] == two.shape[0]
    assert two.shape[1] == 2 * one.shape[1]


def test_curves_leave_out_what_is_no_number():
    good = [{"step": 1, "a/loss": 1.0}, {"step": 2, "a/loss": 2.0}]
    bad = [*good, {"step": 3, "a/loss": None, "b/loss": float("nan"), "note": "text"}]
    np.testing.assert_array_equal(pictures.curves(bad), pictures.curves(good))


def test_curves_of_nothing_are_a_picture():
    assert pictures.curves([]).ndim == 3


def test_curves_draw_long_logs_with_zeros():
    records = [{"step": i, "a/gradient_norm": 0.0, "a/loss": i % 7} for i in range(500)]
    assert pictures.curves(records).std() > 0


def test_save_png_writes_what_it_was_given(tmp_path):
    image = np.random.default_rng(0).integers(256, size=(5, 7, 3)).astype(np.uint8)
    pictures.save_png(tmp_path / "new" / "a.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "a.png")), image)
    assert os.listdir(tmp_path / "new") == ["a.png"]


def test_save_png_names_the_file_it_could_not_write(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"could not write .*a\.png: "):
        pictures.save_png(tmp_path / "file" / "a.png", np.zeros((2, 2, 3), np.uint8))
