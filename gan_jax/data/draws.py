"""Random numbers of data that are drawn, the same on every machine."""

import numpy as np


def generator(seed: int, stream: int = 0, place: int = 0) -> np.random.Generator:
    """A generator of its own for each seed, stream and place in it.

    Philox of Parallel Random Numbers: As Easy as 1, 2, 3, Salmon et al., 2011, SC11.

    Args:
        seed: Any integer.
        stream: Such as a split's number, in [0, 2^64).
        place: Such as an example's, in [0, 2^64).
    """
    key = np.array([seed % 2**64, stream], np.uint64)
    counter = np.array([0, 0, 0, place], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
