import json
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data import set_channels
from gan_jax.extractors import RESIZES, from_torch_state_dict
from gan_jax.nets.inception import InceptionV3

FOLDER = Path(__file__).parents[1] / "golden"
CASE = runpy.run_path(str(FOLDER / "inception_case.py"))
GOLDEN = json.loads((FOLDER / "inception.json").read_text())


@pytest.fixture(scope="module")
def outputs():
    """Features and logits of all cases, made in one batch."""

    def prepared(resize, shape):
        on_host, traced = RESIZES[resize]
        return np.asarray(traced(on_host(set_channels(CASE["image"](shape)[None], 3))))

    variables = from_torch_state_dict(CASE["state_dict"](GOLDEN["kernels"]))
    images = np.concatenate([prepared(*CASE["CASES"][name]) for name in CASE["READ"]])
    made = jax.device_get(jax.jit(InceptionV3().apply)(variables, images))
    return dict(zip(CASE["READ"], zip(*made, strict=True), strict=True))


def test_it_has_as_many_parameters_and_statistics_as_the_ports():
    variables = jax.eval_shape(InceptionV3().init, jax.random.key(0), jnp.zeros((1, 299, 299, 3)))
    counts = {name: sum(x.size for x in jax.tree.leaves(variables[name])) for name in variables}
    assert counts == {"params": 23_850_960, "batch_stats": 34_432}


@pytest.mark.parametrize("name", CASE["READ"])
def test_features_and_logits_are_those_of_the_ports(outputs, name):
    features, logits = outputs[name]
    unbiased = logits - CASE["weight"]("fc.bias", (1008,))
    for kind, values in {"features": features, "logits": unbiased}.items():
        few = values[:: CASE["STEPS"][kind]]
        np.testing.assert_allclose(few, GOLDEN[name][kind], rtol=0, atol=2e-5)
