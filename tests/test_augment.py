import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from gan_jax import augment
from gan_jax.prng import fold_in, per_example, uniform
from gan_jax.types import UserError

KEYS = per_example(jax.random.key(0), 8)
MANY = per_example(jax.random.key(1), 400)
X = jax.random.uniform(jax.random.key(2), (8, 6, 4, 3), minval=-1.0)
EACH = {
    "flip": augment.flip,
    "shift": lambda keys, x: augment.shift(keys, x, 0.3),
    "crop": lambda keys, x: augment.crop(keys, x, (3, 2)),
    "mask": lambda keys, x: augment.mask(keys, x, 0.5)[0],
    "colour": augment.colour,
    "translation": augment.translation,
    "cutout": augment.cutout,
    "noise": lambda keys, x: augment.noise(keys, x, 0.3),
    "dropped": lambda keys, x: augment.drop_pixels(keys, x, 0.4),
    "some": lambda keys, x: augment.with_probability(keys, x, augment.colour, 0.5),
    "composed": augment.compose(augment.flip, augment.colour, augment.cutout),
}
GEOMETRIC = ("flip", "shift", "crop", "mask", "translation", "cutout")
every_transform = pytest.mark.parametrize("name", EACH)


@every_transform
def test_an_example_is_changed_alike_however_the_batch_is_laid(name):
    transform = EACH[name]
    whole = np.asarray(jax.jit(transform)(KEYS, X))
    parts = jax.pmap(transform)(KEYS.reshape(2, 4), X.reshape(2, 4, *X.shape[1:]))
    np.testing.assert_allclose(np.asarray(parts).reshape(whole.shape), whole, atol=1e-6)
    np.testing.assert_allclose(transform(KEYS[::-1], X[::-1])[::-1], whole, atol=1e-6)
    assert whole.dtype == np.float32


@every_transform
def test_examples_are_changed_differently(name):
    same = jnp.broadcast_to(X[:1], X.shape)
    assert len(np.unique(EACH[name](KEYS, same), axis=0)) > 1


@pytest.mark.parametrize("name", ["colour", "translation", "cutout", "dropped", "composed"])
def test_what_a_discriminator_sees_is_differentiable(name):
    gradient = jax.grad(lambda x: jnp.sum(EACH[name](KEYS, x) ** 2))(X)
    assert np.all(np.isfinite(gradient))
    assert np.all(np.any(gradient, axis=(1, 2, 3)))


@pytest.mark.parametrize("name", GEOMETRIC)
def test_a_map_of_classes_goes_with_its_image(name):
    classes = jax.random.randint(jax.random.key(3), (8, 6, 4, 1), 1, 9)
    changed = EACH[name](KEYS, classes)
    assert changed.dtype == classes.dtype
    np.testing.assert_array_equal(changed, EACH[name](KEYS, classes.astype(jnp.float32)))


@pytest.mark.parametrize("name", ["flip", "crop", "mask", "cutout"])
def test_the_frames_of_a_video_are_changed_alike(name):
    video = jnp.stack([X, X], axis=1)
    changed = EACH[name](KEYS, video)
    for frame in (0, 1):
        np.testing.assert_array_equal(changed[:, frame], EACH[name](KEYS, X))


def test_flip_mirrors_half_of_the_images():
    x = jnp.broadcast_to(X[:1], (400, *X.shape[1:]))
    y = np.asarray(augment.flip(MANY, x))
    flipped = np.all(y == np.asarray(X)[:1, :, ::-1], axis=(1, 2, 3))
    kept = np.all(y == np.asarray(X)[:1], axis=(1, 2, 3))
    assert np.all(flipped ^ kept)
    assert 150 < flipped.sum() < 250  # five standard deviations


@pytest.mark.parametrize("fill", ["edge", "constant"])
def test_shift_moves_by_whole_steps_and_fills(fill):
    signal = jnp.broadcast_to(jnp.arange(1.0, 9).reshape(1, 8, 1), (400, 8, 1))
    y = np.asarray(augment.shift(MANY, signal, 0.2, fill))[..., 0].astype(int)  # by two at most
    padded = np.pad(np.arange(1, 9), 2, mode=fill)
    expected = {tuple(padded[start : start + 8].tolist()) for start in range(5)}
    rows, counts = np.unique(y, axis=0, return_counts=True)
    assert {tuple(row) for row in rows.tolist()} == expected
    assert counts.min() > 40  # of 80 each; five standard deviations


