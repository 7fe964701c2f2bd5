"""Samples that a discriminator takes for data, as the scripts offer them."""

import json

import numpy as np
import pytest

from experiments import recipes, run_folder, train
from gan_jax import sampling
from gan_jax.types import UserError


def test_samples_are_drawn_and_scored_that_the_discriminator_takes_for_data(
    tiny, scripts, tmp_path
):
    path, config = tiny("points/gan", steps=2, checkpoint_every=2, sample_every=2)
    train.run(path, config, tmp_path)
    sampled, out = f"--workdir={tmp_path}", tmp_path / "some.npz"
    draw, evaluate = scripts(
        ["sample", sampled, "--count=9", "--reject", f"--out={out}"],
        ["evaluate", sampled, "--count=40", "--reject", "--metrics=modes"],
    )
    assert (draw.returncode, evaluate.returncode) == (0, 0), draw.err + evaluate.err
    whole = run_folder.load_run(tmp_path)
    run, players = whole.rejecting(ema=True), whole.state.variables()
    expected, unchosen = (
        sampling.sampler(some.game)(players, some.inputs(recipes.samples_key(0), range(9)).columns)
        for some in (run, whole)
    )
    samples = np.load(out)["samples"]
    np.testing.assert_allclose(samples, expected, atol=1e-5)
    assert np.any(samples != unchosen)
    record = json.loads((tmp_path / "evaluation.json").read_text())
    assert record["fake"]["reject"] is True
    assert list(record["figures"]) == ["modes", "high_quality", "reverse_kl"]

    translator = whole._replace(game=whole.game._replace(conditions=("source",)))
    with pytest.raises(
        UserError, match="--reject: this game's samples are each made from a source"
    ):
        translator.rejecting(ema=True)
