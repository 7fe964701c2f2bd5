import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from gan_jax import prng

KEY = jax.random.key(3)


def data(keys):
    return np.asarray(jax.random.key_data(keys))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_batch_dealt_out_in_parts_has_the_keys_of_the_whole(count):
    parts = [prng.per_example(KEY, 8 // count, offset) for offset in range(0, 8, 8 // count)]
    np.testing.assert_array_equal(
        np.concatenate([data(p) for p in parts]), data(prng.per_example(KEY, 8))
    )


@pytest.mark.parametrize("purposes", [range(3), ["latent", "label", "penalty"]])
def test_every_example_and_every_purpose_has_a_key_of_its_own(purposes):
    examples = prng.per_example(KEY, 50)
    every = [examples, *(prng.fold_in(examples, purpose) for purpose in purposes)]
    words = np.concatenate([data(k) for k in every])
    assert len(np.unique(words, axis=0)) == 200


def test_the_constant_of_a_name_is_the_start_of_its_hash():
    # printf latent | sha256sum
    by_hand = jax.random.fold_in(KEY, 0xD0346E49)
    assert prng.fold_in(KEY, "latent") == by_hand


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_keys_of_any_shape_are_folded_one_by_one(shape):
    many = jax.random.split(KEY, shape)
    folded = prng.fold_in(many, "noise")
    assert folded.shape == shape
    for index in np.ndindex(shape):
        assert folded[index] == prng.fold_in(many[index], "noise")


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [(prng.normal, scipy.stats.norm()), (prng.uniform, scipy.stats.uniform())],
)
def test_noise_follows_its_distribution_within_and_across_examples(draw, distribution):
    noise = np.asarray(draw(prng.per_example(KEY, 200), (5, 4)))
    assert noise.shape == (200, 5, 4)
    assert noise.dtype == np.float32
    assert scipy.stats.kstest(noise.ravel(), distribution.cdf).pvalue > 0.01
    assert scipy.stats.kstest(noise[:, 0, 0], distribution.cdf).pvalue > 0.01


@pytest.mark.parametrize("draw", [prng.normal, prng.uniform])
def test_an_examples_noise_is_that_of_its_key_alone(draw):
    examples = prng.per_example(KEY, 6)
    np.testing.assert_array_equal(draw(examples, (3,))[4:5], draw(examples[4:5], (3,)))
    assert len(jnp.unique(draw(examples, (3,)))) == 18
