"""Stacks of grey images, read channel by channel."""

import numpy as np
from scipy.special import log_softmax

from gan_jax.data import unstack
from gan_jax.extractors._extractor import Extractor, Features


def of_stacks(single: Extractor) -> Extractor:
    """Reads `data.stacked` images by an extractor of the images they are made of, ten classes each.

    PacGAN, Lin et al., 2018, arXiv:1712.04086, counts the thousand modes of Stacked MNIST by a
    classifier of MNIST so.

    Args:
      single: of one channel, `[N, H, W, 1]`, to features `[N, D]` and logits `[N, 10]`.

    Returns:
      An extractor of `[N, H, W, 3]` to the channels' features side by side, `[N, 3 D]`, and the
      logarithms of the probabilities of all numbers that they may read as, `[N, 1000]`.
    """

    def extract(x: np.ndarray) -> Features:
        seen = single.extract(unstack(single.kind.to_stored(x)))
        assert seen.logits is not None
        likely = log_softmax(seen.logits.astype(np.float64), axis=-1).reshape(len(x), 3, -1)
        hundreds, tens, ones = np.moveaxis(likely, 1, 0)
        number = hundreds[:, :, None, None] + tens[:, None, :, None] + ones[:, None, None, :]
        logits = number.reshape(len(x), -1).astype(np.float32)
        return Features(seen.features.reshape(len(x), -1), logits)

    return Extractor(extract, {**single.protocol, "channels": "each by itself"}, single.kind)