def test_no_shift_leaves_all_as_it_is():
    assert augment.shift(KEYS, X, 0.0) is X


def test_a_vector_has_no_sides_to_be_shifted_along():
    assert augment.shift(KEYS, X[:, 0, 0], 0.5).shape == (8, 3)


def test_crops_are_windows_from_everywhere():
    grid = jnp.arange(20).reshape(1, 5, 4, 1)
    y = np.asarray(augment.crop(MANY, jnp.broadcast_to(grid, (400, 5, 4, 1)), 3))
    corners = y[:, 0, 0, 0]
    assert set(corners.tolist()) == {4 * i + j for i in range(3) for j in range(2)}
    window = np.arange(20).reshape(1, 5, 4, 1)[:, :3, :3]
    np.testing.assert_array_equal(y, window + corners.reshape(-1, 1, 1, 1))


def test_a_crop_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"\(5, 5\) does not fit"):
        augment.crop(KEYS, X, 5)


def boxes(hidden):
    """Height, width, top and left of the rectangles in [N, H, W]; asserts that they are such."""
    found = []
    for image in hidden:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert image.sum() == height * width
        found.append((height, width, rows[0], columns[0]))
    return np.array(found)


def test_a_mask_is_a_rectangle_anywhere_within():
    x = jnp.ones((400, 6, 4, 3))
    masked, hidden = augment.mask(MANY, x, 0.5)
    assert (hidden.shape, hidden.dtype) == ((400, 6, 4, 1), jnp.float32)
    np.testing.assert_array_equal(masked, x * (1 - hidden))
    found = boxes(np.asarray(hidden)[..., 0])
    assert {tuple(box) for box in found.tolist()} == {
        (3, 2, top, left) for top in range(4) for left in range(3)
    }


@pytest.mark.parametrize(("share", "total"), [(0.0, 0), (1.0, 24)])
def test_a_mask_may_be_nothing_or_all(share, total):
    assert np.all(np.sum(augment.mask(KEYS, X, share)[1], axis=(1, 2, 3)) == total)


def test_cutout_is_half_the_sides_around_any_pixel_and_may_cross_the_border():
    y = np.asarray(augment.cutout(MANY, jnp.ones((400, 8, 8, 1))))[..., 0]
    found = boxes(y[np.any(y == 0, axis=(1, 2))] == 0)
    assert found[:, :2].max() == 4
    assert {tuple(pair) for pair in found[:, 2:].tolist()} >= {(i, 2) for i in range(5)}
    assert found[:, 0].min() == found[:, 1].min() == 2


def test_translation_is_by_an_eighth_with_zeros():
    y = np.asarray(augment.translation(MANY, jnp.ones((400, 16, 16, 1))))[..., 0]
    height, width, _, _ = boxes(y).T
    assert set(height) == set(width) == {14, 15, 16}


def test_colour_moves_means_and_scales_what_is_around_them():
    """Contrast's mean is kept, so brightness is read off; grey keeps off saturation."""
    drawn = augment.colour(KEYS, X)
    shifts = np.mean(drawn - X, axis=(1, 2, 3))
    assert np.all((shifts >= -0.5) & (shifts < 0.5))
    grey = jnp.repeat(jnp.mean(X, axis=-1, keepdims=True), 3, axis=-1)
    centred = lambda x: x - np.mean(x, axis=(1, 2, 3), keepdims=True)
    contrast = centred(augment.colour(KEYS, grey)) / centred(grey)
    factor = contrast.reshape(8, -1)[:, :1]
    np.testing.assert_allclose(contrast.reshape(8, -1), np.tile(factor, (1, 72)), rtol=1e-3)
    assert np.all((factor >= 0.5) & (factor < 1.5))
    chroma = (drawn - drawn.mean(axis=-1, keepdims=True)) / (X - X.mean(axis=-1, keepdims=True))
    saturation = chroma.reshape(8, -1) / factor
    np.testing.assert_allclose(saturation, np.tile(saturation[:, :1], (1, 72)), rtol=1e-2)
    assert np.all((saturation >= 0) & (saturation < 2))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_with_a_probability_that_may_be_traced(p):
    x = jnp.zeros((400, 2, 2, 1))
    run = jax.jit(lambda p: augment.with_probability(MANY, x, lambda keys, x: x + 1, p))
    changed = np.asarray(run(p))[:, 0, 0, 0]
    assert set(changed.tolist()) <= {0.0, 1.0}
    assert abs(changed.mean() - p) <= 5 * np.sqrt(p * (1 - p) / 400)


