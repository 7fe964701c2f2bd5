import numpy as np

from gan_jax.data.draws import generator


def test_seeds_streams_and_places_are_apart_and_any_seed_will_do():
    places = [(3, 0, 0), (3, 1, 0), (3, 0, 1), (-3, 0, 0), (-3, 1, 0), (2**64 - 2, 0, 0)]
    drawn = [tuple(generator(*place).integers(2**62, size=2)) for place in places]
    assert len(set(drawn)) == len(places)
    plain = np.random.Generator(np.random.Philox(key=3)).integers(2**62, size=2)
    np.testing.assert_array_equal(drawn[0], plain)
