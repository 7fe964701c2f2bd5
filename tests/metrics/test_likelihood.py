import jax.numpy as jnp
import numpy as np

from gan_jax.metrics import effective_sample_size, importance_weighted_bound

# Columns are examples: equal weights, weights by hand, one that outweighs all.
LOG_WEIGHTS = jnp.stack(
    [jnp.full(4, -1000.0), jnp.log(jnp.array([1.0, 2.0, 3.0, 4.0])), jnp.array([90.0, 0, 0, 0])],
    axis=1,
)


def test_the_bound_is_the_log_of_the_mean_weight():
    expected = [-1000, np.log(2.5), 90 - np.log(4)]
    np.testing.assert_allclose(importance_weighted_bound(LOG_WEIGHTS), expected, rtol=1e-6)


def test_one_sample_is_its_own_bound():
    np.testing.assert_allclose(importance_weighted_bound(LOG_WEIGHTS[:1]), LOG_WEIGHTS[0])


def test_effective_samples_are_all_of_equal_weight_and_one_that_outweighs():
    np.testing.assert_allclose(effective_sample_size(LOG_WEIGHTS), [4, 100 / 30, 1], rtol=1e-3)
