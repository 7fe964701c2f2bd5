"""The recipe with differential privacy, and the study of what runs give away."""

import json

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant

from experiments import recipes, train
from gan_jax.types import UserError


def test_a_private_run_says_its_epsilon_and_any_run_is_attacked(tiny, tmp_path, scripts, capsys):
    private, plain = tmp_path / "private", tmp_path / "plain"
    path, config = tiny("image/dpgan", steps=4)
    train.run(path, config, private)
    update = dp_accounting.PoissonSampledDpEvent(8 / 1_438, dp_accounting.GaussianDpEvent(2.0))
    epsilon = PLDAccountant().compose(update, 4 * 2).get_epsilon(1e-5)
    assert f"ε = {epsilon:.4g} at δ = 1e-05, after 8 noisy updates" in capsys.readouterr().out
    train.run(*tiny("image/pacgan", steps=2, checkpoint_every=2, sample_every=0), plain)
    few = ("--count=40", "--samples=50")
    done = scripts(*(["privacy", f"--workdir={w}", *few] for w in (private, plain)))
    assert [one.returncode for one in done] == [0, 0], done
    told = [json.loads((w / "privacy.json").read_text())["figures"] for w in (private, plain)]
    assert told[0].pop("epsilon")["value"] == pytest.approx(epsilon)
    for figures in told:
        names = {f"{a}_{b}" for a in ("real_logit", "nearest_sample") for b in ("auc", "tpr")}
        assert figures.keys() == names
        assert 0.1 < figures["nearest_sample_auc"]["value"] < 0.9


def test_a_checkpoint_is_not_to_be_chosen_by_the_data(tiny):
    path, config = tiny("image/dpgan")
    config.best = "-samples/fid"
    with pytest.raises(UserError, match="chooses by the data"):
        recipes.completed(recipes.load_recipe(path), config)
