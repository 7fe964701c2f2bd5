"""How far an image is from the one it should be, and how sharp it is."""

import numpy as np


def psnr(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of pairs of images, `10 log₁₀(L² / mean (x - y)²)` with L = 2.

    It is that of the same images as 0 to 255 with L = 255.

    Args:
      x: `[N, ...]`, floats in [-1, 1].
      y: the same shape.

    Returns:
      float64 `[N]`, decibels; infinite for equal images.
    """
    square = (np.asarray(x, np.float64) - np.asarray(y, np.float64)) ** 2
    error = square.reshape(len(square), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(4 / error)


def sharpness(x: np.ndarray) -> np.ndarray:
    """The mean absolute difference of neighbours in a column, and that in a row, added: `[N]`.

    Of one picture it falls as it is blurred; edges and noise alike raise it.

    Args:
      x: `[N, ..., H, W, C]`, floats.
    """
    x = np.asarray(x, np.float64)
    sides = (np.abs(np.diff(x, axis=axis)).reshape(len(x), -1) for axis in (-3, -2))
    return sum(side.mean(axis=1) for side in sides)
