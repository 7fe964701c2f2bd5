import numpy as np
import pytest

from gan_jax import pictures
from gan_jax.types import UserError


def orange(picture):
    red, _, blue = np.moveaxis(picture.astype(int), -1, 0)
    return red - blue > 60


def blue(picture):
    return orange(picture[..., ::-1])


GREY = (195, 200, 204)  # of what is real


def painted(picture, colour):
    return (np.abs(picture.astype(int) - colour).max(axis=-1) < 12).sum()


def test_marginals_without_real_rows_have_one_matrix():
    rows = np.random.default_rng(0).normal(size=(50, 3))
    alone, beside = pictures.marginals(rows), pictures.marginals(rows, rows)
    assert painted(alone, GREY) < painted(beside, GREY)
    assert beside.shape[1] > alone.shape[1]


def test_correlations_are_signed():
    up = np.linspace(-1, 1, 50)
    alike, against = (pictures.marginals(np.stack([up, y], axis=1)) for y in (up, -up))
    assert not blue(alike).any()
    assert blue(against).any()


def test_marginals_of_constants_and_of_one_column_are_pictures():
    assert pictures.marginals(np.ones((9, 2)), np.ones((9, 2))).std() > 0
    assert pictures.marginals(np.arange(9.0)[:, None]).std() > 0


def test_marginals_count_the_generated_that_lie_beyond_the_real():
    real = np.linspace(0, 1, 100)[:, None]
    np.testing.assert_array_equal(
        pictures.marginals(np.full((5, 1), 9.0), real), pictures.marginals(np.ones((5, 1)), real)
    )


@pytest.mark.parametrize(
    ("samples", "real", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), r"got \[3, 4\] and \[3, 2\]"),
        (np.full((3, 2), np.nan), None, "a finite row"),
    ],
)
def test_marginals_refuse_bad_input(samples, real, message):
    with pytest.raises(UserError, match=message):
        pictures.marginals(samples, real)


def test_shares_are_as_high_as_a_class_is_frequent():
    picture = pictures.shares(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), ["a", "b"])[40:]
    bars = [orange(half).sum() for half in np.array_split(picture, 2, axis=1)]
    assert bars[0] / bars[1] == pytest.approx(3, rel=0.1)


def test_shares_need_no_names():
    assert orange(pictures.shares(np.arange(100))).any()


def test_a_sounds_spectrogram_is_bright_where_it_sounds():
    seconds = np.arange(8_000) / 8_000
    low, high = (np.sin(2 * np.pi * hertz * seconds)[None] for hertz in (500, 3_500))

    def height(wave):
        bright = pictures.sounds(wave, 8_000).astype(int).sum(axis=-1)
        inner = bright[100:-30, 40:-10]  # neither the wave nor the axes
        return np.argmax((inner > 500).mean(axis=1)) / len(inner)

    assert height(low) > 0.7
    assert height(high) < 0.3


@pytest.mark.parametrize("shape", [(1, 1), (3, 50, 2), (9, 400)])
def test_sounds_may_be_short_or_silent_or_of_two_channels(shape):
    assert pictures.sounds(np.zeros(shape), 16_000).ndim == 3


@pytest.mark.parametrize("shape", [(4,), (0, 9), (1, 2, 3, 4)])
def test_sounds_refuse_another_shape(shape):
    with pytest.raises(UserError, match=r"\[N, T\] or \[N, T, C\]"):
        pictures.sounds(np.zeros(shape), 16_000)


def test_lines_stand_below_real_ones():
    series = np.random.default_rng(0).normal(size=(5, 40, 2))
    alone, beside = pictures.lines(series), pictures.lines(series, series[:2])
    assert (beside.shape[0], beside.shape[1]) == (2 * alone.shape[0], alone.shape[1])


def test_lines_have_gaps_where_a_value_is_not_finite():
    series = np.ones((1, 40))
    series[:, 10:30] = np.nan
    half, whole = (blue(pictures.lines(x)).sum() for x in (series, np.ones((1, 40))))
    assert 0 < half < whole


@pytest.mark.parametrize("x", [np.zeros(4), np.full((2, 3), np.nan)])
def test_lines_refuse_bad_input(x):
    with pytest.raises(UserError, match=r"generated is \["):
        pictures.lines(x)


def test_texts_are_broken_and_cut_off():
    one, two, many = (pictures.texts([text]) for text in ("a", "a\nb", "a b " * 1_000))
    assert one.shape[0] < two.shape[0] < many.shape[0] < 10 * one.shape[0]
    assert many.shape[1] < 1_000


def test_texts_show_what_cannot_be_printed_as_a_dot():
    np.testing.assert_array_equal(pictures.texts(["a\x00b"]), pictures.texts(["a·b"]))


def test_texts_refuse_none():
    with pytest.raises(UserError, match="at least one"):
        pictures.texts([])


def test_sections_keep_each_picture_below_its_title():
    small, large = np.zeros((5, 300, 3), np.uint8), np.full((7, 400, 3), 9, np.uint8)
    picture = pictures.sections({"a": small, "b": large})
    assert picture.shape[1] == 400
    assert (picture == 0).all(axis=-1).sum() == 5 * 300
    np.testing.assert_array_equal(picture[-7:], large)
    assert (picture[-7 - 20 : -7] < 200).any()


def test_a_palettes_colours_differ():
    colours = pictures.palette(40)
    assert colours.dtype == np.uint8
    assert len(np.unique(colours, axis=0)) == 40
    assert pictures.palette(0).shape[0] == 0


def test_a_legend_shows_each_colour():
    colours = pictures.palette(3)
    picture = pictures.legend(colours, ["a", "b", "a long name"])
    for colour in colours:
        assert painted(picture, colour) > 50
