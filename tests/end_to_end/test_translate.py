"""A translator's run folder, and images to images."""

import numpy as np
import pytest
from PIL import Image

from experiments import train


@pytest.fixture(scope="module")
def runs_of(tmp_path_factory):
    return tmp_path_factory.mktemp("translators")


@pytest.fixture
def inpainter(tiny, runs_of):
    """A run that fills holes of digits, trained once."""
    folder = runs_of / "inpainting"
    path, config = tiny("translation/inpainting", steps=2, checkpoint_every=2)
    train.run(path, config, folder)
    return folder


def holed(path, size):
    """An image of two channels whose left half is known."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 2)).astype(np.uint8)
    pixels[..., 1] = 0
    pixels[:, : size[0] // 2, 1] = 255
    Image.fromarray(pixels, "LA").save(path)
    return pixels


def test_images_and_arrays_are_translated_and_what_is_known_stays(inpainter, scripts, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    known = {
        name: holed(photos / name, size)
        for name, size in (("a.png", (16, 16)), ("b.png", (13, 21)))
    }
    np.savez(tmp_path / "x.npz", x=known["a.png"][None])
    run = f"--workdir={inpainter}"
    folder, panel, array = scripts(
        ["translate", run, photos, f"--out={out}"],
        ["translate", run, photos / "b.png", f"--out={tmp_path}/panel.png", "--panels"],
        ["translate", run, tmp_path / "x.npz", f"--out={tmp_path}/y.npz"],
    )
    assert folder.out == f"2 translations by step 2: {out}\n", folder.err
    for name, pixels in known.items():
        with Image.open(out / name) as image:
            assert image.size == (pixels.shape[1], pixels.shape[0])
            made = np.asarray(image)[..., 0]
        half = pixels.shape[1] // 2
        np.testing.assert_array_equal(made[:, :half], pixels[:, :half, 0])
    assert panel.returncode == 0, panel.err
    with Image.open(tmp_path / "panel.png") as image:
        assert image.width > 21
    assert array.returncode == 0, array.err
    samples = np.load(tmp_path / "y.npz")["samples"]
    assert (samples.shape, samples.dtype) == ((1, 16, 16, 1), np.float32)


def test_what_cannot_be_translated_is_refused_in_one_line(inpainter, assert_refused, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.png").write_text("no image")
    (tmp_path / "twins").mkdir()
    for name in ("a.png", "a.jpg"):
        (tmp_path / "twins" / name).touch()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.png").touch()
    np.savez(tmp_path / "rgb.npz", x=np.zeros((1, 16, 16, 3), np.uint8))
    run = f"--workdir={inpainter}"
    cases = {
        "nothing": ([run], "name one INPUT"),
        "no such file": ([run, f"{tmp_path}/none.png"], "no file or folder"),
        "an empty folder": ([run, f"{tmp_path}/empty"], "holds no images"),
        "two of one name": ([run, f"{tmp_path}/twins"], "holds two images called a"),
        "no image": ([run, f"{tmp_path}/bad.png"], "bad.png cannot be read as an image"),
        "an array of other channels": (
            [run, f"{tmp_path}/rgb.npz"],
            "rgb.npz holds images [16, 16, 3], the run's are [16, 16, 2]",
        ),
        "a folder to a file": (
            [run, f"{tmp_path}/one", f"--out={tmp_path}/bad.png"],
            "bad.png names a file",
        ),
        "panels of an array": ([run, "--panels", f"{tmp_path}/x.npz"], "x.npz is an array file"),
        "a game without images": (["--workdir=nowhere", f"{tmp_path}/bad.png"], "nowhere"),
    }
    assert_refused("translate", cases)
