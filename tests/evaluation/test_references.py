import jax
import numpy as np
import pytest

from gan_jax.data import ArrayDataset, materialise, unpaired
from gan_jax.evaluation import reference, suited_evaluators
from gan_jax.extractors import ClassifierSettings
from gan_jax.game import Game

random = np.random.default_rng(0)
DARK, LIGHT = (
    ArrayDataset(name, "train", {"x": random.integers(low, low + 99, (40, 4, 4, 1), np.uint8)})
    for name, low in (("dark", 0), ("light", 156))
)
DOMAINS = unpaired(a=DARK, b=LIGHT)


def labelled(dataset):
    return ArrayDataset(
        dataset.name, "train", {**dataset.columns, "label": np.arange(len(dataset)) % 3}
    )


def test_samples_of_labelled_data_are_asked_for_by_their_labels():
    whole = unpaired(a=labelled(DARK), b=labelled(LIGHT))
    found = reference(whole, "b")
    assert found.labelled is found.real
    np.testing.assert_array_equal(found.real[4]["x"], LIGHT[4]["x"])
    assert found.asked(np.arange(3), 3).tolist() == [0, 1, 2]


def test_data_without_labels_or_domains_stay_without():
    found = reference(LIGHT, "x")
    assert list(found.labelled.kinds) == ["x"]
    assert found.asked(None, 3) is None


def test_domains_of_unlike_shape_or_numbers_are_not_told_apart():
    small = ArrayDataset("small", "train", {"x": LIGHT.columns["x"][:, :2, :2]})
    floats = ArrayDataset("floats", "train", {"x": np.float32(LIGHT.columns["x"])})
    for other in (small, floats):
        found = reference(unpaired(a=DARK, b=other), "b")
        assert found.labelled is found.real
        assert list(found.real.kinds) == ["x"]


def test_domains_without_labels_are_told_from_one_another():
    found = reference(DOMAINS, "b")
    assert materialise(found.labelled).columns["label"].tolist() == [0] * 40 + [1] * 40
    assert materialise(found.real).columns["label"].tolist() == [1] * 40
    assert found.asked(np.arange(3), 3).tolist() == [1, 1, 1]


@pytest.mark.parametrize(("source", "target", "added"), [("a", "b", 1.22), ("b", "a", -1.22)])
def test_a_translation_is_scored_by_whether_it_is_read_as_of_the_domain_that_it_goes_to(
    source, target, added
):
    game = Game(
        init=lambda key, batch: {},
        turns=(),
        inputs=lambda keys, batch: {source: batch[source]},
        sample=lambda players, inputs: inputs[source] + players["added"],
        conditions=(source,),
        target=target,
    )
    x = DOMAINS.domains[source].columns["x"]
    inputs, settings = {source: x / np.float32(127.5) - 1}, ClassifierSettings(updates=50)
    (evaluate,) = suited_evaluators(game, DOMAINS, None, inputs, count=40, settings=settings)
    for moved, share in ((0.0, 0.0), (added, 1.0)):
        figures = evaluate({"added": jax.numpy.float32(moved)})
        assert figures["samples/accuracy"] == share
        assert not [name for name in figures if "share" in name or "entropy" in name]
