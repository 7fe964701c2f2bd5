import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.losses import feature_matching, gram_distance, pulling_away

random = np.random.default_rng(0)


def test_feature_matching_is_the_squared_distance_of_means():
    real, fake = random.normal(size=(2, 3, 4))
    value, slope = jax.value_and_grad(feature_matching, 1)(jnp.float32(real), jnp.float32(fake))
    np.testing.assert_allclose(value, np.linalg.norm((real - fake).ravel()) ** 2, rtol=1e-5)
    np.testing.assert_allclose(slope, 2 * (fake - real), rtol=1e-5)


def by_definition(features):
    n, total = len(features), 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                a, b = features[i], features[j]
                total += (a @ b / np.linalg.norm(a) / np.linalg.norm(b)) ** 2
    return total / (n * (n - 1))


def test_pulling_away_is_the_mean_squared_cosine_of_pairs():
    features = random.normal(size=(6, 3))
    mean = lambda s: jnp.mean(pulling_away(s, s))
    value, slope = jax.value_and_grad(mean)(jnp.float32(features))
    np.testing.assert_allclose(value, by_definition(features), rtol=1e-5)
    for i, j in ((0, 0), (3, 2)):
        step = np.zeros_like(features)
        step[i, j] = 1e-5
        expected = (by_definition(features + step) - by_definition(features - step)) / 2e-5
        np.testing.assert_allclose(slope[i, j], expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("features", "expected"), [(np.eye(3), 0.0), (np.ones((3, 2)), 1.0)])
def test_pulling_away_of_orthogonal_features_is_nothing_and_of_equal_ones_is_all(
    features, expected
):
    features = jnp.float32(features)
    np.testing.assert_allclose(pulling_away(features, features), [expected] * 3, atol=1e-6)


def test_one_example_has_no_others_to_be_pulled_away_from():
    with pytest.raises(ValueError, match="no others"):
        pulling_away(jnp.ones((1, 2)), jnp.ones((1, 2)))


def test_pulling_away_of_features_of_zero_is_nothing_and_has_a_finite_gradient():
    np.testing.assert_array_equal(pulling_away(jnp.zeros((3, 2)), jnp.zeros((3, 2))), np.zeros(3))
    slope = jax.grad(lambda s: jnp.sum(pulling_away(s, s)))(jnp.zeros((3, 2)))
    assert np.isfinite(slope).all()


def test_gram_distance_compares_sums_over_places():
    a, b = random.normal(size=(2, 3, 2, 4, 5))
    expected = np.zeros(3)
    for n, i, j in np.ndindex(3, 5, 5):
        gram, wanted = ((x[n, ..., i] * x[n, ..., j]).sum() for x in (a, b))
        expected[n] += (gram - wanted) ** 2 / (4 * 5**2 * 8**2)
    np.testing.assert_allclose(gram_distance(jnp.float32(a), jnp.float32(b)), expected, rtol=1e-4)


def test_gram_distance_does_not_see_where():
    a = jnp.float32(random.normal(size=(2, 4, 4, 3)))
    elsewhere = a[:, ::-1].swapaxes(1, 2)
    np.testing.assert_allclose(gram_distance(a, elsewhere), 0, atol=1e-10)
