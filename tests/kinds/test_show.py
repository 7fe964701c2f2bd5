import numpy as np
import pytest

from gan_jax import pictures
from gan_jax.data.kinds import Audio, Category, Image, Kind, Real, Tokens, Video
from gan_jax.kinds import show
from gan_jax.types import UserError

RNG = np.random.default_rng(0)
FILMS = RNG.uniform(-1, 1, size=(3, 5, 48, 48, 1)).astype(np.float32)
POINTS = RNG.normal(size=(50, 2)).astype(np.float32)
MAPS = RNG.integers(3, size=(4, 48, 48))
WAVES = RNG.uniform(-1, 1, size=(2, 400, 1)).astype(np.float32)


class Unknown(Kind):
    name = "unknown"


def same(actual, expected):
    assert actual.dtype == np.uint8
    np.testing.assert_array_equal(actual, expected)


def test_images_are_a_grid():
    same(show.samples(Image(), FILMS[0], columns=4), pictures.grid(FILMS[0], 4))


def test_a_video_is_a_strip_of_frames():
    picture = show.samples(Video(), FILMS)
    assert picture.shape == (3 * (48 + 2 + 8), 5 * (48 + 2) + 8, 3)
    frame = pictures.grid(FILMS[1, 2][None], border=0)
    np.testing.assert_array_equal(picture[58 + 5 : 58 + 5 + 48, 5 + 100 : 5 + 148], frame)


def test_of_a_long_video_the_first_the_last_and_some_between_are_shown():
    film = np.linspace(-1, 1, 100)[None, :, None, None, None] * np.ones((1, 100, 48, 48, 1))
    strip = show.samples(Video(), film)[29, 5 + 24 :: 50, 0]
    assert len(strip) == 16
    assert (strip[0], strip[-1]) == (0, 255)


def test_sounds_are_drawn_as_they_are_stored_too():
    stored = Audio().to_stored(WAVES)
    np.testing.assert_allclose(
        show.samples(Audio(8_000), stored).astype(float),
        show.samples(Audio(8_000), WAVES).astype(float),
        atol=64,
    )


def test_no_more_than_eight_sounds_are_drawn():
    nine = np.repeat(WAVES[:1], 9, axis=0)
    same(show.samples(Audio(), nine), show.samples(Audio(), nine[:8]))


def test_tokens_are_texts():
    tokens = np.array([[0, 1], [1, 2]])
    same(show.samples(Tokens(("a", "b", "\n"), " "), tokens), pictures.texts(["a b", "b \n"]))


def test_classes_are_shares_beside_the_real():
    kind, x, real = Category(("a", "b")), np.array([0, 1, 1]), np.array([0, 0])
    same(show.samples(kind, x, real=real), pictures.shares(x, real, kind.classes))


def test_maps_of_labels_are_a_grid_in_colours_with_a_legend():
    picture = show.samples(Category(("a", "b", "c")), MAPS)
    colours = pictures.palette(3)
    grid = pictures.grid(colours[MAPS])
    np.testing.assert_array_equal(picture[: grid.shape[0], : grid.shape[1]], grid)
    assert picture.shape[0] > grid.shape[0]
    same(show.samples(Category(()), MAPS), grid)


def test_points_are_scattered():
    same(show.samples(Real(), POINTS, real=2 * POINTS), pictures.scatter(POINTS, 2 * POINTS))


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 5)])
def test_numbers_and_rows_have_marginals(shape):
    x = RNG.normal(size=shape)
    same(show.samples(Real(), x), pictures.marginals(x.reshape(50, -1)))


@pytest.mark.parametrize("width", [2, 40])
def test_rows_of_a_table_have_marginals_under_their_names(width):
    names = tuple(f"column {k}" for k in range(width))
    x = RNG.normal(size=(30, width))
    same(show.samples(Real(names), x, real=x), pictures.marginals(x, x, names))


@pytest.mark.parametrize("shape", [(3, 40), (3, 9, 2), (3, 4, 5, 6)])
def test_longer_series_are_lines(shape):
    x = RNG.normal(size=shape)
    series = x if len(shape) == 2 else x.reshape(3, shape[1], -1)
    same(show.samples(Real(), x, real=x), pictures.lines(series, series))


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        (Image(), (0, 8, 8, 1), "at least one image"),
        (Image(), (8, 8, 1), r"\[N, H, W, 1 to 4\]"),
        (Video(), (2, 8, 8, 1), r"\[N, T, H, W, C\]"),
        (Unknown(), (2, 2), "no picture of unknown"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(kind, shape, message):
    with pytest.raises(UserError, match=message):
        show.samples(kind, np.zeros(shape, np.float32))


def test_strips_of_images_and_maps_stand_below_each_other():
    kinds = {"input": Image(), "labels": Category(("a", "b", "c"))}
    picture = show.strips(kinds, {"input": FILMS[0, :4], "labels": MAPS})
    same(picture, pictures.rows({"input": FILMS[0, :4], "labels": pictures.palette(3)[MAPS]}))


def test_strips_of_another_kind_get_a_section_each():
    picture = show.strips(Video(), {"context": FILMS[:2], "prediction": FILMS[1:]})
    parts = {"context": FILMS[:2], "prediction": FILMS[1:]}
    same(picture, pictures.sections({name: show.samples(Video(), x) for name, x in parts.items()}))


def test_strips_may_be_of_several_kinds():
    titled = {"image": FILMS[0], "sound": WAVES}
    assert show.strips({"image": Image(), "sound": Audio()}, titled).ndim == 3
