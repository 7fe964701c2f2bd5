import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import prng
from gan_jax.algorithms import _pool as pool

KEY = jax.random.key(0)


@jax.jit
def exchanged(past, fresh, step):
    keys_ = prng.per_example(jax.random.fold_in(KEY, step), len(fresh))
    shown, choices = pool.exchange(past, fresh, keys_)
    return shown, pool.keep(past, choices)


def met(past, fresh, step):
    """What is shown of fresh samples, and the pool after them."""
    shown, past = exchanged(past, fresh, step)
    return np.asarray(shown), past


def numbered(start, count):
    return jnp.arange(float(start), start + count)


def test_a_pool_is_empty_at_first():
    past = pool.empty(5, jnp.zeros((3, 4, 2), jnp.bfloat16))
    assert past.samples.shape == (5, 4, 2)
    assert past.samples.dtype == jnp.bfloat16
    assert past.filled == 0


@pytest.mark.parametrize("size", [3, 8, 11])
def test_while_it_fills_samples_are_shown_as_they_are_and_kept_in_order(size):
    past = pool.empty(size, numbered(0, 4))
    for step in range(3):
        if past.filled == size:
            break
        fresh = numbered(1 + 4 * step, 4)
        shown, past = met(past, fresh, step)
        np.testing.assert_array_equal(shown, fresh)
    held = min(size, 12)
    assert past.filled == held
    np.testing.assert_array_equal(past.samples[:held], np.arange(1, held + 1))


def full_pool(size):
    return pool.Pool(numbered(0, size), jnp.int32(size))


def test_a_full_pool_exchanges_half_of_the_samples_for_past_ones():
    past, fresh = full_pool(400), numbered(1000, 400)
    shown, after = met(past, fresh, 0)
    taken = shown < 1000
    assert 0.4 < taken.mean() < 0.6
    np.testing.assert_array_equal(shown[~taken], np.asarray(fresh)[~taken])
    # Those that were taken out made room for the fresh ones that were not shown.
    gone = np.setdiff1d(past.samples, after.samples)
    np.testing.assert_array_equal(gone, np.unique(shown[taken]))
    came = np.setdiff1d(after.samples, past.samples)
    assert set(came) <= set(np.asarray(fresh)[taken])
    assert after.filled == 400
    assert len(np.unique(shown[taken])) > 0.6 * taken.sum()


def test_of_two_samples_for_one_place_the_later_stays():
    shown, after = met(full_pool(1), numbered(1000, 20), 0)
    taken = np.flatnonzero(shown == 0)
    assert len(taken) > 1
    np.testing.assert_array_equal(after.samples, [1000 + taken[-1]])


def test_past_samples_live_on_as_long_as_the_pool_is_large():
    past, ages = full_pool(20), []
    for step in range(200):
        shown, past = met(past, numbered(100 + 4 * step, 4), step)
        ages += [(100 + 4 * step - x) / 4 for x in shown if x < 100 + 4 * step]
    # Two of four are exchanged a step, so that a place of 20 is hit every ten steps.
    assert 7 < np.mean(ages[100:]) < 13
