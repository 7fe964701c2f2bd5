import csv
import os

import numpy as np
import pytest
from PIL import Image as Pillow
from scipy.io import wavfile

from gan_jax.data.kinds import KINDS, Audio, Category, Image, Real, Tokens, Video
from gan_jax.kinds import show, write
from gan_jax.types import UserError

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, size=(3, 8, 8, 1)).astype(np.float32)
FILMS = RNG.uniform(-1, 1, size=(2, 5, 8, 8, 3)).astype(np.float32)
ROWS = RNG.normal(size=(4, 2)).astype(np.float32)
TOKENS = Tokens(("a", "\n", "\\", "é"))


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_holds_the_sounds_one_after_another(tmp_path, channels):
    waves = RNG.uniform(-1, 1, size=(3, 100, channels)).astype(np.float32)
    write.samples(tmp_path / "a.wav", Audio(rate=1_000), waves)
    rate, read = wavfile.read(tmp_path / "a.wav")
    read = read.reshape(-1, channels)
    assert (rate, read.dtype, len(read)) == (1_000, np.int16, 3 * 100 + 2 * 250)
    for index, wave in enumerate(waves):
        start = 350 * index
        np.testing.assert_allclose(read[start : start + 100] / 32_768, wave, atol=1 / 32_768)
    assert not read[100:350].any()


def test_a_wav_takes_what_is_stored_and_what_is_not_finite(tmp_path):
    stored = np.array([[[1], [-32_768]]], np.int16)
    write.samples(tmp_path / "a.wav", Audio(), stored)
    np.testing.assert_array_equal(wavfile.read(tmp_path / "a.wav")[1], stored[0, :, 0])
    write.samples(tmp_path / "b.wav", Audio(), np.array([[np.nan, 2.0]]))
    np.testing.assert_array_equal(wavfile.read(tmp_path / "b.wav")[1], [0, 32_767])


@pytest.mark.parametrize(
    ("kind", "x", "frames", "duration"),
    [(Video(rate=10), FILMS, 5, 100), (Image(), IMAGES, 3, 250)],
)
def test_a_gif_has_a_frame_a_moment_or_an_image(tmp_path, kind, x, frames, duration):
    write.samples(tmp_path / "a.gif", kind, x)
    with Pillow.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (frames, duration, 0)


def test_a_gif_shows_the_videos_of_one_moment_beside_each_other(tmp_path):
    grey = np.array([[-1, 1], [1, -1]], np.float32)[:, :, None, None, None]  # [N, T]
    write.samples(tmp_path / "a.gif", Video(), np.broadcast_to(grey, (2, 2, 48, 48, 1)))
    with Pillow.open(tmp_path / "a.gif") as gif:
        for moment, expected in enumerate(([0, 255], [255, 0])):
            gif.seek(moment)
            assert np.asarray(gif.convert("L"))[26, [26, 78]].tolist() == expected


