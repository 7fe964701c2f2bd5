"""Evaluation as a user meets it: within a run, of a run, and of files."""

import json
import re

import numpy as np
import pytest

from experiments import recipes, run_folder, train
from gan_jax.writers import read_metrics


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Array files: images, others of another size and unlabelled ones."""
    folder, random = tmp_path_factory.mktemp("files"), np.random.default_rng(0)

    def write(name, *shape, **columns):
        np.savez(folder / name, x=random.integers(256, size=shape, dtype=np.uint8), **columns)
        return folder / name

    return {
        "real": write("real.npz", 60, 4, 4, 1),
        "fake": write("fake.npz", 50, 4, 4, 1),
        "wide": write("wide.npz", 50, 4, 5, 1),
    }


def test_the_checkpoint_of_the_lowest_distance_is_kept_and_a_run_is_evaluated_from_its_folder(
    tiny, scripts, cache, tmp_path
):
    every = {"steps": 4, "evaluate_every": 2, "checkpoint_every": 2, "sample_every": 4, "keep": 1}
    path, config = tiny("image/dcgan", best="-samples/fid", **every)
    train.run(path, config, tmp_path)
    distance = {
        row["step"]: row["samples/fid"] for row in read_metrics(tmp_path) if "samples/fid" in row
    }
    assert set(distance) == {2, 4}
    best = min(distance, key=distance.get)
    kept = run_folder.make_checkpoints(tmp_path, recipes.make_plan(config))
    assert kept.best_step() == best
    assert kept.steps() == sorted({best, 4})

    # The run's classifier is recalled.
    evaluate = (f"--workdir={tmp_path}", "--count=100", f"--cache={cache}")
    (first,) = scripts(["evaluate", *evaluate, "--report"])
    assert (first.returncode, first.err) == (0, "")
    assert "training a classifier" not in first.out
    record = json.loads((tmp_path / "evaluation.json").read_text())
    for name, figure in record["figures"].items():
        assert figure.keys() == {"value", "error", "how", "better"}
        assert re.search(rf"^{name} +[\d.e+-]+ ", first.out, re.M)
    assert {"fid", "kid", "precision", "modes", "spectrum"} <= record["figures"].keys()
    assert "memorised" not in record["figures"]  # 100 examples are not all it was trained on
    assert record["fake"] == {
        "source": str(tmp_path),
        "recipe": str(path),
        "step": 4,
        "ema": True,
        "reverse": False,
        "standing": 0,
        "reject": False,
        "seed": 0,
        "count": 100,
    }
    assert record["real"] == {"source": "digits", "split": "train", "count": 100, "seed": 0}
    assert record["extractor"].keys() >= {"name", "weights", "trained_on", "accuracy"}
    assert "jax" in record["versions"]
    page = (tmp_path / "evaluation.html").read_text()
    assert page.count("data:image/png;base64,") >= 6
    assert not re.search(r"https?://|<script|<link", page)
    for heading in (
        "Metrics",
        "Samples by class",
        "Nearest",
        "Features",
        "Interpolation",
        "Curves",
    ):
        assert f"<h2>{heading}" in page

    seen = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    (again,) = scripts(["evaluate", *evaluate, f"--out={tmp_path / 'again.json'}"])
    assert again.returncode == 0, again.err
    assert json.loads((tmp_path / "again.json").read_text()) == record
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == seen


def test_two_files_are_compared_without_a_run(scripts, files, tmp_path):
    whole, middle = tmp_path / "made" / "figures.json", tmp_path / "middle.json"
    framed = np.full((60, 4, 4, 1), 255, np.uint8)
    framed[:, 1:3, 1:3] = np.load(files["real"])["x"][:, 1:3, 1:3]
    np.savez(tmp_path / "framed.npz", x=framed)
    compare = ("evaluate", f"--real={files['real']}", "--extractor=identity", "--metrics=pr,fid")
    done, cut = scripts(
        [*compare, f"--fake={files['fake']}", f"--cache={tmp_path / 'cache'}", f"--out={whole}"],
        [*compare, f"--fake={tmp_path / 'framed.npz'}", "--middle=0.5", f"--out={middle}"],
    )
    assert (done.returncode, done.err, cut.err) == (0, "", "")
    record = json.loads(middle.read_text())
    assert record["fake"]["middle"] == 0.5
    figures = {name: figure["value"] for name, figure in record["figures"].items()}
    assert figures == {"precision": 1, "recall": 1, "fid": pytest.approx(0, abs=1e-6)}
    record = json.loads(whole.read_text())
    assert list(record["figures"]) == ["precision", "recall", "fid"]
    assert (record["real"]["count"], record["fake"]["count"]) == (60, 50)
    assert record["extractor"] == {"name": "identity"}
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.name.startswith("features-")


REFUSED = {
    "no run and no files": ([], "--workdir"),
    "an unknown metric": (["--real={real}", "--fake={fake}", "--metrics=fdi"], "'fdi' is none of"),
    "samples that are there already": (
        ["--real={real}", "--fake={fake}", "--reject"],
        "--reject is of a run: give --workdir",
    ),
    "real data alone": (["--real={real}"], "--fake"),
    "shapes unlike": (["--real={real}", "--fake={wide}"], "[4, 4, 1], --fake [4, 5, 1]"),
    "no labels and no extractor": (["--real={real}", "--fake={fake}"], "--extractor=inception"),
    "a metric that lacks classes": (
        ["--real={real}", "--fake={fake}", "--extractor=identity", "--metrics=is"],
        "'is' needs an extractor that knows classes",
    ),
    "a folder that is no run's": (["--workdir=gan_jax"], "gan_jax"),
    "a run without a checkpoint": (["--workdir={young}"], "no checkpoint yet"),
}


def test_bad_input_gets_one_clear_line(tiny, assert_refused, files, tmp_path):
    path, config = tiny("points/gan", steps=2, checkpoint_every=0, sample_every=0)
    train.run(path, config, tmp_path / "young")
    places = {**files, "young": tmp_path / "young"}
    assert_refused(
        "evaluate",
        {
            case: ([argument.format(**places) for argument in arguments], expected)
            for case, (arguments, expected) in REFUSED.items()
        },
    )


def test_runs_on_observations_are_judged_by_what_they_are_compared_with(
    tiny, scripts, cache, tmp_path
):
    for method in ("ambient", "inpaint"):
        path, config = tiny("image/ambientgan", steps=2, checkpoint_every=2, method=method)
        train.run(path, config, tmp_path / method)
    evaluate = ("--count=100", "--metrics=fid", f"--cache={cache}")
    ended = scripts(
        *(["evaluate", f"--workdir={tmp_path}/{m}", *evaluate] for m in ("ambient", "inpaint"))
    )
    assert [done.err for done in ended] == ["", ""]
    judges = [
        json.loads((tmp_path / m / "evaluation.json").read_text())["extractor"]["weights"]
        for m in ("ambient", "inpaint")
    ]
    assert judges[0] == judges[1]


def test_samples_of_a_run_that_has_learnt_nothing_are_worth_nothing_as_training_data(
    tiny, scripts, tmp_path
):
    for name in ("image/cgan", "points/gan"):
        path, config = tiny(name, steps=2, sample_every=0, checkpoint_every=2)
        train.run(path, config, tmp_path / name)
    workdir = tmp_path / "image" / "cgan"
    done, refused = scripts(
        ["cas", f"--workdir={workdir}", "--count=50"],
        ["cas", f"--workdir={tmp_path / 'points' / 'gan'}"],
    )
    assert (done.returncode, done.err) == (0, "")
    record = json.loads((workdir / "cas.json").read_text())
    trained = record["classifiers"]
    assert trained["cas"]["trained_on"]["count"] == 50
    assert trained["cas"]["settings"] == trained["cas_ceiling"]["settings"]
    figures = {name: figure["value"] for name, figure in record["figures"].items()}
    assert figures == {name: protocol["accuracy"] for name, protocol in trained.items()}
    assert figures["cas"] < 0.5 < figures["cas_ceiling"]
    assert refused.err.startswith("error: ")
    assert "needs labels to ask for" in refused.err


def test_translations_are_read_as_of_one_domain_or_the_other(tiny, scripts, cache, tmp_path):
    path, config = tiny(
        "translation/cyclegan:shoes_handbags", steps=2, checkpoint_every=2, evaluate_count=0
    )
    config.data.resolution = 16
    train.run(path, config, tmp_path)
    look = ("evaluate", f"--workdir={tmp_path}", "--metrics=classes,fid", f"--cache={cache}")
    ways = {"there": [], "back": ["--reverse"]}
    ended = scripts(*([*look, *more, f"--out={tmp_path / way}.json"] for way, more in ways.items()))
    assert [done.err for done in ended] == ["", ""]
    for way, more in ways.items():
        record = json.loads((tmp_path / f"{way}.json").read_text())
        assert list(record["figures"]) == ["top_probability", "accuracy", "fid"]
        assert record["fake"]["reverse"] is bool(more)
        both = record["extractor"]["trained_on"]["count"]
        assert both == 200 > record["real"]["count"]
