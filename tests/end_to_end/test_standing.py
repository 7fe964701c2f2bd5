"""Samples with the statistics of fresh batches, as the scripts offer them."""

import json

import numpy as np
import pytest

from experiments import recipes, run_folder, train
from gan_jax import sampling
from gan_jax.types import UserError


def test_samples_are_drawn_and_scored_with_standing_statistics(tiny, scripts, tmp_path):
    path, config = tiny("image/dcgan", steps=2, checkpoint_every=2, sample_every=2)
    train.run(path, config, tmp_path)
    run, sampled = run_folder.load_run(tmp_path), f"--workdir={tmp_path}"
    assert run.standing(0, ema=True) is run
    drawn = {}
    for ema in (True, False):
        standing = run.standing(2, ema=ema).state
        (before, after) = (s.variables(ema=ema)["generator"] for s in (run.state, standing))
        assert after["params"] is before["params"]
        drawn[ema] = after["batch_stats"]["BatchNorm_0"]["mean"]
        assert np.any(drawn[ema] != before["batch_stats"]["BatchNorm_0"]["mean"])
    assert np.any(drawn[True] != drawn[False])

    out = tmp_path / "some.npz"
    draw, evaluate = scripts(
        ["sample", sampled, "--count=4", "--standing=2", f"--out={out}"],
        ["evaluate", sampled, "--count=40", "--standing=2", "--extractor=identity"],
    )
    assert (draw.returncode, evaluate.returncode) == (0, 0), draw.err + evaluate.err
    inputs = run.inputs(recipes.samples_key(0), range(4)).columns
    players = run.standing(2, ema=True).state.variables()
    expected = sampling.sampler(run.game)(players, inputs)
    np.testing.assert_allclose(np.load(out)["samples"], expected, atol=1e-3)
    assert json.loads((tmp_path / "evaluation.json").read_text())["fake"]["standing"] == 2


def test_a_net_without_batch_statistics_is_refused(tiny, tmp_path):
    path, config = tiny("points/gan", steps=2, checkpoint_every=2, sample_every=2)
    train.run(path, config, tmp_path)
    with pytest.raises(UserError, match="--standing: this game's generator keeps no batch"):
        run_folder.load_run(tmp_path).standing(2, ema=True)
