from functools import partial

import jax
import numpy as np
import pytest
import scipy.stats
from scipy.special import log_softmax

from gan_jax import priors, prng

KEYS = prng.per_example(jax.random.key(2), 400)
random = np.random.default_rng(0)
PRIORS = {
    "normal": (priors.normal, scipy.stats.norm()),
    "narrow": (partial(priors.normal, std=0.1), scipy.stats.norm(scale=0.1)),
    "uniform": (priors.uniform, scipy.stats.uniform(-1, 2)),
    "close": (partial(priors.uniform, most=0.25), scipy.stats.uniform(-0.25, 0.5)),
}


@pytest.mark.parametrize("name", PRIORS)
def test_samples_follow_the_distribution_within_and_across_examples(name):
    make, distribution = PRIORS[name]
    prior = make(3)
    samples = np.asarray(prior.sample(KEYS))
    assert prior.dim == 3
    assert samples.shape == (400, 3)
    assert samples.dtype == np.float32
    for column in (samples.ravel(), samples[:, 0]):
        assert scipy.stats.kstest(column, distribution.cdf).pvalue > 0.01


def test_a_span_holds_the_distribution_or_nearly_all_of_it():
    for name, share in (("uniform", 1), ("close", 1), ("normal", 0.9545), ("narrow", 0.9545)):
        make, distribution = PRIORS[name]
        lowest, highest = make(3).span
        np.testing.assert_allclose(np.diff(distribution.cdf([lowest, highest])), share, atol=1e-4)
        assert lowest == -highest
    assert priors.one_hot(3).span is None


def test_one_hot_samples_are_unit_vectors_of_classes_as_likely():
    samples = np.asarray(priors.one_hot(4).sample(KEYS))
    np.testing.assert_array_equal(np.sort(samples, axis=1), np.tile([0, 0, 0, 1.0], (400, 1)))
    assert scipy.stats.chisquare(samples.sum(axis=0)).pvalue > 0.01


@pytest.mark.parametrize("make", [priors.normal, priors.uniform, priors.one_hot])
def test_a_sample_is_that_of_its_key_alone(make):
    prior = make(5)
    np.testing.assert_array_equal(prior.sample(KEYS)[7:9], prior.sample(KEYS[7:9]))


@pytest.mark.parametrize("name", PRIORS)
def test_a_value_is_judged_under_a_normal_posterior_of_variance_one(name):
    output, value = random.normal(size=(2, 6, 3)).astype(np.float32)
    expected = -scipy.stats.norm.logpdf(value, output).sum(axis=1)
    np.testing.assert_allclose(PRIORS[name][0](3).nll(output, value), expected, rtol=1e-5)


def test_a_class_is_judged_by_its_log_probability():
    logits, classes = random.normal(size=(6, 4)).astype(np.float32), random.integers(4, size=6)
    expected = -log_softmax(logits, axis=1)[np.arange(6), classes]
    nll = priors.one_hot(4).nll(logits, np.eye(4, dtype=np.float32)[classes])
    np.testing.assert_allclose(nll, expected, rtol=1e-5)
