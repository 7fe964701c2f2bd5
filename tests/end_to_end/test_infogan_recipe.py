from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from experiments import recipes
from gan_jax import prng

RECIPE = recipes.load_recipe(Path(__file__).parents[2] / "configs/image/infogan.py")
KEYS = prng.per_example(jax.random.key(0), 4)
IMAGES = np.asarray(jax.random.uniform(jax.random.key(1), (4, 9, 9, 2), minval=-1.0))


@pytest.mark.parametrize("scale", [0.0, 0.3])
@pytest.mark.parametrize("shear", [0.0, 0.4])
@pytest.mark.parametrize("move", [0.0, 0.2])
def test_the_affine_map_is_that_of_linear_interpolation_along_either_axis(scale, shear, move):
    found = RECIPE.affine(KEYS, IMAGES, scale, shear, move)
    drawn = 2 * np.asarray(prng.uniform(KEYS, (6,))) - 1
    place = np.arange(9) - 4.0
    down, across = np.meshgrid(place, place, indexing="ij")
    for image, result, (a, b, c, d, e, f) in zip(IMAGES, found, drawn, strict=True):
        from_x = (1 + scale * a) * across + shear * b * down + 9 * move * c
        from_y = (1 + scale * d) * down + shear * e * across + 9 * move * f
        for channel in range(2):
            read = lambda x, at: map_coordinates(x, at, order=1, mode="constant", cval=-1.0)
            padded = np.pad(image[..., channel], 1, constant_values=-1.0)
            once = read(padded, [down + 5, np.clip(from_x + 5, 0, 10)])
            padded = np.pad(once, 1, constant_values=-1.0)
            twice = read(padded, [np.clip(from_y + 5, 0, 10), across + 5])
            np.testing.assert_allclose(result[..., channel], twice, atol=1e-5)
