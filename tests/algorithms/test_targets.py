"""What outputs of a translator stand for, by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.algorithms import targets

random = np.random.default_rng(0)
IMAGE, OTHER = random.uniform(-1, 1, (2, 3, 4, 4, 2)).astype(np.float32)


def test_an_image_is_seen_as_it_is():
    for target in (targets.L1, targets.L2):
        np.testing.assert_array_equal(target.see(IMAGE, None), IMAGE)
        np.testing.assert_array_equal(target.decode(IMAGE, None), IMAGE)


def test_errors_are_means_over_an_example():
    gap = np.float64(IMAGE) - OTHER
    l1, l2 = (t.error(IMAGE, OTHER, None) for t in (targets.L1, targets.L2))
    np.testing.assert_allclose(l1, np.abs(gap).mean(axis=(1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(l2, (gap**2).mean(axis=(1, 2, 3)), rtol=1e-5)


def test_a_map_of_classes_is_seen_as_probabilities():
    target = targets.labels(2)
    label = random.integers(2, size=(3, 4, 4))
    exact = np.exp(np.float64(IMAGE))
    exact /= exact.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(target.see(IMAGE, None), exact, rtol=1e-5)
    np.testing.assert_array_equal(target.encode(label)[..., 1], label)
    np.testing.assert_array_equal(target.decode(IMAGE, None), IMAGE.argmax(axis=-1))
    right = np.take_along_axis(exact, label[..., None], axis=-1)
    found = target.error(IMAGE, label, None)
    np.testing.assert_allclose(found, -np.log(right).mean(axis=(1, 2, 3)), rtol=1e-5)


def test_what_is_known_stays_bit_for_bit_and_the_hole_is_filled():
    known = random.choice([-1.0, 1.0], (3, 4, 4, 1)).astype(np.float32)
    source = np.concatenate([OTHER, known], axis=-1)
    for filled in (targets.HOLE.see(IMAGE, source), targets.HOLE.decode(IMAGE, source)):
        np.testing.assert_array_equal(filled, np.where(known > 0, OTHER, IMAGE))


def test_the_error_of_a_hole_is_the_mean_square_within():
    known = np.ones((3, 4, 4, 1), np.float32)
    known[0, 1:3, 1:3] = known[1, :, 0] = -1  # and the third has no hole
    source = np.concatenate([OTHER, known], axis=-1)
    square = (np.float64(IMAGE) - OTHER) ** 2
    by_hand = [square[0, 1:3, 1:3].mean(), square[1, :, 0].mean(), 0.0]
    np.testing.assert_allclose(targets.HOLE.error(IMAGE, OTHER, source), by_hand, rtol=1e-5)
    gradient = jax.grad(lambda x: jnp.sum(targets.HOLE.error(x, OTHER, source)))(IMAGE)
    assert np.array_equal(np.any(gradient != 0, axis=-1), known[..., 0] < 0)
