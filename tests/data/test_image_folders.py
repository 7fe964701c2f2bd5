"""Folders of images."""

import numpy as np
import pytest
from PIL import Image as Picture

from gan_jax.data import Category, Image, image_folder, materialise
from gan_jax.types import UserError


def picture(path, size=(4, 4), mode="RGB", colour=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.new(mode, size, colour if colour is not None else 0).save(path, **options)
    return path


def test_class_folders_are_numbered_by_name(tmp_path):
    picture(tmp_path / "dog" / "1.png", colour=(1, 2, 3))
    picture(tmp_path / "cat" / "2.PNG", colour=(4, 5, 6))
    picture(tmp_path / "cat" / "1.png", colour=(7, 8, 9))
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    picture(tmp_path / ".hidden" / "1.png")
    dataset = materialise(image_folder(tmp_path))
    assert dataset.kinds == {"x": Image(), "label": Category(("cat", "dog"))}
    assert dataset.columns["label"].tolist() == [0, 0, 1]
    assert dataset.columns["x"].shape == (3, 4, 4, 3)
    assert dataset.columns["x"][:, 0, 0].tolist() == [[7, 8, 9], [4, 5, 6], [1, 2, 3]]


def test_flat_folders_have_no_labels(tmp_path):
    picture(tmp_path / "a.png", mode="L", colour=5)
    (tmp_path / "empty").mkdir()
    example = image_folder(tmp_path)[0]
    np.testing.assert_array_equal(example["x"], np.full((4, 4, 1), 5))
    assert set(example) == {"x"}


def test_grey_and_colour_together_become_colour(tmp_path):
    picture(tmp_path / "a.png", mode="L", colour=5)
    picture(tmp_path / "b.png", colour=(1, 2, 3))
    x = materialise(image_folder(tmp_path)).columns["x"]
    assert x[:, 0, 0].tolist() == [[5, 5, 5], [1, 2, 3]]


def test_channels_can_be_asked_for(tmp_path):
    picture(tmp_path / "a.png", colour=(255, 0, 0))
    np.testing.assert_array_equal(
        image_folder(tmp_path, channels=1)[0]["x"], 76 * np.ones((4, 4, 1))
    )


def test_transparency_is_over_white(tmp_path):
    picture(tmp_path / "a.png", mode="RGBA", colour=(0, 0, 0, 0))
    picture(tmp_path / "b.png", mode="RGBA", colour=(10, 20, 30, 255))
    x = materialise(image_folder(tmp_path)).columns["x"]
    assert x[:, 0, 0].tolist() == [[255, 255, 255], [10, 20, 30]]


def test_transparent_grey_stays_grey(tmp_path):
    picture(tmp_path / "a.png", mode="LA", colour=(0, 0))
    np.testing.assert_array_equal(image_folder(tmp_path)[0]["x"], np.full((4, 4, 1), 255))


def test_palettes_become_colour(tmp_path):
    Picture.new("RGB", (4, 4), (0, 128, 255)).quantize(2).save(tmp_path / "a.png")
    assert image_folder(tmp_path)[0]["x"][0, 0].tolist() == [0, 128, 255]


def test_exif_orientation_turns_the_image(tmp_path):
    exif = Picture.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    image = Picture.new("L", (8, 4))
    image.paste(255, (0, 0, 4, 4))  # left half white: the top half, once turned
    image.save(tmp_path / "a.png", exif=exif)
    picture(tmp_path / "b.png", mode="L", size=(4, 8))
    x = materialise(image_folder(tmp_path)).columns["x"]
    assert x.shape == (2, 8, 4, 1)
    assert x[0, :, 0, 0].tolist() == [255] * 4 + [0] * 4


def test_sizes_that_differ_name_both_files(tmp_path):
    picture(tmp_path / "a.png", size=(4, 5))
    picture(tmp_path / "b.png", size=(6, 5))
    with pytest.raises(UserError, match=r"a.png is 4x5, .*b.png is 6x5; set data.resolution"):
        image_folder(tmp_path)


def test_sizes_may_differ_with_a_resolution(tmp_path):
    picture(tmp_path / "a.png", size=(4, 5))
    picture(tmp_path / "b.png", size=(6, 9))
    x = materialise(image_folder(tmp_path, resolution=3)).columns["x"]
    assert x.shape == (2, 3, 3, 3)


def test_an_unreadable_file_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"a.png cannot be read as an image"):
        image_folder(tmp_path)


def test_a_truncated_file_is_named_when_decoded(tmp_path):
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(256, size=(40, 40), dtype=np.uint8)
    Picture.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:800])
    dataset = image_folder(tmp_path)
    with pytest.raises(UserError, match=r"a.png cannot be read as an image"):
        dataset[0]


