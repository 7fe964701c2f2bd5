"""Pairs and domains of images."""

import numpy as np
import pytest
from PIL import Image

from gan_jax import data
from gan_jax.types import UserError

DIGITS = data.digits("test")


def picture(path, colour, size=(6, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_two_sets_are_paired_row_by_row():
    both = data.paired(x=DIGITS, source=data.transformed(DIGITS, "x", data.invert))
    assert set(both.kinds) == {"x", "label", "source"}
    example = both[5]
    np.testing.assert_array_equal(example["source"], 255 - DIGITS[5]["x"])
    assert example["label"] == DIGITS[5]["label"]
    several = both.__getitems__([2, 0])
    np.testing.assert_array_equal(several[0]["x"], DIGITS[2]["x"])
    np.testing.assert_array_equal(several[1]["source"], 255 - DIGITS[0]["x"])


def test_sets_of_unequal_length_are_no_pairs():
    with pytest.raises(UserError, match=r"digits\[test\] has 359 .* its source, 1,438"):
        data.paired(x=DIGITS, source=data.digits("train"))


def test_a_column_is_derived_from_another():
    made = data.transformed(DIGITS, "source", data.invert, of="x")
    np.testing.assert_array_equal(made[3]["source"], 255 - DIGITS[3]["x"])
    assert made.kinds["source"] == DIGITS.kinds["x"]
    assert data.materialise(made).columns["source"].shape == DIGITS.columns["x"].shape


@pytest.mark.parametrize("reverse", [False, True])
def test_files_of_equal_names_are_pairs_whatever_their_suffix(tmp_path, reverse):
    for name, suffix, shade in (("b", "png", 10), ("a", "bmp", 20)):
        picture(tmp_path / f"A/{name}.{suffix}", (shade, 0, 0))
        picture(tmp_path / f"B/{name}.png", (0, shade, 0))
    pairs = data.image_pairs(tmp_path, reverse=reverse)
    assert len(pairs) == 2
    first = pairs[0]
    source, x = (first["x"], first["source"]) if reverse else (first["source"], first["x"])
    assert tuple(source[0, 0]) == (20, 0, 0)
    assert tuple(x[0, 0]) == (0, 20, 0)
    sides = {"x": "A", "source": "B"} if reverse else {"x": "B", "source": "A"}
    loaded = data.load(str(tmp_path), features=sides)[0]
    np.testing.assert_array_equal(loaded["x"], first["x"])


def test_a_file_without_its_counterpart_is_named(tmp_path):
    picture(tmp_path / "A/one.png", 0)
    picture(tmp_path / "A/two.png", 0)
    picture(tmp_path / "B/one.png", 0)
    with pytest.raises(UserError, match="two is in one of A and B alone"):
        data.image_pairs(tmp_path)


def test_an_image_of_two_halves_is_a_pair(tmp_path):
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 4:] = 200
    (tmp_path / "train").mkdir()
    Image.fromarray(wide).save(tmp_path / "train/0.png")
    pair = data.image_pairs(tmp_path, resolution=2, channels=3)[0]
    assert (pair["source"].max(), pair["x"].min()) == (0, 200)
    assert pair["source"].shape == pair["x"].shape == (2, 2, 3)


def test_a_width_without_a_middle_is_refused(tmp_path):
    picture(tmp_path / "0.png", 0, size=(7, 4))
    with pytest.raises(UserError, match="7 pixels of width have no middle"):
        data.image_pairs(tmp_path)[0]


@pytest.mark.parametrize("names", [("trainA", "trainB"), ("A/train", "B/train"), ("A", "B")])
def test_domains_are_two_folders(tmp_path, names):
    for name, shade, count in zip(names, (10, 20), (1, 2), strict=True):
        for i in range(count):
            picture(tmp_path / name / f"{i}.png", (shade,) * 3)
    domains = data.image_domains(tmp_path, resolution=4)
    assert [len(domain) for domain in domains.domains.values()] == [1, 2]
    assert (domains[0]["a"].max(), domains[0]["b"].max()) == (10, 20)


def test_one_folder_is_no_two_domains(tmp_path):
    picture(tmp_path / "0.png", 0)
    with pytest.raises(UserError, match="no folders A and B, nor trainA and trainB"):
        data.image_domains(tmp_path)