def test_text_is_a_line_a_sample_and_can_be_read_back(tmp_path):
    tokens = np.array([[0, 1, 3], [2, 2, 0], [1, 1, 1]])
    write.samples(tmp_path / "a.txt", TOKENS, tokens)
    lines = (tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ["a\\né", "\\\\\\\\a", "\\n\\n\\n"]
    unescaped = [line.replace("é", "\\xe9").encode().decode("unicode_escape") for line in lines]
    assert unescaped == [TOKENS.text(row) for row in tokens]


def test_csv_has_the_columns_names_and_the_exact_numbers(tmp_path):
    label = np.array([1, 0, 1, 0], np.int32)
    extras = {"label": label, "image": np.zeros((4, 8, 8))}
    write.samples(tmp_path / "a.csv", Real(("age", "net, pay")), ROWS, extras=extras)
    header, *rows = rows_of(tmp_path / "a.csv")
    assert header == ["age", "net, pay", "label"]
    np.testing.assert_array_equal(np.array(rows)[:, :2].astype(np.float32), ROWS)
    np.testing.assert_array_equal(np.array(rows)[:, 2].astype(int), label)


@pytest.mark.parametrize(("shape", "header"), [((4,), ["x"]), ((2, 2), ["x0", "x1"])])
def test_csv_of_nameless_numbers(tmp_path, shape, header):
    write.samples(tmp_path / "a.csv", Real(), ROWS.ravel()[:4].reshape(shape))
    assert rows_of(tmp_path / "a.csv")[0] == header


def test_csv_names_classes(tmp_path):
    write.samples(tmp_path / "a.csv", Category(("cat", "dog")), np.array([1, 0]))
    assert rows_of(tmp_path / "a.csv") == [["x"], ["dog"], ["cat"]]


def test_csv_refuses_maps_of_labels(tmp_path):
    with pytest.raises(UserError, match="a class a row"):
        write.samples(tmp_path / "a.csv", Category(("cat",)), np.zeros((2, 8, 8), int))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "x", "dtype", "expected"),
    [
        (Image(), IMAGES, np.float32, IMAGES),
        (Image(), np.full((1, 2, 2, 1), 255, np.uint8), np.float32, np.ones((1, 2, 2, 1))),
        (Audio(), np.full((1, 3, 1), -32_768, np.int16), np.float32, -np.ones((1, 3, 1))),
        (TOKENS, np.array([[0, 3]]), np.int32, [[0, 3]]),
        (Category(("a",)), np.zeros((2, 4, 4), np.uint8), np.int32, np.zeros((2, 4, 4))),
        (Real(), ROWS, np.float32, ROWS),
    ],
    ids=["image", "stored image", "stored audio", "tokens", "map", "rows"],
)
def test_npz_holds_samples_as_nets_make_them(tmp_path, kind, x, dtype, expected):
    write.samples(tmp_path / "a.npz", kind, x)
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays.files == ["samples"]
        assert arrays["samples"].dtype == dtype
        np.testing.assert_array_equal(arrays["samples"], expected)


def test_npz_holds_labels_and_further_columns(tmp_path):
    extras = {"label": np.arange(3, dtype=np.int32), "source": IMAGES[::-1]}
    write.samples(tmp_path / "a.npz", Image(), IMAGES, extras=extras)
    with np.load(tmp_path / "a.npz") as arrays:
        assert sorted(arrays.files) == ["labels", "samples", "source"]
        np.testing.assert_array_equal(arrays["labels"], [0, 1, 2])
        np.testing.assert_array_equal(arrays["source"], IMAGES[::-1])


def test_png_is_the_picture_given_or_else_that_of_the_kind(tmp_path):
    given = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    write.samples(tmp_path / "a.png", Image(), IMAGES, picture=given)
    write.samples(tmp_path / "b.PNG", Image(), IMAGES)
    np.testing.assert_array_equal(np.asarray(Pillow.open(tmp_path / "a.png")), given)
    own = show.samples(Image(), IMAGES)
    np.testing.assert_array_equal(np.asarray(Pillow.open(tmp_path / "b.PNG")), own)


@pytest.mark.parametrize(
    ("kind", "suffix", "suited"),
    [
        (Image(), ".wav", r"image is written as \.png, \.gif, \.npz"),
        (TOKENS, ".csv", r"tokens is written as \.txt, \.png, \.npz"),
        (Audio(), "", r"audio is written as \.wav, \.png, \.npz"),
    ],
)
def test_a_suffix_that_does_not_suit_is_refused_with_those_that_do(tmp_path, kind, suffix, suited):
    with pytest.raises(UserError, match=suited):
        write.samples(tmp_path / f"a{suffix}", kind, np.zeros((1, 2)))
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="could not write"):
        write.samples(tmp_path / "file" / "a.npz", Real(), ROWS)


@pytest.mark.parametrize(
    ("kind", "default", "companions"),
    [
        (Image(), ".png", ()),
        (Video(), ".gif", (".gif",)),
        (Audio(), ".wav", (".wav",)),
        (TOKENS, ".txt", (".txt",)),
        (Category(("a",)), ".png", ()),
        (Real(), ".png", ()),
        (Real(("a", "b")), ".csv", ()),
    ],
)
def test_what_is_written_where_nobody_says(kind, default, companions):
    assert write.default_suffix(kind) == default
    assert write.companions(kind) == companions


def test_every_kind_has_suffixes_and_a_wanted_count():
    assert set(write.SUFFIXES) == set(show.WANTED) == set(KINDS.values())
