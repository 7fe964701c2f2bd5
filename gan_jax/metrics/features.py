"""What features must be before a metric reads them."""

import numpy as np

from gan_jax.types import UserError


def as_features(*sets: np.ndarray) -> list[np.ndarray]:
    """The sets as NumPy arrays `[N, D]`: none empty, all finite, of one D.

    Raises:
      UserError: if they are not so.
    """
    arrays = [np.asarray(features) for features in sets]
    shapes = [array.shape for array in arrays]
    if any(len(shape) != 2 or 0 in shape or shape[1] != shapes[0][-1] for shape in shapes):
        raise UserError(
            f"features are to be [N, D] of one D, got {', '.join(map(str, shapes))}: "
            "take them all from the same extractor"
        )
    if not all(np.isfinite(array).all() for array in arrays):
        raise UserError(
            "features or logits hold values that are not finite: look for NaN in their images"
        )
    return arrays
