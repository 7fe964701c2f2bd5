"""What a private training gives away of an example."""

import math

from gan_jax.types import UserError

DELTA = 1e-5
"""The probability that is left out of account, by custom; it is to be well below 1 / examples."""


def epsilon(
    noise_multiplier: float, batch_size: int, examples: int, updates: int, delta: float = DELTA
) -> float:
    """ε of (ε, δ)-differential privacy after so many noisy updates, as dp-accounting finds it.

    By privacy loss distributions, of neighbours that differ by one example more or less. It is
    that of Poisson sampling, where each example is part of a batch with probability `batch_size /
    examples`, by itself. A loader that shuffles epochs and deals out batches of one size, no
    example twice in one (`data.make_loader(apart=True)`), is accounted for so by custom and not by
    proof: its ε can be larger (How Private are DP-SGD Implementations?, Chua et al., 2024,
    arXiv:2403.17673).

    Args:
      noise_multiplier: σ of the noise in a sum of gradients, in units of their largest norm.
      batch_size: examples a batch, at most `examples`.
      examples: in the data set.
      updates: noisy ones.
      delta: in (0, 1).

    Raises:
      UserError: a batch is larger than the data, or dp-accounting is not installed.
    """
    if batch_size > examples:
        raise UserError(f"batch_size {batch_size} is more than the {examples} examples there are")
    try:
        import dp_accounting
        from dp_accounting.pld import PLDAccountant
    except ImportError:
        raise UserError(
            "no dp-accounting: pip install -c constraints.txt -e '.[privacy]'"
        ) from None
    if not updates or not noise_multiplier:
        return math.inf if updates else 0.0
    gaussian = dp_accounting.GaussianDpEvent(noise_multiplier)
    update = dp_accounting.PoissonSampledDpEvent(batch_size / examples, gaussian)
    accountant = PLDAccountant().compose(update, updates)
    return float(accountant.get_epsilon(delta))
