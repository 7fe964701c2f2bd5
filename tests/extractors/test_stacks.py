import numpy as np
import pytest

from gan_jax import extractors
from gan_jax.data import Image, digits, singles, stacked, transformed
from gan_jax.evaluation import Sets, dataset_features, score
from gan_jax.extractors import Extractor, Features, of_stacks
from gan_jax.types import UserError


def certain(x):
    """Reads the class that the first pixel says, and features that hold it."""
    label = x[:, 0, 0, 0]
    return Features(label[:, None].astype(np.float32), 50 * np.eye(10, dtype=np.float32)[label])


@pytest.fixture(scope="module")
def single():
    return Extractor(certain, {"name": "certain"}, Image())


def test_a_stack_reads_as_the_number_of_its_channels(single):
    x = np.zeros((3, 2, 2, 3), np.uint8)
    x[:, 0, 0] = [(7, 0, 2), (0, 0, 0), (9, 9, 8)]
    seen = of_stacks(single).extract(x)
    np.testing.assert_array_equal(seen.features, x[:, 0, 0])
    assert seen.logits.shape == (3, 1000)
    np.testing.assert_array_equal(seen.logits.argmax(axis=1), [702, 0, 998])


def test_numbers_are_as_likely_as_their_digits_together(single):
    digit = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
    unsure = single._replace(extract=lambda x: Features(digit, digit))
    seen = of_stacks(unsure).extract(np.zeros((2, 2, 2, 3), np.uint8))
    alone = Features(digit, digit).probabilities.reshape(2, 3, 10)
    together = np.einsum("na,nb,nc->nabc", *np.moveaxis(alone, 1, 0)).reshape(2, -1)
    np.testing.assert_allclose(seen.probabilities, together, rtol=1e-5)


def test_a_classifier_of_stacks_learns_from_the_images_that_were_stacked(tmp_path):
    stacks, said = stacked(digits(), 2_000, seed=0), []
    assert singles(stacks).name == "digits"
    extractor = extractors.classifier(
        stacks,
        settings=extractors.ClassifierSettings(width=8, updates=200),
        cache=tmp_path,
        held_out=stacked(digits("test"), 10, seed=0),
        report=said.append,
    )
    assert extractor.protocol["trained_on"]["count"] == len(digits())
    assert "accuracy" in said[-1]
    assert "digits[test]" in said[-1]
    assert extractors.accuracy(extractor, stacks) > 0.85
    real = dataset_features(stacks, extractor, count=2_000)
    zeros = stacks.columns["x"][stacks.columns["label"] < 10]
    fake = real._replace(**extractor.extract(zeros)._asdict())
    figures = score(Sets(real, fake), ["modes"])
    assert 8 <= figures["modes"].value <= 20
    assert figures["reverse_kl"].value > np.log(50)
    own = score(Sets(real, real), ["modes"])["reverse_kl"]
    assert 0.1 < own.value < 0.4  # by the shares that stacks are drawn in, 0.25 of even samples
    assert "drawn in" in own.how


def test_stacks_that_were_cut_are_not_read():
    cut = transformed(stacked(digits(), 10, seed=0), "x", lambda x: x[:4])
    with pytest.raises(UserError, match=r"\[4, 8, 3\], which are no stacks of \[8, 8, 1\]"):
        extractors.classifier(cut)
