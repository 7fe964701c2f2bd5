"""Whether a discriminator knows its training images by heart."""

import numpy as np

from gan_jax.metrics.estimate import share_below


def discriminator_gap(
    train: np.ndarray, held_out: np.ndarray, fake: np.ndarray
) -> dict[str, float]:
    """How differently a discriminator judges real images that it was and was not trained on.

    Training Generative Adversarial Networks with Limited Data, Karras et al., 2020,
    arXiv:2006.06676, eq. 1: `r_v = (E[D_train] - E[D_held_out]) / (E[D_train] - E[D_fake])` and
    `r_t = E[sign(D_train)]`, which the paper's augmentation steers to 0.6.

    Args:
      train: `[N]`, logits of training images; higher is more real.
      held_out: `[M]`, logits of real images not trained on.
      fake: `[L]`, logits of samples.

    Returns:
      `r_v`, about 0 without overfitting and 1 where held-out images pass for samples, NaN where
      training images and samples are judged alike; `r_t` in [-1, 1]; `auc`, the probability that a
      training image is judged more real than a held-out one, 0.5 without overfitting.
    """
    train, held_out, fake = (np.asarray(logits, np.float64) for logits in (train, held_out, fake))
    span = train.mean() - fake.mean()
    return {
        "r_v": float((train.mean() - held_out.mean()) / span) if span else float("nan"),
        "r_t": float(np.sign(train).mean()),
        "auc": float(share_below(train, held_out).mean()),
    }
