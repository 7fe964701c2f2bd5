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


@pytest.mark.parametrize("shape", [(8, 8, 1), (2, 8, 8, 5), (0, 8, 8, 3)])
def test_grid_refuses_what_is_no_image(shape):
    with pytest.raises(UserError, match=r"images \[N, H, W, 1 to 4\]"):
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


def test_neighbours_set_each_sample_before_its_nearest():
    samples = np.concatenate([flat(-1), flat(1)])
    nearest = np.stack([np.concatenate([flat(x) for x in row]) for row in ((-1, 0), (0, 1))])
    picture = pictures.neighbours(samples, nearest, border=0)
    gap = picture.shape[1] - 3 * 64
    assert (picture[:, 64 : 64 + gap] == 255).all()
    assert picture[::64, [0, 64 + gap, 128 + gap], 0].tolist() == [[0, 0, 128], [255, 128, 255]]


@pytest.mark.parametrize("shape", [(3, 5, 8, 8, 1), (2, 5, 8, 8, 3), (2, 8, 8, 1)])
def test_neighbours_refuse_another_shape(shape):
    with pytest.raises(UserError, match=r"of samples \[2, 8, 8, 1\] .* got \["):
        pictures.neighbours(np.zeros((2, 8, 8, 1)), np.zeros(shape))


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
        (np.zeros((3, 2)), np.zeros((0, 2)), "at least one finite point"),
        (np.full((3, 2), np.nan), None, "at least one finite point"),
    ],
)
def test_scatter_refuses_bad_input(points, real, message):
    with pytest.raises(UserError, match=message):
        pictures.scatter(points, real)


def test_scatter_without_real_points_takes_its_limits_from_the_generated():
    points = np.random.default_rng(0).normal(size=(50, 2))
    small, large = (orange(pictures.scatter(x)).sum() for x in (points, 1e6 * points))
    assert large == pytest.approx(small, rel=0.1)


def blue(picture):
    return orange(picture[..., ::-1])


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_projection_keeps_apart_what_lies_apart(method):
    real, fake = np.random.default_rng(0).normal(size=(2, 25, 3))
    fake += 30
    picture = pictures.projection(real, fake, method)[40:]  # no legend
    ours, theirs = (np.argwhere(mask(picture)) for mask in (blue, orange))
    across = theirs.mean(axis=0) - ours.mean(axis=0)
    assert (ours @ across).max() < (theirs @ across).min()


def test_projection_draws_the_first_finite_rows():
    real, fake = np.random.default_rng(0).normal(size=(2, 2_001, 2))
    real[0] = np.nan
    full = pictures.projection(real, fake, "pca")
    np.testing.assert_array_equal(full, pictures.projection(real[1:], fake[:-1], "pca"))


def test_projection_is_a_function_of_its_seed():
    real, fake = np.random.default_rng(0).normal(size=(2, 5, 3))
    first, again = (pictures.projection(real, fake, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("real", "fake", "method", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), "pca", r"got \[3, 2\] and \[3, 4\]"),
        (np.zeros((3, 1)), np.zeros((3, 1)), "pca", "D at least 2"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), "pca", "a finite row"),
        (np.zeros((3, 2)), np.zeros((3, 2)), "umap", "tsne and pca, not umap"),
    ],
)
def test_projection_refuses_bad_input(real, fake, method, message):
    with pytest.raises(UserError, match=message):
        pictures.projection(real, fake, method)


def test_confusion_has_labels_down_and_predictions_across():
    matrix = np.zeros((30, 30), int)
    matrix[0, 29] = 1
    picture = pictures.confusion(matrix)
    row, column = np.argwhere(blue(picture)).mean(axis=0) / picture.shape[:2]
    assert row < 0.1
    assert column > 0.9


def test_confusion_shades_each_row_by_its_own_total():
    matrix = np.random.default_rng(0).integers(1, 9, size=(30, 30))
    scaled = matrix * np.arange(1, 31)[:, None]
    np.testing.assert_array_equal(pictures.confusion(matrix), pictures.confusion(scaled))


def test_confusion_writes_counts_and_names():
    one, many = (pictures.confusion(np.diag([n, n])) for n in (1, 1_000))
    named = pictures.confusion(np.diag([1, 1]), ["cat", "aeroplane"])
    assert (one != many).any()
    assert one.shape == named.shape
    assert (one != named).any()


def test_a_class_without_examples_has_a_white_row():
    picture = pictures.confusion(np.diag([1] + [0] * 29))
    row, _ = np.argwhere(blue(picture)).mean(axis=0) / picture.shape[:2]
    assert row < 0.1


@pytest.mark.parametrize(("shape", "names"), [((2, 3), None), ((2, 2), ["a"])])
def test_confusion_refuses_bad_input(shape, names):
    with pytest.raises(UserError, match=r"\[K, K\] with K names"):
        pictures.confusion(np.zeros(shape, int), names)


def test_curves_have_a_panel_for_each_subject():
    losses = {"generator/loss": 1.0, "discriminator/loss": 2.0}
    one = pictures.curves([{"step": 1, **losses}])
    two = pictures.curves([{"step": 1, **losses, "evaluation/fid": 3.0}])
    assert one.shape[0] == two.shape[0]
    assert two.shape[1] == 2 * one.shape[1]


@pytest.mark.parametrize(
    "keys",
    [
        ["generator/warm/loss", "generator/play/loss"],  # told apart by turn
        ["generator/play/loss", "discriminator/loss"],  # by player
    ],
)
def test_curves_share_a_panel_whatever_the_turn(keys):
    one, both = (pictures.curves([{"step": 1, **dict.fromkeys(k, 1.0)}]) for k in (keys[:1], keys))
    assert both.shape == one.shape
    assert (both != one).any()


def test_curves_draw_what_some_records_lack():
    records = [{"step": 1, "a/loss": 1.0}, {"step": 2}, {"step": 3, "a/loss": 2.0}]
    without = [record for record in records if len(record) > 1]
    np.testing.assert_array_equal(pictures.curves(records), pictures.curves(without))


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


@pytest.mark.parametrize("channels", [2, 4])
def test_what_is_not_opaque_lets_white_through(channels):
    images = np.zeros((1, 48, 48, channels), np.uint8)
    images[0, :24, :, -1] = 255
    picture = pictures.grid(images, border=0)
    assert np.all(picture[:24] == 0)
    assert np.all(picture[24:] == 255)
