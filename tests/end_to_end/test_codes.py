"""Studies of games with an encoder: bounds of the likelihood, and what codes tell of classes."""

import json
import re
import shutil
from functools import partial

import jax
import numpy as np
import pytest

from experiments import recipes, run_folder, train
from gan_jax import data, prng
from gan_jax.game import part

SHORT = {"steps": 2, "checkpoint_every": 2, "sample_every": 0}


def test_a_runs_bound_is_its_games_of_as_many_samples_as_are_asked_for(tiny, scripts, tmp_path):
    workdir, other = tmp_path / "iwae", tmp_path / "vae"
    train.run(*tiny("image/iwae", **SHORT), workdir)
    train.run(*tiny("image/vae", **SHORT), other)
    samples, count = 40, 20
    done, refused = scripts(
        ["likelihood", f"--workdir={workdir}", f"--samples={samples}", f"--count={count}"],
        ["likelihood", f"--workdir={other}"],
    )
    assert (done.returncode, done.err) == (0, "")
    assert re.fullmatch("error: [^\n]*vae.py bounds no likelihood[^\n]*\n", refused.err)
    record = json.loads((workdir / "likelihood.json").read_text())
    assert record["data"] == {"source": "digits", "split": "test", "count": count}
    assert (record["samples"], record["step"]) == (samples, 2)

    run = run_folder.load_run(workdir)
    run.config.samples = samples
    metrics = jax.jit(recipes.make_game(run.recipe, run.config).metrics)
    x, keys = data.first(run.shown(), count)["x"], prng.per_example(recipes.samples_key(0), count)
    each = [
        metrics(run.state.variables(), {"x": x[i : i + 1]}, keys[i : i + 1]) for i in range(count)
    ]
    for name, figure in record["figures"].items():
        values = np.array([float(found[name]) for found in each])
        assert figure["value"] == pytest.approx(values.mean(), rel=1e-5)
        assert figure["error"] == pytest.approx(values.std(ddof=1) / np.sqrt(count), rel=1e-3)
        assert re.search(rf"^{name} +{figure['value']:.4g} ± ", done.out, re.M)
    assert record["figures"]["bound"]["value"] > record["figures"]["elbo"]["value"]

    grey, key = {"x": np.zeros_like(x[:1])}, keys[:1]  # whose pixels the figures throw too
    thrown = run.recipe.throw(prng.fold_in(key, "coins"), grey)
    assert set(np.unique(thrown["x"])) == {-1, 1}
    bound = lambda batch: float(metrics(run.state.variables(), batch, key)["bound"])
    assert bound(grey) == pytest.approx(bound(thrown), rel=1e-5)


def nearest_class(references, queries):
    """The share of queries whose nearest reference is of their class, in float64."""
    (r, of_r), (q, of_q) = references, queries
    r, q = (np.float64(x).reshape(len(x), -1) for x in (r, q))
    return np.mean(of_r[np.sum((q[:, None] - r) ** 2, axis=-1).argmin(axis=1)] == of_q)


def features_by_hand(variables, x):
    """A dense layer of the encoder's, normalised by its statistics, and leaky ReLU, in float64."""
    params, stats = (
        jax.tree.map(np.float64, variables[c]["MLP_0"]) for c in ("params", "batch_stats")
    )
    norm, seen = params["BatchNorm_0"], stats["BatchNorm_0"]
    x = np.float64(x).reshape(len(x), -1) @ params["Dense_0"]["kernel"]
    x = (x - seen["mean"]) / np.sqrt(seen["var"] + 1e-5) * norm["scale"] + norm["bias"]
    return np.where(x > 0, x, 0.2 * x)


def test_codes_and_features_are_judged_by_their_nearest_neighbours(tiny, scripts, tmp_path):
    places = {name: tmp_path / name for name in ("bigan", "autoencoder", "mlp_gan")}
    for method in ("bigan", "autoencoder"):
        train.run(*tiny("image/bigan", method=method, **SHORT), places[method])
    train.run(*tiny("image/mlp_gan", **SHORT), places["mlp_gan"])
    places["other"] = shutil.copytree(places["bigan"], tmp_path / "other")
    record = json.loads((places["other"] / "config.json").read_text())
    record["config"]["data"]["split"] = "all"
    (places["other"] / "config.json").write_text(json.dumps(record))
    bigan, autoencoder, blinded, other = (f"--workdir={place}" for place in places.values())
    count = 100
    done, blind, unlike = scripts(
        ["representations", bigan, autoencoder, f"--count={count}"],
        ["representations", bigan, blinded],
        ["representations", bigan, other],
    )
    assert (done.returncode, done.err) == (0, "")
    assert re.fullmatch("error: [^\n]*mlp_gan.py has no encoder\n", blind.err)
    assert re.fullmatch("error: [^\n]* are of different data\n", unlike.err)
    figures = json.loads((places["bigan"] / "representations.json").read_text())["figures"]
    expected = {}
    for method in ("bigan", "autoencoder"):
        run = run_folder.load_run(places[method])
        splits = [data.first(run.open(split), count) for split in ("train", "test")]
        began = recipes.make_state(run.recipe, run.config, run.game, splits[0])
        represented = {"pixels": lambda x: x}
        for state, when in ((run.state, ""), (began, ", untrained")):
            players = state.variables()
            encoder = players.get("encoder") or part(players["autoencoder"], "encoder")
            represented |= {
                f"{places[method]} code{when}": partial(run.game.encode, players),
                f"{places[method]} features{when}": partial(features_by_hand, encoder),
            }
        for name, represent in represented.items():
            expected[name] = nearest_class(*((represent(b["x"]), b["label"]) for b in splits))
    assert {name: figure["value"] for name, figure in figures.items()} == expected
