import json
import runpy
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from gan_jax.extractors import from_torch_state_dict, inception
from gan_jax.types import UserError

FOLDER = Path(__file__).parents[1] / "golden"
CASE = runpy.run_path(str(FOLDER / "inception_case.py"))
GOLDEN = json.loads((FOLDER / "inception.json").read_text())
FIRST = "tensorflow 28x28x1"


@pytest.fixture(scope="module")
def state():
    return CASE["state_dict"](GOLDEN["kernels"])


@pytest.fixture(scope="module")
def weights(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "weights.npz"
    np.savez(path, **state, **{"Mixed_7c.branch_pool.bn.num_batches_tracked": 3})
    return path


@pytest.fixture(scope="module")
def extractor(weights):
    return inception(weights, batch_size=2)


def test_images_are_read_as_by_the_port_whatever_their_number(extractor):
    image = CASE["image"]((28, 28, 1))
    features, logits = extractor.extract(np.stack([image, 255 - image, image]))
    assert (features.shape, logits.shape) == ((3, 2048), (3, 1008))
    for made, kind in ((features, "features"), (logits, "logits")):
        few = made[:, :: CASE["STEPS"][kind]]
        for row in (0, 2):
            np.testing.assert_allclose(few[row], GOLDEN[FIRST][kind], rtol=0, atol=2e-5)
        assert np.abs(few[1] - few[0]).max() > 0.01


def test_floats_are_read_as_a_picture_file_would_store_them(extractor):
    floats = CASE["image"]((28, 28, 1))[None] / 127.5 - 1 + 0.49 / 127.5
    made = extractor.extract(floats.astype(np.float32)).features[0]
    few = made[:: CASE["STEPS"]["features"]]
    np.testing.assert_allclose(few, GOLDEN[FIRST]["features"], rtol=0, atol=2e-5)


def test_the_protocol_names_the_weights_and_the_resizing(extractor, weights):
    expected = {"name": "inception", "weights": sha256(weights.read_bytes()).hexdigest()}
    assert extractor.protocol == expected | {"resize": "tensorflow"}
    assert inception(weights, resize="clean").protocol == expected | {"resize": "clean"}


def test_an_unknown_resizing_is_refused(weights):
    with pytest.raises(UserError, match="'bicubic'; there are: tensorflow, pytorch, clean"):
        inception(weights, resize="bicubic")


@pytest.mark.parametrize("shape", [(5, 2), (5, 8, 8), (5, 8, 8, 2)])
def test_what_is_no_image_is_refused(extractor, shape):
    with pytest.raises(UserError):
        extractor.extract(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("Mixed_6c.branch7x7_2.conv.weight", None, "Mixed_6c.branch7x7_2.conv.weight is missing"),
        ("AuxLogits.fc.weight", np.zeros(2), "AuxLogits.fc.weight is too many"),
        ("fc.weight", np.zeros((1000, 2048)), r"fc.weight has the shape \[1000, 2048\]"),
        ("fc.weight", np.zeros((2048, 1008)), r"fc.weight has the shape \[2048, 1008\]"),
    ],
)
def test_other_weights_are_refused(state, name, array, message):
    wrong = {key: value for key, value in state.items() if key != name}
    if array is not None:
        wrong[name] = array
    with pytest.raises(UserError, match=message):
        from_torch_state_dict(wrong)
