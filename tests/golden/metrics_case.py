"""Features for the script that writes metrics.json and the tests that read it.

By NumPy's RandomState, whose streams are frozen.
"""

import numpy as np

CASES = {  # N, M, D, mean, type
    "float64": (300, 253, 12, 0, np.float64),
    "float32": (200, 260, 32, 0, np.float32),
    "fewer than dimensions": (40, 30, 64, 0, np.float32),
    "far from 0": (300, 300, 16, 100, np.float32),
    "one set twice": (200, 200, 16, 1, np.float64),
}
SUBSETS = {"subsets": 20, "subset_size": 100, "seed": 3}


def features(name):
    """Real `[N, D]` and generated `[M, D]`: correlated Gaussians with different moments."""
    n, m, dimensions, mean, dtype = CASES[name]
    random = np.random.RandomState(0)
    mixing = random.normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)
    real = random.normal(size=(n, dimensions)) @ mixing + mean
    fake = (0.8 * random.normal(size=(m, dimensions)) + 0.3) @ mixing + mean
    return (real.astype(dtype), (real if name == "one set twice" else fake).astype(dtype))