def test_the_more_probable_the_more_are_changed_and_none_is_left_out():
    run = lambda p: augment.with_probability(MANY, jnp.zeros((400, 1)), lambda keys, x: x + 1, p)
    assert np.all(run(0.6) >= run(0.3))


def test_a_policy_is_of_known_names():
    assert augment.policy(("cutout", "translation")) == [augment.cutout, augment.translation]
    with pytest.raises(UserError, match="policy: 'noise' is none of colour, translation, cutout"):
        augment.policy(("colour", "noise"))


def test_composed_transforms_follow_one_another_with_keys_of_their_own():
    first = lambda keys, x: x + jax.random.key_data(keys)[:, :1].astype(jnp.float32)
    second = lambda keys, x: 2 * first(keys, x)
    x = jnp.ones((8, 1))
    expected = second(fold_in(KEYS, 1), first(fold_in(KEYS, 0), x))
    np.testing.assert_array_equal(augment.compose(first, second)(KEYS, x), expected)
    assert augment.compose()(KEYS, x) is x


def test_so_many_pixels_are_dropped_with_all_their_channels():
    x = jnp.zeros((400, 6, 4, 3))
    dropped = np.asarray(augment.drop_pixels(MANY, x, 0.3, value=0.5))
    np.testing.assert_array_equal(dropped.min(axis=-1), dropped.max(axis=-1))
    assert set(np.unique(dropped)) == {0.0, 0.5}
    share = np.mean(dropped == 0.5)
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / (400 * 24)))


def test_noise_is_normal_of_the_deviation_asked_for():
    drawn = np.asarray(augment.noise(MANY, jnp.ones((400, 6, 4, 3)), 0.3)) - 1
    assert np.mean(drawn) == pytest.approx(0, abs=4 * 0.3 / np.sqrt(drawn.size))
    assert np.std(drawn) == pytest.approx(0.3, rel=4 / np.sqrt(2 * drawn.size))


def test_columns_that_are_treated_alike_stay_together_and_others_stay():
    batch = {"x": X, "source": X[..., :1], "map": X[..., 0], "label": jnp.arange(8)}
    made = augment.alike(augment.flip, "x", "source", "map")(KEYS, batch)
    np.testing.assert_array_equal(made["map"], made["x"][..., 0])
    np.testing.assert_array_equal(made["x"], augment.flip(KEYS, X))
    np.testing.assert_array_equal(made["source"], made["x"][..., :1])
    assert made["label"] is batch["label"]


def test_segments_are_of_one_place_of_each_sound():
    sounds = jnp.arange(20.0).reshape(2, 10, 1)
    found = np.asarray(augment.segment(per_example(jax.random.key(0), 2), sounds, 4))[..., 0]
    np.testing.assert_array_equal(np.diff(found), 1)
    assert all(10 * i <= row[0] <= 10 * i + 6 for i, row in enumerate(found))
    with pytest.raises(ValueError, match="segment of 11 samples"):
        augment.segment(None, sounds, 11)


@pytest.mark.parametrize("scale", [0.0, 0.3])
@pytest.mark.parametrize("shear", [0.0, 0.4])
@pytest.mark.parametrize("move", [0.0, 0.2])
def test_the_affine_map_is_that_of_linear_interpolation_along_either_axis(scale, shear, move):
    keys = KEYS[:4]
    images = np.asarray(jax.random.uniform(jax.random.key(1), (4, 9, 9, 2), minval=-1.0))
    found = augment.affine(keys, images, scale, shear, move)
    drawn = 2 * np.asarray(uniform(keys, (6,))) - 1
    place = np.arange(9) - 4.0
    down, across = np.meshgrid(place, place, indexing="ij")
    for image, result, (a, b, c, d, e, f) in zip(images, found, drawn, strict=True):
        from_x = (1 + scale * a) * across + shear * b * down + 9 * move * c
        from_y = (1 + scale * d) * down + shear * e * across + 9 * move * f
        for channel in range(2):
            read = lambda x, at: map_coordinates(x, at, order=1, mode="constant", cval=-1.0)
            padded = np.pad(image[..., channel], 1, constant_values=-1.0)
            once = read(padded, [down + 5, np.clip(from_x + 5, 0, 10)])
            padded = np.pad(once, 1, constant_values=-1.0)
            twice = read(padded, [np.clip(from_y + 5, 0, 10), across + 5])
            np.testing.assert_allclose(result[..., channel], twice, atol=1e-5)
