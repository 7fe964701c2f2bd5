import numpy as np
import pytest

from gan_jax.data import (
    Audio,
    Category,
    Image,
    Real,
    Tokens,
    array_file,
)
from gan_jax.types import UserError

GREY = np.random.default_rng(0).integers(256, size=(3, 4, 4), dtype=np.uint8)


def test_npy_of_grey_images_gets_a_channel_axis(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    dataset = array_file(tmp_path / "a.npy")
    np.testing.assert_array_equal(dataset.columns["x"], GREY[..., None])
    assert set(dataset.columns) == {"x"}


@pytest.mark.parametrize("x", ["x", "images", "samples"])
@pytest.mark.parametrize("label", ["label", "labels"])
def test_npz_keys(tmp_path, x, label):
    np.savez(tmp_path / "a.npz", **{x: GREY[..., None], label: np.array([2, 0, 1])})
    columns = array_file(tmp_path / "a.npz").columns
    np.testing.assert_array_equal(columns["x"], GREY[..., None])
    np.testing.assert_array_equal(columns["label"], [2, 0, 1])
    assert columns["label"].dtype == np.int32


def test_doubles_become_float32(tmp_path):
    np.save(tmp_path / "a.npy", GREY[..., None] / 127.5 - 1)
    assert array_file(tmp_path / "a.npy").columns["x"].dtype == np.float32


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (GREY.astype(np.int64), "column x: what are int64 values of shape .* Name their kind"),
        (GREY[..., None].astype(np.float32), r"must lie in \[-1, 1\], but .* data.kinds.x to real"),
        (GREY[0, 0], r"must be \[N, ...\]"),
        (np.zeros((2, 3, 8, 8), np.uint8), r"transpose it to \[N, H, W, C\]"),
        (np.array([{}]), "cannot be read as a NumPy file"),
        (np.array(3.0), "there is nothing in it"),
        (np.zeros((2, 0, 4, 1), np.uint8), "there is nothing in it|empty"),
        (np.zeros((0, 4, 4, 1), np.uint8), "there is nothing in it|empty"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=message):
        array_file(tmp_path / "a.npy")


def test_all_arrays_of_a_file_become_columns(tmp_path):
    arrays = {
        "images": GREY,
        "source": np.full((3, 2, 2), 0.5),
        "sound": np.zeros((3, 9), np.int16),
        "labels": np.array([2, 0, 1]),
        "sound_label": np.array([0, 0, 1]),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    dataset = array_file(tmp_path / "a.npz")
    kinds = {
        "x": Image(),
        "source": Real(),
        "sound": Audio(),
        "label": Category(tuple("012")),
        "sound_label": Category(tuple("01")),
    }
    assert dataset.kinds == kinds
    assert dataset.columns["source"].dtype == np.float32
    assert dataset.columns["sound"].shape == (3, 9, 1)


def test_of_two_main_arrays_x_is_the_main_column(tmp_path):
    np.savez(tmp_path / "a.npz", x=GREY, images=255 - GREY)
    columns = array_file(tmp_path / "a.npz").columns
    np.testing.assert_array_equal(columns["x"], GREY[..., None])
    np.testing.assert_array_equal(columns["images"], 255 - GREY[..., None])


@pytest.mark.parametrize("shape", [(3, 8), (3, 8, 2), (3, 4, 4)])
def test_float_series_are_no_images(tmp_path, shape):
    series = 300 * np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    np.save(tmp_path / "a.npy", series)
    dataset = array_file(tmp_path / "a.npy")
    np.testing.assert_array_equal(dataset.columns["x"], series)
    assert dataset.kinds == {"x": Real()}


@pytest.mark.parametrize(
    ("x", "given", "kind", "shape"),
    [
        (GREY / 255, "image", Image(), (3, 4, 4, 1)),
        (GREY / 255, "real", Real(), (3, 4, 4)),
        (GREY[..., None] * 9.0, "real", Real(), (3, 4, 4, 1)),
        (GREY[:, 0] / 255, {"kind": "audio", "rate": 8}, Audio(8), (3, 4, 1)),
        (GREY[:, 0].astype(np.int64) % 3, Tokens(tuple("abc")), Tokens(tuple("abc")), (3, 4)),
        (np.array([[0, 2], [1, 1]]), "tokens", Tokens(tuple("012")), (2, 2)),
        (GREY % 2, "category", Category(tuple("01")), (3, 4, 4)),
    ],
)
def test_kinds_can_be_named(tmp_path, x, given, kind, shape):
    np.save(tmp_path / "a.npy", x)
    dataset = array_file(tmp_path / "a.npy", kinds={"x": given})
    assert dataset.kinds == {"x": kind}
    assert dataset.columns["x"].shape == shape


def test_a_kind_of_no_column_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    with pytest.raises(UserError, match=r"a.npy holds x, but data.kinds names 'y'"):
        array_file(tmp_path / "a.npy", kinds={"y": "image"})


def test_npz_without_images_names_its_keys(tmp_path):
    np.savez(tmp_path / "a.npz", data=GREY)
    with pytest.raises(UserError, match="holds data; name its main array x or images or samples"):
        array_file(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("content", [b"", b"not an array", b"PK\x03\x04 broken"])
def test_damaged_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} cannot be read as a NumPy file"):
        array_file(tmp_path / name)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*a.npy"):
        array_file(tmp_path / "a.npy")


def test_files_have_no_test_split(tmp_path):
    with pytest.raises(UserError, match="no split 'test'"):
        array_file(tmp_path / "a.npy", split="test")


def packed(path, **changes):
    """An archive whose entries say of themselves what is not so."""
    np.savez_compressed(path, x=np.zeros((50, 8, 8), np.uint8))
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\x01\x02")
    local = data.index(b"PK\x03\x04")
    for (of_local, of_central), value in changes.values():
        data[local + of_local : local + of_local + len(value)] = value
        data[central + of_central : central + of_central + len(value)] = value
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((6, 8), b"\x01\x00"),  # encrypted
        ((8, 10), b"\x63\x00"),  # packed in a way that nobody knows
        ((14, 16), b"\x00\x00\x00\x00"),  # another checksum
    ],
)
def test_odd_archives_are_one_line(tmp_path, place, value):
    path = packed(tmp_path / "a.npz", change=(place, value))
    with pytest.raises(UserError, match=r"^[^\n]*a.npz cannot be read as a NumPy file: [^\n]*$"):
        array_file(path)


def test_an_archive_whose_contents_are_damaged_is_one_line(tmp_path):
    path = packed(tmp_path / "a.npz")
    data = bytearray(path.read_bytes())
    data[60:70] = b"\xff" * 10
    path.write_bytes(data)
    with pytest.raises(UserError, match="cannot be read as a NumPy file"):
        array_file(path)


def test_an_archive_larger_than_memory_is_refused_unread(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x=GREY)
    monkeypatch.setattr("os.sysconf", lambda name: 10)
    with pytest.raises(UserError, match=r"its arrays take \d+ bytes, of 100 in this machine"):
        array_file(tmp_path / "a.npz")


def test_a_label_without_examples_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=GREY, label=np.array(3))
    with pytest.raises(UserError, match="label has shape"):
        array_file(tmp_path / "a.npz")


def test_a_large_file_is_mapped_not_read(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    x = array_file(tmp_path / "a.npy").columns["x"]
    assert isinstance(x, np.memmap) or isinstance(x.base, np.memmap)


def test_a_name_too_long_for_a_file_is_refused():
    with pytest.raises(UserError, match="there is no file"):
        array_file("a" * 5_000 + ".npy")