def test_deep_pixels_are_refused(tmp_path):
    Picture.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a.png has more than 8 bits a channel"):
        image_folder(tmp_path)


def test_images_at_both_levels_are_refused(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "cat" / "b.png")
    with pytest.raises(UserError, match=r"both directly \(a.png\) and in a folder \(cat\)"):
        image_folder(tmp_path)


def test_the_wrong_folder_level_names_the_right_folder(tmp_path):
    picture(tmp_path / "pictures" / "cat" / "a.png")
    picture(tmp_path / "pictures" / "dog" / "b.png")
    with pytest.raises(UserError, match=r"more than one folder deep; .*pictures$"):
        image_folder(tmp_path)


def test_folders_of_splits_are_splits_with_the_same_classes(tmp_path):
    picture(tmp_path / "train" / "cat" / "1.png")
    picture(tmp_path / "train" / "dog" / "2.png")
    picture(tmp_path / "test" / "dog" / "3.png", colour=(3, 3, 3))
    test = image_folder(tmp_path, split="test")
    assert (test.split, len(test)) == ("test", 1)
    assert test[0]["x"].max() == 3
    assert test[0]["label"] == 1
    assert test.kinds["label"] == image_folder(tmp_path).kinds["label"] == Category(("cat", "dog"))


def test_folders_of_splits_may_be_flat(tmp_path):
    picture(tmp_path / "train" / "1.png")
    picture(tmp_path / "test" / "2.png")
    assert set(image_folder(tmp_path, split="test")[0]) == {"x"}


def test_a_split_that_is_not_there_names_those_that_are(tmp_path):
    picture(tmp_path / "train" / "cat" / "1.png")
    picture(tmp_path / "validation" / "cat" / "1.png")
    with pytest.raises(UserError, match=r"no split 'test'; set data.split to train or validation"):
        image_folder(tmp_path, split="test")


def test_classes_in_some_splits_only_are_refused(tmp_path):
    picture(tmp_path / "train" / "cat" / "1.png")
    picture(tmp_path / "test" / "2.png")
    with pytest.raises(UserError, match="class folders in some splits only"):
        image_folder(tmp_path)


def test_a_folder_called_test_is_the_split_test(tmp_path):
    picture(tmp_path / "test" / "cat" / "1.png")
    assert image_folder(tmp_path / "test", split="test").split == "test"


@pytest.mark.parametrize(("name", "mode"), [("a.pgm", "L"), ("a.ppm", "RGB")])
def test_portable_maps_are_images(tmp_path, name, mode):
    picture(tmp_path / name, mode=mode)
    assert image_folder(tmp_path)[0]["x"].shape == (4, 4, len(mode))


def test_no_header_is_read_where_size_and_channels_are_given(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    assert len(image_folder(tmp_path, resolution=4, channels=1)) == 1


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UserError, match=r"a.txt is neither a folder of images nor a .npy or .npz"):
        image_folder(tmp_path / "a.txt")


def test_an_empty_class_is_refused(tmp_path):
    picture(tmp_path / "cat" / "a.png")
    (tmp_path / "dog").mkdir()
    with pytest.raises(UserError, match=r"class folder .*dog holds no images"):
        image_folder(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no images"):
        image_folder(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"there is no folder .*nowhere"):
        image_folder(tmp_path / "nowhere")


def test_other_channels_are_refused(tmp_path):
    with pytest.raises(UserError, match="must be 1 or 3, got 2"):
        image_folder(tmp_path, channels=2)


def test_folders_have_no_test_split(tmp_path):
    with pytest.raises(UserError, match="no split 'test'"):
        image_folder(tmp_path, split="test")


def test_an_image_of_another_format_than_is_meant_is_not_opened(tmp_path):
    Picture.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a.png cannot be read as an image"):
        image_folder(tmp_path)


def test_an_image_too_large_to_decode_is_refused(tmp_path, monkeypatch):
    picture(tmp_path / "a.png", (9, 9))
    monkeypatch.setattr(Picture, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UserError, match="cannot be read as an image"):
        image_folder(tmp_path)


def test_links_that_lead_back_are_followed_once(tmp_path):
    folder = tmp_path / "images" / "cats"
    picture(folder / "a.png")
    for name in ("one", "two"):
        (tmp_path / "images" / "cats" / name).symlink_to(tmp_path / "images")
    with pytest.raises(UserError, match="more than one folder deep"):
        image_folder(tmp_path / "images")
    for name in ("one", "two"):
        (folder / name).unlink()
        (folder / name).mkdir()
        (folder / name / "back").symlink_to(folder / name)
    assert len(image_folder(tmp_path / "images")) == 1
