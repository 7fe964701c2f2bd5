import json
import runpy
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.data import set_channels
from gan_jax.extractors import RESIZES

FOLDER = Path(__file__).parents[1] / "golden"
CASE = runpy.run_path(str(FOLDER / "inception_case.py"))
GOLDEN = json.loads((FOLDER / "inception.json").read_text())
GREY = {"tensorflow": 128, "pytorch": 127.5, "clean": 128}


def read(resize, images):
    on_host, traced = RESIZES[resize]
    return np.asarray(jax.jit(traced)(on_host(set_channels(images, 3))))


@pytest.mark.parametrize("name", CASE["CASES"])
def test_the_net_reads_what_the_ports_nets_read(name):
    resize, shape = CASE["CASES"][name]
    x = read(resize, CASE["image"](shape)[None])
    assert (x.shape, x.dtype) == ((1, 299, 299, 3), np.float32)
    few = x.ravel()[:: CASE["STEPS"]["input"]]
    np.testing.assert_allclose(few, GOLDEN[name]["input"], rtol=0, atol=5e-5)


@pytest.mark.parametrize("resize", RESIZES)
def test_an_image_of_the_nets_size_is_only_scaled(resize):
    image = CASE["image"]((299, 299, 3))[None]
    expected = (image.astype(np.float64) - GREY[resize]) / GREY[resize]
    np.testing.assert_allclose(read(resize, image), expected, rtol=0, atol=3e-7)


@pytest.mark.parametrize("resize", RESIZES)
def test_images_of_a_batch_do_not_mix(resize):
    images = np.stack([CASE["image"]((9, 7, 3)), np.full((9, 7, 3), 200, np.uint8)])
    both = read(resize, images)
    np.testing.assert_allclose(both[0], read(resize, images[:1])[0], rtol=0, atol=1e-6)
    flat = (200 - GREY[resize]) / GREY[resize]
    np.testing.assert_allclose(both[1], flat, rtol=0, atol=1e-6)
